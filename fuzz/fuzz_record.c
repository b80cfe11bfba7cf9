/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The agent's persisted record. */
#include "device/agent/record.h"
#include "fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static struct dr_agent_record record;
    static struct dr_agent_record again;
    uint8_t out[DR_AGENT_RECORD_BYTES_MAX];
    if (dr_agent_record_decode(data, size_bytes, &record) == DR_OK) {
        size_t size = dr_agent_record_encode(&record, out);
        FUZZ(size <= sizeof(out));
        FUZZ(dr_agent_record_decode(out, size, &again) == DR_OK);
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The snapshot that the gate maps: length and CRC are repaired first by nobody, so the corpus
 * carries whole ones and the parser must refuse everything else. */
#include "cloud/wire/snapshot.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct dr_snapshot *snapshot = NULL;
    if (dr_snapshot_parse(data, size_bytes, &snapshot) == DR_OK) {
        struct dr_snapshot_info info = dr_snapshot_info(snapshot);
        FUZZ(info.size_bytes <= size_bytes);
        dr_snapshot_close(snapshot);
    }
    return 0;
}

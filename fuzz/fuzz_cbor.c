/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/cbor.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct dr_reader skipping;
    struct dr_reader reading;
    dr_reader_init(&skipping, data, size_bytes);
    dr_cbor_skip(&skipping);
    FUZZ(skipping.offset_bytes <= size_bytes);
    FUZZ(skipping.status != DR_OK || skipping.offset_bytes > 0);

    dr_reader_init(&reading, data, size_bytes);
    struct dr_cbor_map map = dr_cbor_read_map(&reading);
    while (dr_cbor_more(&reading, &map)) {
        size_t size = 0;
        size_t before = reading.offset_bytes;
        struct dr_reader probe = reading;
        (void)dr_cbor_read_text(&probe, &size);
        probe = reading;
        (void)dr_cbor_read_bytes(&probe, &size);
        FUZZ(size <= size_bytes);
        probe = reading;
        (void)dr_cbor_read_uint(&probe);
        dr_cbor_skip(&reading);
        dr_cbor_skip(&reading);
        FUZZ(reading.status != DR_OK || reading.offset_bytes >= before + 2);
    }
    /* Reading pair by pair comes to the same end as skipping the whole map. */
    if (reading.status == DR_OK) {
        FUZZ(skipping.status == DR_E_RANGE || skipping.offset_bytes == reading.offset_bytes);
    }
    return 0;
}

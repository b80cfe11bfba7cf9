/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Records that pass between ROM and firmware: hand-off, boot state, retained block, crash record.
 * The first byte says which; a wrong CRC is repaired first, so that what is behind it gets tried
 * too. */
#include "base/crc32.h"
#include "base/cursor.h"
#include "device/boot/info.h"
#include "device/boot/state.h"
#include "fuzz/fuzz.h"

#include <string.h>

#define RECORD_BYTES_MAX 1024u

static uint8_t record[RECORD_BYTES_MAX];

/* The input, cut or zero-filled to size_bytes, its last four bytes the CRC of the rest. */
static void make_record(const uint8_t *data, size_t data_bytes, size_t size_bytes)
{
    struct dr_writer writer;
    memset(record, 0, sizeof(record));
    memcpy(record, data, data_bytes < size_bytes ? data_bytes : size_bytes);
    dr_writer_init(&writer, record + size_bytes - 4, 4);
    dr_write_u32(&writer, dr_crc32(0, record, size_bytes - 4));
}

/* What was decoded encodes to something that decodes to the same. */
static void boot_info(void)
{
    static struct dr_boot_info info;
    static struct dr_boot_info again;
    uint8_t out[DR_BOOT_INFO_BYTES];
    uint8_t twice[DR_BOOT_INFO_BYTES];
    if (dr_boot_info_decode(record, DR_BOOT_INFO_BYTES, &info) == DR_OK) {
        dr_boot_info_encode(&info, out);
        FUZZ(dr_boot_info_decode(out, sizeof(out), &again) == DR_OK);
        dr_boot_info_encode(&again, twice);
        FUZZ(memcmp(out, twice, sizeof(out)) == 0);
    }
}

static void boot_state(void)
{
    static struct dr_boot_state state;
    static struct dr_boot_state again;
    uint8_t out[DR_BOOT_STATE_BYTES];
    uint8_t twice[DR_BOOT_STATE_BYTES];
    if (dr_boot_state_decode(record, &state) == DR_OK) {
        dr_boot_state_encode(&state, out);
        FUZZ(dr_boot_state_decode(out, &again) == DR_OK);
        dr_boot_state_encode(&again, twice);
        FUZZ(memcmp(out, twice, sizeof(out)) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct dr_retained retained;
    struct dr_crash_record crash;
    if (size_bytes == 0) {
        return 0;
    }
    uint8_t which = data[0];
    data++;
    size_bytes--;
    if (which == '0') {
        make_record(data, size_bytes, DR_BOOT_INFO_BYTES);
        boot_info();
    } else if (which == '1') {
        memset(record, 0, sizeof(record));
        memcpy(record, data, size_bytes < DR_BOOT_STATE_BYTES ? size_bytes : DR_BOOT_STATE_BYTES);
        boot_state();
    } else if (which == '2') {
        make_record(data, size_bytes, DR_RETAINED_BYTES);
        DR_IGNORE(dr_retained_decode(record, &retained)); /* must only survive */
    } else {
        make_record(data, size_bytes, DR_CRASH_BYTES);
        DR_IGNORE(dr_crash_decode(record, &crash));
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Layout, little-endian: "DRSIGN1\n", u8 signed before, u8 has sequence, u32 sequence, version
 * (u8 u8 u16 u32), u32 counter, 32 bytes digest, u8 approvals, 32 bytes each, u32 CRC of all. */
#include "cloud/signer/state.h"

#include "base/crc32.h"
#include "base/cursor.h"
#include "cloud/pki/pki.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "DRSIGN1\n"
#define STATE_BYTES_MAX (8u + 64u + 32u * DR_SIGNER_APPROVALS_MAX)

static enum dr_status decode(const uint8_t *data, size_t size_bytes, struct dr_signer_state *state)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data, size_bytes);
    const uint8_t *magic = dr_reader_view(&reader, sizeof(MAGIC) - 1);
    if (magic == NULL || memcmp(magic, MAGIC, sizeof(MAGIC) - 1) != 0) {
        return DR_E_CORRUPT;
    }
    state->signed_before = dr_read_u8(&reader) != 0;
    state->order.has_sequence = dr_read_u8(&reader) != 0;
    state->order.sequence = dr_read_u32(&reader);
    state->order.version.major = dr_read_u8(&reader);
    state->order.version.minor = dr_read_u8(&reader);
    state->order.version.revision = dr_read_u16(&reader);
    state->order.version.build = dr_read_u32(&reader);
    state->counter = dr_read_u32(&reader);
    dr_read_bytes(&reader, state->digest, sizeof(state->digest));
    state->approved_count = dr_read_u8(&reader);
    if (state->approved_count > DR_SIGNER_APPROVALS_MAX) {
        return DR_E_CORRUPT;
    }
    dr_read_bytes(&reader, state->approved[0], state->approved_count * DR_SIGNER_DIGEST_BYTES);
    size_t covered = reader.offset_bytes;
    uint32_t crc = dr_read_u32(&reader);
    return dr_reader_end(&reader) == DR_OK && crc == dr_crc32(0, data, covered) ? DR_OK
                                                                                : DR_E_CORRUPT;
}

enum dr_status dr_signer_state_read(const char *path, struct dr_signer_state *ret_state)
{
    uint8_t data[STATE_BYTES_MAX + 1];
    struct dr_signer_state state;
    memset(&state, 0, sizeof(state));
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        if (errno != ENOENT) {
            return DR_E_IO;
        }
        *ret_state = state;
        return DR_OK;
    }
    size_t size = fread(data, 1, sizeof(data), file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed) {
        return DR_E_IO;
    }
    DR_TRY(decode(data, size, &state));
    *ret_state = state;
    return DR_OK;
}

enum dr_status dr_signer_state_write(const char *path, const struct dr_signer_state *state)
{
    uint8_t data[STATE_BYTES_MAX];
    struct dr_writer writer;
    dr_writer_init(&writer, data, sizeof(data));
    dr_write_text(&writer, MAGIC);
    dr_write_u8(&writer, state->signed_before ? 1 : 0);
    dr_write_u8(&writer, state->order.has_sequence ? 1 : 0);
    dr_write_u32(&writer, state->order.sequence);
    dr_write_u8(&writer, state->order.version.major);
    dr_write_u8(&writer, state->order.version.minor);
    dr_write_u16(&writer, state->order.version.revision);
    dr_write_u32(&writer, state->order.version.build);
    dr_write_u32(&writer, state->counter);
    dr_write_bytes(&writer, state->digest, sizeof(state->digest));
    dr_write_u8(&writer, (uint8_t)state->approved_count);
    dr_write_bytes(&writer, state->approved[0], state->approved_count * DR_SIGNER_DIGEST_BYTES);
    dr_write_u32(&writer, dr_crc32(0, data, writer.size_bytes));
    DR_TRY(writer.status);
    return dr_pki_write_file(path, (const char *)data, writer.size_bytes, 0600);
}

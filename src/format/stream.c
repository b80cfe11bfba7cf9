/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/stream.h"

#include "base/cursor.h"
#include "format/cbor.h"

#include <string.h>

static void write_key(struct dr_writer *writer, char key)
{
    dr_cbor_write_text(writer, &key, 1);
}

/* Keys in the order that AWS's agent sends them. */
enum dr_status dr_stream_write_get(
    const struct dr_stream_get *get, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    static const char keys[] = "flon";
    const uint32_t values[] = {get->file_id, get->block_size_bytes, get->offset, get->count};
    struct dr_writer writer;
    dr_writer_init(&writer, out, capacity_bytes);
    dr_cbor_write_map(
        &writer, 4u + (get->client_token != NULL ? 1u : 0u) + (get->bitmap != NULL ? 1u : 0u));
    if (get->client_token != NULL) {
        write_key(&writer, 'c');
        dr_cbor_write_text(&writer, get->client_token, strlen(get->client_token));
    }
    for (size_t i = 0; i < 4; i++) {
        if (keys[i] == 'n' && get->bitmap != NULL) {
            write_key(&writer, 'b');
            dr_cbor_write_bytes_head(&writer, (uint32_t)get->bitmap_size_bytes);
            dr_write_bytes(&writer, get->bitmap, get->bitmap_size_bytes);
        }
        write_key(&writer, keys[i]);
        dr_cbor_write_uint(&writer, values[i]);
    }
    DR_TRY(writer.status);
    *ret_size_bytes = writer.size_bytes;
    return DR_OK;
}

enum dr_status
dr_stream_parse_block(const uint8_t *message, size_t size_bytes, struct dr_stream_block *ret_block)
{
    static const char keys[] = "filp";
    uint32_t values[3] = {0};
    const uint8_t *payload = NULL;
    size_t payload_bytes = 0;
    unsigned seen = 0;
    struct dr_reader reader;
    dr_reader_init(&reader, message, size_bytes);
    struct dr_cbor_map map = dr_cbor_read_map(&reader);
    while (dr_cbor_more(&reader, &map)) {
        size_t len = 0;
        const char *text = dr_cbor_read_text(&reader, &len);
        const char *key = len == 1 ? memchr(keys, *text, 4) : NULL;
        if (key == NULL) {
            dr_cbor_skip(&reader);
            continue;
        }
        size_t index = (size_t)(key - keys);
        seen |= 1u << index;
        if (*key == 'p') {
            payload = dr_cbor_read_bytes(&reader, &payload_bytes);
        } else {
            values[index] = dr_cbor_read_uint(&reader);
        }
    }
    if (dr_reader_end(&reader) != DR_OK || seen != 15u || values[2] != payload_bytes) {
        return DR_E_FORMAT;
    }
    ret_block->file_id = values[0];
    ret_block->index = values[1];
    ret_block->size_bytes = values[2];
    ret_block->payload = payload;
    return DR_OK;
}

static bool key_is(const char *key, size_t len, const char *expected)
{
    return key != NULL && len == strlen(expected) && memcmp(key, expected, len) == 0;
}

bool dr_stream_code_is_transient(const char *code, size_t code_len)
{
    return code_len == 0 || key_is(code, code_len, "InternalError") ||
           key_is(code, code_len, "RequestThrottled");
}

enum dr_status dr_stream_parse_rejected(
    const uint8_t *message, size_t size_bytes, const char **ret_code, size_t *ret_code_len)
{
    struct dr_reader reader;
    const char *code = "";
    size_t code_len = 0;
    dr_reader_init(&reader, message, size_bytes);
    struct dr_cbor_map map = dr_cbor_read_map(&reader);
    while (dr_cbor_more(&reader, &map)) {
        size_t len = 0;
        const char *key = dr_cbor_read_text(&reader, &len);
        if (key_is(key, len, "o") || key_is(key, len, "code")) {
            code = dr_cbor_read_text(&reader, &code_len);
        } else {
            dr_cbor_skip(&reader);
        }
    }
    if (dr_reader_end(&reader) != DR_OK) {
        return DR_E_FORMAT;
    }
    *ret_code = code;
    *ret_code_len = code_len;
    return DR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/stream.h"

#include "base/cursor.h"
#include "format/cbor.h"

#include <string.h>

static void write_key(struct dr_writer *writer, char key)
{
    dr_cbor_write_text(writer, &key, 1);
}

static void write_pair(struct dr_writer *writer, char key, uint32_t value)
{
    write_key(writer, key);
    dr_cbor_write_uint(writer, value);
}

/* Keys in the order that AWS's agent sends them. */
enum dr_status dr_stream_write_get(
    const struct dr_stream_get *get, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, capacity_bytes);
    dr_cbor_write_map(
        &writer, 4u + (get->client_token != NULL ? 1u : 0u) + (get->bitmap != NULL ? 1u : 0u));
    if (get->client_token != NULL) {
        write_key(&writer, 'c');
        dr_cbor_write_text(&writer, get->client_token, strlen(get->client_token));
    }
    write_pair(&writer, 'f', get->file_id);
    write_pair(&writer, 'l', get->block_size_bytes);
    write_pair(&writer, 'o', get->offset);
    if (get->bitmap != NULL) {
        write_key(&writer, 'b');
        dr_cbor_write_bytes_head(&writer, (uint32_t)get->bitmap_size_bytes);
        dr_write_bytes(&writer, get->bitmap, get->bitmap_size_bytes);
    }
    write_pair(&writer, 'n', get->count);
    DR_TRY(writer.status);
    *ret_size_bytes = writer.size_bytes;
    return DR_OK;
}

/* A key of one character; 0 for any other text. */
static char read_short_key(struct dr_reader *reader)
{
    size_t len = 0;
    const char *key = dr_cbor_read_text(reader, &len);
    return key != NULL && len == 1 ? key[0] : '\0';
}

#define SEEN_FILE 1u
#define SEEN_INDEX 2u
#define SEEN_SIZE 4u
#define SEEN_PAYLOAD 8u
#define SEEN_ALL 15u

enum dr_status
dr_stream_parse_block(const uint8_t *message, size_t size_bytes, struct dr_stream_block *ret_block)
{
    struct dr_reader reader;
    struct dr_stream_block block = {0};
    size_t payload_bytes = 0;
    unsigned seen = 0;
    dr_reader_init(&reader, message, size_bytes);
    struct dr_cbor_map map = dr_cbor_read_map(&reader);
    while (dr_cbor_more(&reader, &map)) {
        switch (read_short_key(&reader)) {
        case 'f':
            block.file_id = dr_cbor_read_uint(&reader);
            seen |= SEEN_FILE;
            break;
        case 'i':
            block.index = dr_cbor_read_uint(&reader);
            seen |= SEEN_INDEX;
            break;
        case 'l':
            block.size_bytes = dr_cbor_read_uint(&reader);
            seen |= SEEN_SIZE;
            break;
        case 'p':
            block.payload = dr_cbor_read_bytes(&reader, &payload_bytes);
            seen |= SEEN_PAYLOAD;
            break;
        default:
            dr_cbor_skip(&reader);
            break;
        }
    }
    if (dr_reader_end(&reader) != DR_OK || seen != SEEN_ALL || block.size_bytes != payload_bytes) {
        return DR_E_FORMAT;
    }
    *ret_block = block;
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

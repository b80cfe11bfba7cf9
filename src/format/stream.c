/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/stream.h"

#include "base/cursor.h"
#include "format/cbor.h"
#include "format/job.h"
#include "format/job_words.h"
#include "format/word.h"

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
    dr_cbor_write_map(&writer, get->bitmap != NULL ? 5 : 4);
    for (size_t i = 0; i < 4; i++) {
        write_key(&writer, keys[i]);
        dr_cbor_write_uint(&writer, values[i]);
    }
    if (get->bitmap != NULL) {
        write_key(&writer, 'b');
        dr_cbor_write_bytes_head(&writer, (uint32_t)get->bitmap_size_bytes);
        dr_write_bytes(&writer, get->bitmap, get->bitmap_size_bytes);
    }
    *ret_size_bytes = writer.size_bytes;
    return writer.status;
}

/* What a message says: numbers by the place of their key, and one string. */
struct members {
    uint32_t numbers[3];
    const uint8_t *string;
    size_t string_bytes;
    unsigned seen; /* bit k: key k */
};

/* Read a map. 'p' is a byte string, 'o' (or "code") a text, all other keys of the list are numbers;
 * what is under any other key is skipped. */
static enum dr_status
read_members(const uint8_t *message, size_t size_bytes, const char *keys, struct members *members)
{
    struct dr_reader reader;
    memset(members, 0, sizeof(*members));
    dr_reader_init(&reader, message, size_bytes);
    struct dr_cbor_map map = dr_cbor_read_map(&reader);
    while (dr_cbor_more(&reader, &map)) {
        size_t len = 0;
        const char *text = dr_cbor_read_text(&reader, &len);
        char key = len == 1 ? *text : '\0';
        if (len == 4 && memcmp(text, "code", 4) == 0) {
            key = 'o';
        }
        const char *at = memchr(keys, key, strlen(keys));
        if (at == NULL) {
            dr_cbor_skip(&reader);
            continue;
        }
        members->seen |= 1u << (at - keys);
        if (key == 'p') {
            members->string = dr_cbor_read_bytes(&reader, &members->string_bytes);
        } else if (key == 'o') {
            members->string = (const uint8_t *)dr_cbor_read_text(&reader, &members->string_bytes);
        } else {
            members->numbers[at - keys] = dr_cbor_read_uint(&reader);
        }
    }
    return dr_reader_end(&reader) == DR_OK ? DR_OK : DR_E_FORMAT;
}

enum dr_status
dr_stream_parse_block(const uint8_t *message, size_t size_bytes, struct dr_stream_block *ret_block)
{
    struct members members;
    DR_TRY(read_members(message, size_bytes, "filp", &members));
    if (members.seen != 15u || members.numbers[2] != members.string_bytes) {
        return DR_E_FORMAT;
    }
    ret_block->file_id = members.numbers[0];
    ret_block->index = members.numbers[1];
    ret_block->size_bytes = members.numbers[2];
    ret_block->payload = members.string;
    return DR_OK;
}

bool dr_stream_code_is_transient(const char *code, size_t code_len)
{
    unsigned error = dr_word_find(dr_job_error_words, code, code_len);
    return code_len == 0 || error == DR_JOB_ERROR_INTERNAL || error == DR_JOB_ERROR_THROTTLED;
}

enum dr_status dr_stream_parse_rejected(
    const uint8_t *message, size_t size_bytes, const char **ret_code, size_t *ret_code_len)
{
    struct members members;
    DR_TRY(read_members(message, size_bytes, "o", &members));
    *ret_code = members.seen != 0 ? (const char *)members.string : "";
    *ret_code_len = members.string_bytes;
    return DR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/stream_json.h"

#include "base/text.h"
#include "format/json.h"

enum dr_status dr_stream_json_write_get(
    const struct dr_stream_get *get, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    const uint32_t numbers[] = {get->file_id, get->block_size_bytes, get->offset, get->count};
    struct dr_json_writer json;
    dr_json_begin(&json, out, capacity_bytes);
    dr_json_open(&json, NULL, '{');
    dr_json_put_numbers(&json, "f\0l\0o\0n\0", numbers);
    if (get->bitmap != NULL) {
        dr_json_put_hex(&json, "b", get->bitmap, get->bitmap_size_bytes);
    }
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_size_bytes);
}

struct block_members {
    uint32_t file_id;
    uint32_t index;
    uint32_t size_bytes;
    struct dr_json payload;
};

enum dr_status dr_stream_json_parse_block(
    const uint8_t *message, size_t size_bytes, uint8_t *room, size_t room_bytes,
    struct dr_stream_block *ret_block)
{
    static const struct dr_json_field rows[] = {
        {offsetof(struct block_members, file_id), DR_JSON_FIELD_U32, 0},
        {offsetof(struct block_members, index), DR_JSON_FIELD_U32, 0},
        {offsetof(struct block_members, size_bytes), DR_JSON_FIELD_U32, 0},
        {offsetof(struct block_members, payload), DR_JSON_FIELD_STRING, 0},
    };
    static const struct dr_json_fields fields = {"f\0i\0l\0p\0", 15u, rows};
    struct block_members members = {0};
    struct dr_json object;
    size_t decoded_bytes = 0;
    DR_TRY(dr_json_check_object(message, size_bytes, &object));
    DR_TRY(dr_json_read_fields(object, &fields, &members));
    struct dr_json text = dr_json_raw(members.payload);
    DR_TRY(dr_base64_decode(text.text, text.len, room, room_bytes, &decoded_bytes));
    if (decoded_bytes != members.size_bytes) {
        return DR_E_FORMAT;
    }
    ret_block->file_id = members.file_id;
    ret_block->index = members.index;
    ret_block->size_bytes = members.size_bytes;
    ret_block->payload = room;
    return DR_OK;
}

enum dr_status dr_stream_json_parse_rejected(
    const uint8_t *message, size_t size_bytes, const char **ret_code, size_t *ret_code_len)
{
    struct dr_json object;
    DR_TRY(dr_json_check_object(message, size_bytes, &object));
    struct dr_json code = dr_json_raw(dr_json_member(object, "code"));
    if (code.len == 0) {
        code = dr_json_raw(dr_json_member(object, "o"));
    }
    *ret_code = code.len != 0 ? code.text : "";
    *ret_code_len = code.len;
    return DR_OK;
}

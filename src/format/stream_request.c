/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The service's half: requests for blocks, in CBOR and in JSON, checked against AWS's bounds. */
#include "format/stream_service.h"

#include "base/text.h"
#include "format/cbor.h"
#include "format/json.h"

#include <string.h>

#define SEEN_VERSION 1u
#define SEEN_FILE 2u
#define SEEN_SIZE 4u
#define SEEN_OFFSET 8u
#define SEEN_COUNT 16u
#define SEEN_BITMAP 32u

struct refusal {
    enum dr_stream_error error;
    const char *text;
};

static const struct refusal accepted = {DR_STREAM_ERROR_NONE, NULL};

static struct refusal refuse(enum dr_stream_error error, const char *text)
{
    return (struct refusal){error, text};
}

static struct refusal
take_bitmap(struct dr_stream_request *request, const uint8_t *bitmap, size_t size_bytes)
{
    if (size_bytes > DR_STREAM_BITMAP_BYTES_MAX) {
        return refuse(DR_STREAM_ERROR_BITMAP, "b must be less than 12288 bytes");
    }
    if (size_bytes > 0) {
        memcpy(request->bitmap, bitmap, size_bytes);
    }
    request->bitmap_size_bytes = size_bytes;
    request->has_bitmap = true;
    return accepted;
}

/* The numbers by their keys: the same in both dialects. */
static uint32_t *number_field(struct dr_stream_request *request, char key, unsigned *ret_mark)
{
    switch (key) {
    case 's':
        *ret_mark = SEEN_VERSION;
        return &request->version;
    case 'f':
        *ret_mark = SEEN_FILE;
        return &request->file_id;
    case 'l':
        *ret_mark = SEEN_SIZE;
        return &request->block_size_bytes;
    case 'o':
        *ret_mark = SEEN_OFFSET;
        return &request->offset;
    case 'n':
        *ret_mark = SEEN_COUNT;
        return &request->count;
    default:
        return NULL;
    }
}

static struct refusal take_token(struct dr_stream_request *request, const char *token, size_t len)
{
    if (len > DR_CLIENT_TOKEN_LEN_MAX || memchr(token, '\0', len) != NULL) {
        return refuse(DR_STREAM_ERROR_REQUEST, "c must be a text of at most 64 bytes");
    }
    memcpy(request->client_token, token, len);
    request->client_token[len] = '\0';
    return accepted;
}

static bool utf8_valid(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t step = dr_utf8_length((const uint8_t *)text + i, len - i);
        if (step == 0) {
            return false;
        }
        i += step;
    }
    return true;
}

static struct refusal parse_cbor(
    const uint8_t *message, size_t size_bytes, struct dr_stream_request *request,
    unsigned *ret_seen)
{
    const struct refusal malformed =
        refuse(DR_STREAM_ERROR_CBOR, "the message is not a CBOR map with text keys");
    struct dr_reader reader;
    dr_reader_init(&reader, message, size_bytes);
    struct dr_cbor_map map = dr_cbor_read_map(&reader);
    while (dr_cbor_more(&reader, &map)) {
        struct refusal refusal = accepted;
        unsigned mark = 0;
        size_t len = 0;
        const char *text = dr_cbor_read_text(&reader, &len);
        char key = text != NULL && len == 1 ? text[0] : '\0';
        uint32_t *number = number_field(request, key, &mark);
        if (number != NULL) {
            *number = dr_cbor_read_uint(&reader);
            *ret_seen |= mark;
        } else if (key == 'c') {
            text = dr_cbor_read_text(&reader, &len);
            if (text != NULL && utf8_valid(text, len)) {
                refusal = take_token(request, text, len);
            } else {
                return malformed;
            }
        } else if (key == 'b') {
            const uint8_t *bitmap = dr_cbor_read_bytes(&reader, &len);
            refusal = take_bitmap(request, bitmap, len);
        } else {
            dr_cbor_skip(&reader);
        }
        if (refusal.error != DR_STREAM_ERROR_NONE) {
            return refusal;
        }
    }
    if (reader.status == DR_E_RANGE) {
        return refuse(DR_STREAM_ERROR_REQUEST, "a number is out of range");
    }
    return dr_reader_end(&reader) == DR_OK ? accepted : malformed;
}

/* Hex digits, with or without 0x before them. */
static struct refusal take_hex_bitmap(struct dr_stream_request *request, struct dr_json value)
{
    struct dr_json hex = dr_json_raw(value);
    if (hex.len >= 2 && hex.text[0] == '0' && (hex.text[1] == 'x' || hex.text[1] == 'X')) {
        hex.text += 2;
        hex.len -= 2;
    }
    if (hex.len / 2 > DR_STREAM_BITMAP_BYTES_MAX) {
        return refuse(DR_STREAM_ERROR_BITMAP, "b must be less than 12288 bytes");
    }
    if (dr_json_kind(value) != DR_JSON_STRING ||
        dr_hex_decode(hex.text, hex.len, request->bitmap, hex.len / 2) != DR_OK) {
        return refuse(DR_STREAM_ERROR_REQUEST, "b must be an even number of hex digits");
    }
    request->bitmap_size_bytes = hex.len / 2;
    request->has_bitmap = true;
    return accepted;
}

static struct refusal parse_json(
    const uint8_t *message, size_t size_bytes, struct dr_stream_request *request,
    unsigned *ret_seen)
{
    struct dr_json root;
    if (dr_json_check_utf8(message, size_bytes, &root) != DR_OK) {
        return refuse(DR_STREAM_ERROR_JSON, "the message is not a JSON object in UTF-8");
    }
    struct dr_json token = dr_json_member(root, "c");
    if (token.len > 0 &&
        dr_json_string(token, request->client_token, sizeof(request->client_token)) != DR_OK) {
        return refuse(DR_STREAM_ERROR_REQUEST, "c must be a text of at most 64 bytes");
    }
    struct dr_json_iterator each = dr_json_each(root);
    while (dr_json_next(&each)) {
        unsigned mark = 0;
        struct dr_json name = dr_json_raw(each.key);
        char key = name.len == 1 ? name.text[0] : '\0';
        uint32_t *number = number_field(request, key, &mark);
        if (number != NULL) {
            if (dr_json_u32(each.value, number) != DR_OK) {
                return refuse(DR_STREAM_ERROR_REQUEST, "s, f, l, o and n must be whole numbers");
            }
            *ret_seen |= mark;
        } else if (key == 'b') {
            struct refusal refusal = take_hex_bitmap(request, each.value);
            if (refusal.error != DR_STREAM_ERROR_NONE) {
                return refusal;
            }
        }
    }
    return accepted;
}

static struct refusal check_get(const struct dr_stream_request *request, unsigned seen)
{
    if ((seen & SEEN_FILE) == 0 || request->file_id > 255) {
        return refuse(DR_STREAM_ERROR_REQUEST, "f must be 0 to 255");
    }
    if ((seen & SEEN_SIZE) == 0) {
        return refuse(DR_STREAM_ERROR_REQUEST, "l is missing");
    }
    if (request->block_size_bytes < DR_STREAM_BLOCK_BYTES_MIN ||
        request->block_size_bytes > DR_STREAM_BLOCK_BYTES_MAX) {
        return refuse(DR_STREAM_ERROR_BLOCK_SIZE, "l must be 256 to 131072");
    }
    if (request->offset > DR_STREAM_OFFSET_MAX) {
        return refuse(DR_STREAM_ERROR_OFFSET, "o must be 0 to 98304");
    }
    if ((seen & SEEN_COUNT) != 0 && request->count > DR_STREAM_COUNT_MAX) {
        return refuse(DR_STREAM_ERROR_COUNT, "n must be 0 to 98304");
    }
    return accepted;
}

enum dr_status dr_stream_parse_request(
    enum dr_topic_kind kind, enum dr_dialect dialect, const uint8_t *message, size_t size_bytes,
    struct dr_stream_request *ret_request, enum dr_stream_error *ret_error, const char **ret_text)
{
    unsigned seen = 0;
    struct refusal refusal = accepted;
    ret_request->client_token[0] = '\0';
    ret_request->has_bitmap = false;
    ret_request->bitmap_size_bytes = 0;
    ret_request->version = 0;
    ret_request->file_id = 0;
    ret_request->block_size_bytes = 0;
    ret_request->offset = 0;
    ret_request->count = 0;
    /* Describing needs no member at all, so an empty message will do. */
    if (size_bytes > 0 || kind != DR_TOPIC_STREAM_DESCRIBE) {
        refusal = dialect == DR_DIALECT_CBOR ? parse_cbor(message, size_bytes, ret_request, &seen)
                                             : parse_json(message, size_bytes, ret_request, &seen);
    }
    if (refusal.error == DR_STREAM_ERROR_NONE && kind == DR_TOPIC_STREAM_GET) {
        refusal = check_get(ret_request, seen);
    }
    ret_request->has_version = (seen & SEEN_VERSION) != 0;
    if ((seen & SEEN_COUNT) == 0) {
        ret_request->count = DR_STREAM_COUNT_MAX;
    }
    if (refusal.error != DR_STREAM_ERROR_NONE) {
        *ret_error = refusal.error;
        *ret_text = refusal.text;
        return DR_E_FORMAT;
    }
    return DR_OK;
}

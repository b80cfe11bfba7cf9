/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The service's half: blocks, descriptions and refusals, in CBOR and in JSON. */
#include "format/stream_service.h"

#include "base/text.h"
#include "format/cbor.h"
#include "format/json.h"

#include <string.h>

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static void put_text(struct dr_writer *writer, const char *key, const char *text)
{
    dr_cbor_write_text(writer, key, strlen(key));
    dr_cbor_write_text(writer, text, strlen(text));
}

static void put_uint(struct dr_writer *writer, const char *key, uint32_t value)
{
    dr_cbor_write_text(writer, key, strlen(key));
    dr_cbor_write_uint(writer, value);
}

static enum dr_status finish(const struct dr_writer *writer, size_t *ret_size_bytes)
{
    DR_TRY(writer->status);
    *ret_size_bytes = writer->size_bytes;
    return DR_OK;
}

/* A definite map in the shortest form: one byte less than AWS's indefinite one, read by the same
 * agents, and nothing has to follow the payload. */
void dr_stream_write_block_head(
    struct dr_writer *writer, const char *client_token, const struct dr_stream_block *block)
{
    dr_cbor_write_map(writer, given(client_token) ? 5 : 4);
    if (given(client_token)) {
        put_text(writer, "c", client_token);
    }
    put_uint(writer, "f", block->file_id);
    put_uint(writer, "l", block->size_bytes);
    put_uint(writer, "i", block->index);
    dr_cbor_write_text(writer, "p", 1);
    dr_cbor_write_bytes_head(writer, block->size_bytes);
}

/* Base64 in place: the text is written behind the JSON that is there already. */
static void put_base64(struct dr_json_writer *json, const struct dr_stream_block *block)
{
    size_t text_len = DR_BASE64_SIZE((size_t)block->size_bytes) - 1;
    dr_write_text(&json->out, ",\"p\":\"");
    if (json->out.status == DR_OK) {
        /* One byte more for the encoder's NUL, overwritten by the closing quote. */
        if (json->out.capacity_bytes - json->out.size_bytes <= text_len) {
            dr_writer_fail(&json->out, DR_E_SPACE);
        } else {
            char *text = (char *)json->out.data + json->out.size_bytes;
            json->out.size_bytes += dr_base64_encode(block->payload, block->size_bytes, text);
        }
    }
    dr_write_u8(&json->out, '"');
}

static enum dr_status write_block_json(
    const char *client_token, const struct dr_stream_block *block, uint8_t *out,
    size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_json_writer json;
    dr_json_begin(&json, out, capacity_bytes);
    dr_json_open(&json, NULL, '{');
    if (given(client_token)) {
        dr_json_put_text(&json, "c", client_token);
    }
    dr_json_put_number(&json, "f", block->file_id);
    dr_json_put_number(&json, "l", block->size_bytes);
    dr_json_put_number(&json, "i", block->index);
    put_base64(&json, block);
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_size_bytes);
}

enum dr_status dr_stream_write_block(
    enum dr_dialect dialect, const char *client_token, const struct dr_stream_block *block,
    uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_writer writer;
    if (dialect == DR_DIALECT_JSON) {
        return write_block_json(client_token, block, out, capacity_bytes, ret_size_bytes);
    }
    dr_writer_init(&writer, out, capacity_bytes);
    dr_stream_write_block_head(&writer, client_token, block);
    dr_write_bytes(&writer, block->payload, block->size_bytes);
    return finish(&writer, ret_size_bytes);
}

static enum dr_status write_description_json(
    const struct dr_stream_description *description, uint8_t *out, size_t capacity_bytes,
    size_t *ret_size_bytes)
{
    struct dr_json_writer json;
    dr_json_begin(&json, out, capacity_bytes);
    dr_json_open(&json, NULL, '{');
    if (given(description->client_token)) {
        dr_json_put_text(&json, "c", description->client_token);
    }
    dr_json_put_number(&json, "s", description->version);
    if (given(description->text)) {
        dr_json_put_text(&json, "d", description->text);
    }
    dr_json_open(&json, "r", '[');
    for (size_t i = 0; i < description->file_count; i++) {
        dr_json_open(&json, NULL, '{');
        dr_json_put_number(&json, "f", description->files[i].file_id);
        dr_json_put_number(&json, "z", description->files[i].size_bytes);
        dr_json_close(&json, '}');
    }
    dr_json_close(&json, ']');
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_size_bytes);
}

enum dr_status dr_stream_write_description(
    enum dr_dialect dialect, const struct dr_stream_description *description, uint8_t *out,
    size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_writer writer;
    bool token = given(description->client_token);
    bool text = given(description->text);
    if (dialect == DR_DIALECT_JSON) {
        return write_description_json(description, out, capacity_bytes, ret_size_bytes);
    }
    dr_writer_init(&writer, out, capacity_bytes);
    dr_cbor_write_map(&writer, 2u + (token ? 1u : 0u) + (text ? 1u : 0u));
    if (token) {
        put_text(&writer, "c", description->client_token);
    }
    put_uint(&writer, "s", description->version);
    if (text) {
        put_text(&writer, "d", description->text);
    }
    dr_cbor_write_text(&writer, "r", 1);
    dr_cbor_write_array(&writer, (uint32_t)description->file_count);
    for (size_t i = 0; i < description->file_count; i++) {
        dr_cbor_write_map(&writer, 2);
        put_uint(&writer, "f", description->files[i].file_id);
        put_uint(&writer, "z", description->files[i].size_bytes);
    }
    return finish(&writer, ret_size_bytes);
}

static enum dr_status write_rejected_json(
    const struct dr_stream_refusal *refusal, uint8_t *out, size_t capacity_bytes,
    size_t *ret_size_bytes)
{
    const char *code = dr_stream_error_word(refusal->error);
    struct dr_json_writer json;
    dr_json_begin(&json, out, capacity_bytes);
    dr_json_open(&json, NULL, '{');
    dr_json_put_text(&json, "o", code);
    dr_json_put_text(&json, "m", refusal->message);
    dr_json_put_text(&json, "code", code);
    dr_json_put_text(&json, "message", refusal->message);
    if (given(refusal->client_token)) {
        dr_json_put_text(&json, "c", refusal->client_token);
        dr_json_put_text(&json, "clientToken", refusal->client_token);
    }
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_size_bytes);
}

enum dr_status dr_stream_write_rejected(
    enum dr_dialect dialect, const struct dr_stream_refusal *refusal, uint8_t *out,
    size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_writer writer;
    const char *code = dr_stream_error_word(refusal->error);
    bool token = given(refusal->client_token);
    if (dialect == DR_DIALECT_JSON) {
        return write_rejected_json(refusal, out, capacity_bytes, ret_size_bytes);
    }
    dr_writer_init(&writer, out, capacity_bytes);
    dr_cbor_write_map(&writer, token ? 6 : 4);
    put_text(&writer, "o", code);
    put_text(&writer, "m", refusal->message);
    put_text(&writer, "code", code);
    put_text(&writer, "message", refusal->message);
    if (token) {
        put_text(&writer, "c", refusal->client_token);
        put_text(&writer, "clientToken", refusal->client_token);
    }
    return finish(&writer, ret_size_bytes);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The first byte says who reads: '0' block, '1' rejected, '2' get in CBOR, '3' get in JSON, '4' and
 * '5' describe, '6' block and '7' rejected in JSON. */
#include "format/stream_json.h"
#include "format/stream_service.h"
#include "fuzz/fuzz.h"

#include <string.h>

static void block(const uint8_t *data, size_t size_bytes)
{
    struct dr_stream_block parsed;
    if (dr_stream_parse_block(data, size_bytes, &parsed) == DR_OK) {
        FUZZ(parsed.payload >= data && parsed.payload + parsed.size_bytes <= data + size_bytes);
    }
}

static void rejected(const uint8_t *data, size_t size_bytes)
{
    const char *code = NULL;
    size_t code_len = 0;
    if (dr_stream_parse_rejected(data, size_bytes, &code, &code_len) == DR_OK) {
        (void)dr_stream_error_from(code, code_len);
        (void)dr_stream_code_is_transient(code, code_len);
    }
}

static void block_json(const uint8_t *data, size_t size_bytes)
{
    uint8_t room[512];
    struct dr_stream_block parsed;
    if (dr_stream_json_parse_block(data, size_bytes, room, sizeof(room), &parsed) == DR_OK) {
        FUZZ(parsed.payload == room && parsed.size_bytes <= sizeof(room));
    }
}

static void rejected_json(const uint8_t *data, size_t size_bytes)
{
    const char *code = NULL;
    size_t code_len = 0;
    if (dr_stream_json_parse_rejected(data, size_bytes, &code, &code_len) == DR_OK) {
        FUZZ(code_len < size_bytes);
        (void)dr_stream_code_is_transient(code, code_len);
    }
}

static void
request(enum dr_topic_kind kind, enum dr_dialect dialect, const uint8_t *data, size_t size_bytes)
{
    static struct dr_stream_request parsed;
    enum dr_stream_error error = DR_STREAM_ERROR_NONE;
    const char *text = NULL;
    if (dr_stream_parse_request(kind, dialect, data, size_bytes, &parsed, &error, &text) != DR_OK) {
        FUZZ(error != DR_STREAM_ERROR_NONE && text != NULL);
        return;
    }
    FUZZ(strlen(parsed.client_token) <= DR_CLIENT_TOKEN_LEN_MAX);
    if (kind == DR_TOPIC_STREAM_GET) {
        const uint32_t file_size_bytes = 1000001;
        uint32_t next = 0;
        uint32_t index = 0;
        uint32_t block_bytes = 0;
        uint32_t count = 0;
        struct dr_stream_selection selection = dr_stream_select(&parsed, file_size_bytes);
        while (dr_stream_select_next(&selection, &index, &block_bytes)) {
            FUZZ(index >= next && block_bytes > 0 && block_bytes <= parsed.block_size_bytes);
            FUZZ((uint64_t)index * parsed.block_size_bytes + block_bytes <= file_size_bytes);
            next = index + 1; /* upwards, none twice */
            count++;
        }
        FUZZ(count <= parsed.count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    if (size_bytes == 0) {
        return 0;
    }
    uint8_t who = data[0];
    data++;
    size_bytes--;
    switch (who) {
    case '0':
        block(data, size_bytes);
        break;
    case '1':
        rejected(data, size_bytes);
        break;
    case '2':
        request(DR_TOPIC_STREAM_GET, DR_DIALECT_CBOR, data, size_bytes);
        break;
    case '3':
        request(DR_TOPIC_STREAM_GET, DR_DIALECT_JSON, data, size_bytes);
        break;
    case '4':
        request(DR_TOPIC_STREAM_DESCRIBE, DR_DIALECT_CBOR, data, size_bytes);
        break;
    case '6':
        block_json(data, size_bytes);
        break;
    case '7':
        rejected_json(data, size_bytes);
        break;
    default:
        request(DR_TOPIC_STREAM_DESCRIBE, DR_DIALECT_JSON, data, size_bytes);
        break;
    }
    return 0;
}

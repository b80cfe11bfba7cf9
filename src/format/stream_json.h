/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* AWS IoT MQTT file streams in JSON, the device's half: what format/stream.h does in CBOR.
 *
 * docs/protocol.md section 3. For a product whose broker or tools carry nothing but text: a block
 * is base64, a third longer than in CBOR. Linked only where it is named.
 */
#ifndef DR_FORMAT_STREAM_JSON_H
#define DR_FORMAT_STREAM_JSON_H

#include "format/stream.h"

/* Body of streams/S/get/json, without a client token; the bitmap in hex. DR_E_SPACE. */
DR_MUST_USE enum dr_status dr_stream_json_write_get(
    const struct dr_stream_get *get, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);

/* Body of streams/S/data/json: one block. Its payload is decoded into room, where
 * ret_block->payload points; message and room do not overlap, and room may be changed on failure.
 *
 * DR_E_FORMAT: not one JSON object, a key is missing or of the wrong kind, the payload is not plain
 * base64 (escapes in it are not read), or "l" is not its size. DR_E_RANGE: nested too deep, or a
 * number that is none. DR_E_SPACE: longer than room. Unknown keys are skipped. */
DR_MUST_USE enum dr_status dr_stream_json_parse_block(
    const uint8_t *message, size_t size_bytes, uint8_t *room, size_t room_bytes,
    struct dr_stream_block *ret_block);

/* Body of streams/S/rejected/json; short and long keys are understood. *ret_code is a view of the
 * code's word, "" when there is none. DR_E_FORMAT, DR_E_RANGE: not readable. */
DR_MUST_USE enum dr_status dr_stream_json_parse_rejected(
    const uint8_t *message, size_t size_bytes, const char **ret_code, size_t *ret_code_len);

#endif

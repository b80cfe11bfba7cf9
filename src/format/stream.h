/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* AWS IoT MQTT file streams, the device's half: block requests out, blocks and refusals in.
 *
 * docs/protocol.md section 3. CBOR only; the service's half (format/stream_service.h) speaks both
 * dialects. Block k of a file is its bytes from k * block_size_bytes.
 */
#ifndef DR_FORMAT_STREAM_H
#define DR_FORMAT_STREAM_H

#include "base/status.h"
#include "format/topic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_STREAM_BLOCK_BYTES_MIN 256u
#define DR_STREAM_BLOCK_BYTES_MAX 131072u
#define DR_STREAM_OFFSET_MAX 98304u
#define DR_STREAM_COUNT_MAX 98304u
#define DR_STREAM_BITMAP_BYTES_MAX 12287u
/* Bytes around a block's payload in a data message, at most (token of 64 bytes). */
#define DR_STREAM_OVERHEAD_BYTES_MAX 100u

#define DR_STREAM_ERROR_LIST(X)                                                                    \
    X(DR_STREAM_ERROR_TOPIC, 1, "InvalidTopic")                                                    \
    X(DR_STREAM_ERROR_JSON, 2, "InvalidJson")                                                      \
    X(DR_STREAM_ERROR_CBOR, 3, "InvalidCbor")                                                      \
    X(DR_STREAM_ERROR_REQUEST, 4, "InvalidRequest")                                                \
    X(DR_STREAM_ERROR_UNAUTHORIZED, 5, "Unauthorized")                                             \
    X(DR_STREAM_ERROR_BLOCK_SIZE, 6, "BlockSizeOutOfBounds")                                       \
    X(DR_STREAM_ERROR_OFFSET, 7, "OffsetOutOfBounds")                                              \
    X(DR_STREAM_ERROR_COUNT, 8, "BlockCountLimitExceeded")                                         \
    X(DR_STREAM_ERROR_BITMAP, 9, "BlockBitmapLimitExceeded")                                       \
    X(DR_STREAM_ERROR_NOT_FOUND, 10, "ResourceNotFound")                                           \
    X(DR_STREAM_ERROR_VERSION, 11, "VersionMismatch")                                              \
    X(DR_STREAM_ERROR_ETAG, 12, "ETagMismatch")                                                    \
    X(DR_STREAM_ERROR_INTERNAL, 13, "InternalError")                                               \
    X(DR_STREAM_ERROR_THROTTLED, 14, "RequestThrottled")

enum dr_stream_error {
    DR_STREAM_ERROR_NONE = 0, /* no error, or a code we do not know */
#define DR_STREAM_ERROR_ENUM(name, number, word) name = number,
    DR_STREAM_ERROR_LIST(DR_STREAM_ERROR_ENUM)
#undef DR_STREAM_ERROR_ENUM
};

/* The word on the wire; "" for an unknown number. Never NULL. (Service and tests.) */
const char *dr_stream_error_word(enum dr_stream_error error);
enum dr_stream_error dr_stream_error_from(const char *word, size_t len);

/* Body of streams/S/get/cbor, without a client token: blocks are told apart by their numbers. */
struct dr_stream_get {
    uint32_t file_id;
    uint32_t block_size_bytes;
    uint32_t offset;       /* first block, or bit 0 of the bitmap */
    uint32_t count;        /* always sent */
    const uint8_t *bitmap; /* NULL: blocks offset .. offset + count - 1 */
    size_t bitmap_size_bytes;
};

DR_MUST_USE enum dr_status dr_stream_write_get(
    const struct dr_stream_get *get, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);

/* Body of streams/S/data/cbor: one block. */
struct dr_stream_block {
    uint32_t file_id;
    uint32_t index;
    uint32_t size_bytes;
    const uint8_t *payload; /* borrowed from the message */
};

/* DR_E_FORMAT: a key is missing or malformed, or "l" is not the payload's size. Unknown keys are
 * skipped. */
DR_MUST_USE enum dr_status
dr_stream_parse_block(const uint8_t *message, size_t size_bytes, struct dr_stream_block *ret_block);

/* Body of streams/S/rejected/cbor; short and long keys are understood. *ret_code is a view of the
 * code's word, "" when there is none. */
DR_MUST_USE enum dr_status dr_stream_parse_rejected(
    const uint8_t *message, size_t size_bytes, const char **ret_code, size_t *ret_code_len);

/* Is it worth asking again? Not for codes that say that this stream will never give this block. */
bool dr_stream_code_is_transient(const char *code, size_t code_len);

#endif

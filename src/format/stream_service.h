/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* AWS IoT MQTT file streams, the service's half, in CBOR and in JSON.
 *
 * docs/protocol.md section 3. Devices do not link this. */
#ifndef DR_FORMAT_STREAM_SERVICE_H
#define DR_FORMAT_STREAM_SERVICE_H

#include "base/cursor.h"
#include "format/stream.h"

#define DR_STREAM_VERSION 1u /* the only one: JSON clients hard-code it */

/* A GetStream or DescribeStream request. */
struct dr_stream_request {
    char client_token[DR_CLIENT_TOKEN_LEN_MAX + 1u]; /* "" when there is none */
    bool has_version;
    uint32_t version;
    uint32_t file_id;
    uint32_t block_size_bytes;
    uint32_t offset;
    uint32_t count; /* DR_STREAM_COUNT_MAX when not sent: the caller's own bound applies */
    bool has_bitmap;
    size_t bitmap_size_bytes;
    uint8_t bitmap[DR_STREAM_BITMAP_BYTES_MAX];
};

/* kind is DR_TOPIC_STREAM_GET or DR_TOPIC_STREAM_DESCRIBE. *ret_error and *ret_text (static) say
 * what to answer on failure; client_token is filled whenever it could be read. */
DR_MUST_USE enum dr_status dr_stream_parse_request(
    enum dr_topic_kind kind, enum dr_dialect dialect, const uint8_t *message, size_t size_bytes,
    struct dr_stream_request *ret_request, enum dr_stream_error *ret_error, const char **ret_text);

/* The blocks that a request selects, lowest first: set bits of the bitmap (or offset onwards),
 * blocks past the end of the file skipped, at most count of them. */
struct dr_stream_selection {
    const struct dr_stream_request *request; /* kept for the life of the selection */
    uint32_t block_count;                    /* of the file */
    uint32_t last_size_bytes;                /* of its last block */
    uint32_t position;                       /* private */
    uint32_t left;                           /* private */
};

struct dr_stream_selection
dr_stream_select(const struct dr_stream_request *request, uint32_t file_size_bytes);

/* The next block's index and size; false when there are no more. */
bool dr_stream_select_next(
    struct dr_stream_selection *selection, uint32_t *ret_index, uint32_t *ret_size_bytes);

/* How many blocks it will give in all. */
uint32_t dr_stream_select_count(const struct dr_stream_request *request, uint32_t file_size_bytes);

/* A CBOR data message up to its payload: the caller appends exactly block->size_bytes bytes
 * (block->payload is not used), so that a file can be read straight into the message. */
void dr_stream_write_block_head(
    struct dr_writer *writer, const char *client_token, const struct dr_stream_block *block);

/* A whole data message in either dialect. DR_E_SPACE. */
DR_MUST_USE enum dr_status dr_stream_write_block(
    enum dr_dialect dialect, const char *client_token, const struct dr_stream_block *block,
    uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);

struct dr_stream_description {
    const char *client_token; /* NULL or "": none */
    const char *text;         /* "d"; NULL or "": none */
    uint32_t version;
    const struct dr_stream_file {
        uint32_t file_id;
        uint32_t size_bytes;
    } * files;
    size_t file_count;
};

DR_MUST_USE enum dr_status dr_stream_write_description(
    enum dr_dialect dialect, const struct dr_stream_description *description, uint8_t *out,
    size_t capacity_bytes, size_t *ret_size_bytes);

struct dr_stream_refusal {
    const char *client_token; /* NULL or "": none */
    enum dr_stream_error error;
    const char *message;
};

/* Long and short keys, as AWS sends them. */
DR_MUST_USE enum dr_status dr_stream_write_rejected(
    enum dr_dialect dialect, const struct dr_stream_refusal *refusal, uint8_t *out,
    size_t capacity_bytes, size_t *ret_size_bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Decoder for `Content-Encoding: aws-chunked` with an unsigned trailer.
 *
 *   <hex size>\r\n <bytes> \r\n  ...  0\r\n  <name>:<value>\r\n ...  \r\n
 *
 * Pure: bytes in, bytes out through a callback, in pieces of any size. Chunk extensions (signed
 * chunks) are refused. The trailer may hold one field.
 */
#ifndef DR_CLOUD_API_CHUNKED_H
#define DR_CLOUD_API_CHUNKED_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define DR_CHUNKED_LINE_MAX 256u

enum dr_chunked_state {
    DR_CHUNKED_SIZE,    /* in a size line */
    DR_CHUNKED_DATA,    /* in the bytes of a chunk */
    DR_CHUNKED_DATA_CR, /* after them */
    DR_CHUNKED_DATA_LF,
    DR_CHUNKED_TRAILER, /* in a line after the last chunk */
    DR_CHUNKED_END,
};

struct dr_chunked {
    enum dr_chunked_state state;
    uint64_t left_bytes; /* of the chunk */
    char line[DR_CHUNKED_LINE_MAX];
    size_t line_len;
    char trailer_name[64]; /* lower case; "" when there was none */
    char trailer_value[128];
};

void dr_chunked_begin(struct dr_chunked *chunked);

/* Feed encoded bytes; sink gets the decoded ones and may refuse. DR_E_FORMAT: not that encoding, or
 * bytes after its end. DR_E_UNSUPPORTED: a chunk extension. */
DR_MUST_USE enum dr_status dr_chunked_feed(
    struct dr_chunked *chunked, const uint8_t *data, size_t size_bytes,
    enum dr_status (*sink)(void *ctx, const uint8_t *data, size_t size_bytes), void *ctx);

/* DR_E_TRUNCATED unless the end was seen. */
DR_MUST_USE enum dr_status dr_chunked_end(const struct dr_chunked *chunked);

#endif

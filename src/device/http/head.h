/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The head of an HTTP/1.1 response (RFC 9112), read as its bytes come, in constant memory.
 *
 * Strict where a lie would pay: a line ends with CR LF, none is folded, the members that decide how
 * many bytes follow stand there once. What is not one of them is skipped, however long its line;
 * the head as a whole is bounded. Responses 1xx are read over. Bytes come from outside: every
 * failure is a status, none is a fault of ours.
 */
#ifndef DR_DEVICE_HTTP_HEAD_H
#define DR_DEVICE_HTTP_HEAD_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_HTTP_HEAD_BYTES_MAX 8192u /* S3's are below 1 KiB */
#define DR_HTTP_LINE_BYTES_MAX 64u   /* of a line that counts; others may be longer */

struct dr_http_head {
    uint16_t status; /* 200 to 599 once complete */
    bool close;      /* no request after this one over the same connection */
    bool coded;      /* the body is not simply its bytes: chunked, compressed, anything */
    bool has_length;
    bool has_range;
    uint32_t length; /* Content-Length */
    uint32_t first;  /* Content-Range, both included */
    uint32_t last;
    uint32_t total; /* of the whole file; UINT32_MAX when the server does not tell ("*") */

    /* private, do not touch */
    bool past_status; /* line: of a header */
    bool past_cr;
    bool overlong; /* the line did not fit */
    uint8_t line_len;
    uint16_t taken;
    char line[DR_HTTP_LINE_BYTES_MAX];
};

void dr_http_head_init(struct dr_http_head *head);

/* Feed the next bytes. *ret_taken of them belong to the head: all of them with DR_E_AGAIN (it goes
 * on), at most all with DR_OK (it is complete, the rest is body). DR_E_FORMAT: not such a head.
 * DR_E_RANGE: longer than DR_HTTP_HEAD_BYTES_MAX, or a number above 32 bits. */
DR_MUST_USE enum dr_status dr_http_head_feed(
    struct dr_http_head *head, const uint8_t *data, size_t size_bytes, size_t *ret_taken);

#endif

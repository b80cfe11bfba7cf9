/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One request from its first header to its answer, apart from the web server that carries it.
 *
 * http.c feeds it: begin when the headers are there, body for each piece, finish at the end. As
 * soon as call.answer is set the rest of the request is of no interest.
 */
#ifndef DR_CLOUD_API_EXCHANGE_H
#define DR_CLOUD_API_EXCHANGE_H

#include "cloud/api/auth.h"
#include "cloud/api/call.h"
#include "cloud/api/upload.h"

#include <stdatomic.h>

/* Header values that an upload's announcement points at. */
struct dr_api_announced_text {
    char crc[64];
    char md5[64];
    char sha256[64];
};

/* A signature over a body can be checked when all of it is there; until then it is anybody's. */
#define DR_API_UNVERIFIED_BYTES_MAX (16u * 1024u * 1024u)

struct dr_api_exchange {
    struct dr_api_call call;
    struct dr_api_auth auth;
    struct dr_api_upload upload;
    struct dr_sigv4_header headers[DR_API_HEADERS_MAX];
    char target[DR_API_TARGET_MAX + 1];
    bool oversized; /* target too long, or too many header fields: refused unread */
    bool begun;
    uint8_t *body; /* kept in memory; malloc'ed */
    size_t body_size;
    size_t body_capacity;
    /* What all exchanges together hold of bodies whose signature was not checked yet, and what this
     * one does of it. NULL: it is not bounded. */
    atomic_size_t *unverified_bytes;
    size_t unverified_share;
    uint64_t dropped_bytes; /* of a body that is refused already */
    struct dr_api_announced_text announced_text;
    uint64_t started_ms;
};

/* Who may call, and with what. */
struct dr_api_keys {
    const struct dr_api_credential *credentials;
    size_t count;
};

/* Headers are in exchange->headers and call.request. content_length -1: not told. */
void dr_api_exchange_begin(
    struct dr_api_exchange *exchange, const struct dr_api_keys *keys, int64_t content_length);

/* A piece of the body. False: so much too large that the connection should be cut. */
bool dr_api_exchange_body(struct dr_api_exchange *exchange, const uint8_t *data, size_t size_bytes);

/* The request is complete: after this an answer is set. */
void dr_api_exchange_finish(struct dr_api_exchange *exchange);

/* Free what it holds (not the exchange itself). */
void dr_api_exchange_drop(struct dr_api_exchange *exchange);

#endif

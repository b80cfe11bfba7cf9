/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The HTTP front of darumad: listens, authenticates, reads bodies, routes, answers.
 *
 * Order of work for each request: raw target taken before any decoding; target, header and body
 * sizes bounded; scope, key, time and - where the client declared its payload's hash - signature
 * checked before one byte of the body is read. For s3 the operation is chosen next: route, role and
 * query keys, so that an upload that may not be is never read. Then the body: streamed to a
 * temporary file with its digests (objects), or kept in memory and the signature checked over it;
 * for every other service the operation is chosen only now, by the service named in the signature's
 * scope. Last the handler. A refused request changes nothing.
 *
 * Routes are tables (route.h), handlers see struct dr_api_call only (call.h). /daruma/health and
 * /daruma/ready alone need no signature.
 */
#ifndef DR_CLOUD_API_HTTP_H
#define DR_CLOUD_API_HTTP_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_crypto;
struct dr_service; /* cloud/service/service.h */
struct dr_api;     /* opaque */

#define DR_API_TARGET_MAX 8192u         /* raw path and query */
#define DR_API_HEADERS_MAX 64u          /* fields */
#define DR_API_BODY_MAX (1024u * 1024u) /* JSON and XML bodies */
#define DR_API_CREDENTIALS_MAX 16u

/* What a key may do. A route names the least role that may call it. */
enum dr_api_role {
    DR_API_NOBODY,   /* no key at all */
    DR_API_VIEWER,   /* read */
    DR_API_OPERATOR, /* and update devices */
    DR_API_ADMIN,    /* and manage identities, policies and keys */
};

struct dr_api_credential {
    char access_key_id[129];
    char secret[129];
    enum dr_api_role role;
    bool downloads_only; /* signs pre-signed URLs of objects and may do nothing else */
};

struct dr_api_config {
    const char *address;         /* "127.0.0.1" */
    uint16_t port;               /* 0: the system picks one */
    const char *certificate_pem; /* NULL with key_pem NULL: plain HTTP, loopback addresses only */
    const char *key_pem;
    unsigned threads;                            /* 1..16 */
    uint64_t object_bytes_max;                   /* largest uploaded object */
    const struct dr_api_credential *credentials; /* copied */
    size_t credential_count;
    const struct dr_crypto *crypto;
    struct dr_service *service;
    void *ctx; /* passed to the functions below */
    int64_t (*now_ms)(void *ctx);
    /* Ready to serve? Otherwise *ret_why says what is missing in a few words. Called often. */
    bool (*ready)(void *ctx, const char **ret_why);
    /* One logfmt line, without its end, for each request but a GET or HEAD that went well; may be
     * NULL. Called from several threads. */
    void (*log)(void *ctx, const char *line);
    /* Broker traffic of a client id as a JSON object, or NULL when it is not known; the pointer
     * itself may be NULL (no bus). The result is the caller's. */
    char *(*traffic)(void *ctx, const char *client_id);
};

/* Listen and serve on own threads. Everything the configuration points at, except what is marked
 * as copied, must live until dr_api_stop.
 *
 * DR_E_ARGUMENT   plain HTTP on an address that is not loopback, or a limit out of range.
 * DR_E_BUSY       the port is in use. DR_E_FORMAT: certificate or key unusable.
 */
DR_MUST_USE enum dr_status
dr_api_start(const struct dr_api_config *config, struct dr_api **ret_api);

/* The port listened on. */
uint16_t dr_api_port(const struct dr_api *api);

/* Take no more connections, give the requests whose head was read 3 s to end, close all
 * connections, free. What a client leaves unsaid is not waited for. NULL is fine. */
void dr_api_stop(struct dr_api *api);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One call of an operator, and what every use case answers it with. */
#ifndef DR_CLOUD_REGISTRY_CALL_H
#define DR_CLOUD_REGISTRY_CALL_H

#include "base/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_service;
#define DR_SERVICE_MESSAGE_SIZE 512u
#define DR_SERVICE_TOKEN_SIZE 257u /* a list's continuation, with its NUL: plain text */
#define DR_SERVICE_PAGE_MAX 250u

/* Called after commits, in the store's writer thread or the thread of the call, one at a time: note
 * it and return, without a call of the service or the store. */
struct dr_service_hooks {
    void *context;
    /* Outbox rows wait (outbox.h). */
    void (*outbox_ready)(void *context);
    /* What the gate must know about this certificate changed (dr_service_identity_get tells what it
     * is now); NULL: too many changed, export all. */
    void (*identity_changed)(void *context, const char *certificate_id);
};

/* One call of an operator. */
struct dr_call {
    struct dr_service *service;
    int64_t now_ms;
    const char *actor;  /* access key id, for the audit */
    const char *region; /* of the signature's scope, for ARNs in answers; NULL: the service's */
    /* Set when a use case fails. code is AWS's name of the error ("ResourceNotFoundException",
     * "NoSuchKey"), a literal; NULL on success. */
    const char *code;
    char message[DR_SERVICE_MESSAGE_SIZE];
    char resource[256]; /* ARN or id that the error is about (ResourceAlreadyExists), or "" */
};

/* Which page of a list. token: NULL or "" for the first, else what the answer before this one had
 * as nextToken (nextMarker). limit 0 means DR_SERVICE_PAGE_MAX. descending: as AWS has it, for
 * certificates, policies, their attachments and streams; the other lists have one order. */
struct dr_page {
    uint32_t limit;
    const char *token;
    bool descending;
};

#endif

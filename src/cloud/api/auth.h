/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Who sent a request, and did they send exactly this (docs/api.md).
 *
 * In two steps, because a body comes after its headers: what the headers alone can decide is
 * decided before any of the body is read.
 */
#ifndef DR_CLOUD_API_AUTH_H
#define DR_CLOUD_API_AUTH_H

#include "aws/sigv4.h"
#include "cloud/api/call.h"

struct dr_api_auth {
    struct dr_sigv4_claim claim;
    const struct dr_api_credential *credential;
    enum dr_api_service service;
    char payload_hash[DR_SIGV4_HASH_TEXT_BYTES]; /* as declared; "" when the body decides */
    bool verified;                               /* the signature was checked and fits */
};

/* Refuse headers that stand there twice though only one can be meant: the signature joins them, the
 * code would read the first. False after an error answer was set. */
DR_MUST_USE bool dr_api_check_headers(struct dr_api_call *call);

/* Claim, key, time, and the signature where the payload's hash was declared. False after an error
 * answer was set; sets the call's style, role and actor. */
DR_MUST_USE bool dr_api_authenticate(
    struct dr_api_call *call, const struct dr_api_credential *credentials, size_t count,
    struct dr_api_auth *auth);

/* The rest, once a body kept in memory is complete. False after an error answer was set. */
DR_MUST_USE bool dr_api_authenticate_body(
    struct dr_api_call *call, struct dr_api_auth *auth, const uint8_t *body, size_t size_bytes);

#endif

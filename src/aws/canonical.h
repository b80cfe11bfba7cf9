/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private to aws: the canonical request, hashed as it is produced. */
#ifndef DR_AWS_CANONICAL_H
#define DR_AWS_CANONICAL_H

#include "aws/sigv4.h"

#include <stdbool.h>

/* A borrowed run of text without NUL. */
struct dr_sigv4_span {
    const char *text;
    size_t len;
};

/* The two halves of a target; query is empty when there is no '?'. */
void dr_sigv4_split_target(
    const char *target, struct dr_sigv4_span *ret_path, struct dr_sigv4_span *ret_query);

/* Does the span equal the text? ASCII case ignored in the second form. */
bool dr_sigv4_span_is(struct dr_sigv4_span span, const char *text);
bool dr_sigv4_span_is_nocase(struct dr_sigv4_span span, const char *text);

/* Copy with a final NUL; DR_E_FORMAT when it does not fit. */
DR_MUST_USE enum dr_status
dr_sigv4_span_copy(struct dr_sigv4_span span, char *out, size_t capacity_bytes);

/* The next piece up to separator; false when rest is used up. */
bool dr_sigv4_span_next(
    struct dr_sigv4_span *rest, char separator, struct dr_sigv4_span *ret_piece);

/* Decode percent escapes in place of a copy; DR_E_FORMAT for a broken one or too little room. */
DR_MUST_USE enum dr_status
dr_sigv4_span_decode(struct dr_sigv4_span span, char *out, size_t capacity_bytes);

/* The signature itself, for a claim whose timestamp and scope are filled in. */
DR_MUST_USE enum dr_status dr_sigv4_signature(
    const struct dr_crypto *crypto, const struct dr_sigv4_request *request,
    const struct dr_sigv4_claim *claim, const char *secret, const char *payload_hash,
    uint8_t ret_signature[DR_SHA256_BYTES]);

#endif

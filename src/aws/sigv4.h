/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* AWS Signature Version 4, both directions: the API verifies, the command line tool signs.
 *
 * Pure: no heap, no clock, no sockets. Everything is computed over the request as it travelled (the
 * raw target and the raw header values), never over something a web server has decoded. The
 * canonical request is not assembled in memory, it is hashed as it is produced, so there is no
 * buffer for a hostile request to overflow.
 *
 * Rules, as real clients follow them:
 *   path     every service but "s3" percent-encodes the encoded path once more; "s3" decodes and
 *            encodes it once;
 *   query    decoded and re-encoded with the unreserved set, sorted by name and then value; a key
 *            without '=' counts as an empty value;
 *   headers  exactly the signed ones, blanks folded, repeated ones joined by ','. `host` and every
 *            header that begins with x-amz (x-amzn-trace-id excepted) must be among them;
 *   payload  the value of x-amz-content-sha256 if sent, else the SHA-256 of the body.
 *
 * Not here: signing of single chunks (STREAMING-AWS4-HMAC-SHA256-PAYLOAD), SigV4A, SigV2.
 */
#ifndef DR_AWS_SIGV4_H
#define DR_AWS_SIGV4_H

#include "base/status.h"
#include "crypto/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_SIGV4_ACCESS_KEY_MAX 128u
#define DR_SIGV4_REGION_MAX 32u
#define DR_SIGV4_SERVICE_MAX 32u
#define DR_SIGV4_SIGNED_HEADERS_MAX 1024u
#define DR_SIGV4_QUERY_PARAMETERS_MAX 64u
#define DR_SIGV4_TIMESTAMP_BYTES 17u /* "20260131T235959Z" and NUL */
#define DR_SIGV4_HASH_TEXT_BYTES 65u /* 64 hex digits and NUL */
#define DR_SIGV4_AUTHORIZATION_BYTES 1536u
#define DR_SIGV4_EXPIRES_S_MAX 604800u /* a presigned request lives seven days at most */

#define DR_SIGV4_SKEW_S 300    /* published tolerance for every service but s3 */
#define DR_SIGV4_SKEW_S3_S 900 /* and for s3 */

/* What a client says about its payload instead of hashing it; for "s3" only. */
#define DR_SIGV4_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"
#define DR_SIGV4_STREAMING_TRAILER "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

struct dr_sigv4_header {
    const char *name;  /* any case */
    const char *value; /* as received; blanks around and within are folded here */
};

/* A request as it travels. All pointers are borrowed for the call. */
struct dr_sigv4_request {
    const char *method;
    const char *target; /* raw path and query of the request line, begins with '/' */
    const struct dr_sigv4_header *headers; /* repeated names in their order of arrival */
    size_t header_count;
};

/* What the client claims, taken from the Authorization header or from the query. */
struct dr_sigv4_claim {
    char access_key_id[DR_SIGV4_ACCESS_KEY_MAX + 1];
    char date[9]; /* "20260131", day of the scope */
    char region[DR_SIGV4_REGION_MAX + 1];
    char service[DR_SIGV4_SERVICE_MAX + 1];
    char timestamp[DR_SIGV4_TIMESTAMP_BYTES];
    int64_t time_s; /* the same moment, seconds since 1970 */
    char signed_headers[DR_SIGV4_SIGNED_HEADERS_MAX + 1];
    uint8_t signature[DR_SHA256_BYTES];
    bool presigned;     /* the claim stood in the query */
    uint32_t expires_s; /* presigned only */
};

/* Read the claim of a request. Nothing is verified yet.
 *
 * DR_E_NOT_FOUND     there is neither an Authorization header nor X-Amz-Algorithm in the query.
 * DR_E_UNSUPPORTED   another scheme than AWS4-HMAC-SHA256.
 * DR_E_FORMAT        incomplete or malformed, dates that disagree, host or an x-amz header
 * unsigned.
 */
DR_MUST_USE enum dr_status
dr_sigv4_parse(const struct dr_sigv4_request *request, struct dr_sigv4_claim *ret_claim);

/* Is the claim's time acceptable at now_s? Header claims: within the tolerance of the service.
 * Presigned: not from the future beyond it, not expired. DR_E_RANGE otherwise. */
DR_MUST_USE enum dr_status dr_sigv4_check_time(const struct dr_sigv4_claim *claim, int64_t now_s);

/* Does the signature belong to this request, this secret and this payload? Constant-time compare.
 *
 * payload_hash  text that stands in the canonical request: 64 lower-case hex digits or one of the
 *               two words above. That a hex digest fits the body is for the caller to check.
 * DR_E_AUTH     it does not. DR_E_FORMAT: the target cannot be canonicalised (a broken escape, too
 *               many parameters).
 */
DR_MUST_USE enum dr_status dr_sigv4_verify(
    const struct dr_crypto *crypto, const struct dr_sigv4_request *request,
    const struct dr_sigv4_claim *claim, const char *secret, const char *payload_hash);

/* Who signs, for whom. Borrowed for the call. */
struct dr_sigv4_signer {
    const char *access_key_id;
    const char *secret;
    const char *region;
    const char *service;
    int64_t now_s;
};

/* Make the value of the Authorization header. The request must already carry host and x-amz-date
 * (dr_sigv4_timestamp of the same now_s); all its headers are signed.
 *
 * DR_E_ARGUMENT  a header is missing or a name is too long. DR_E_SPACE: out is too small.
 */
DR_MUST_USE enum dr_status dr_sigv4_sign(
    const struct dr_crypto *crypto, const struct dr_sigv4_signer *signer,
    const struct dr_sigv4_request *request, const char *payload_hash, char *out,
    size_t capacity_bytes);

/* Make the target of a presigned request: path plus the query that authorises it.
 *
 * path  encoded, with what else of a query is to be signed. host: value of the Host header the
 * reader will send.
 * Payload is UNSIGNED-PAYLOAD. DR_E_RANGE: expires_s is 0 or above the maximum. DR_E_SPACE.
 */
DR_MUST_USE enum dr_status dr_sigv4_presign(
    const struct dr_crypto *crypto, const struct dr_sigv4_signer *signer, const char *method,
    const char *host, const char *path, uint32_t expires_s, char *out, size_t capacity_bytes);

/* "20260131T235959Z". now_s outside the years 1970..9999 gives DR_E_RANGE. */
DR_MUST_USE enum dr_status dr_sigv4_timestamp(int64_t now_s, char out[DR_SIGV4_TIMESTAMP_BYTES]);

/* The other way; exactly 16 characters of that form and a day that exists, else DR_E_FORMAT. */
DR_MUST_USE enum dr_status
dr_sigv4_parse_timestamp(const char *text, size_t text_len, int64_t *ret_time_s);

/* 64 lower-case hex digits of the body's SHA-256. */
void dr_sigv4_hash_payload(
    const struct dr_crypto *crypto, const uint8_t *body, size_t size_bytes,
    char out[DR_SIGV4_HASH_TEXT_BYTES]);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The two directions: verifying a claim, making one. */
#include "aws/sigv4.h"

#include "aws/canonical.h"
#include "base/secret.h"
#include "base/text.h"

#include <string.h>

#define SIGN_HEADERS_MAX 32u

enum dr_status dr_sigv4_verify(
    const struct dr_crypto *crypto, const struct dr_sigv4_request *request,
    const struct dr_sigv4_claim *claim, const char *secret, const char *payload_hash)
{
    uint8_t expected[DR_SHA256_BYTES];
    DR_TRY(dr_sigv4_signature(crypto, request, claim, secret, payload_hash, expected));
    bool equal = dr_equal_ct(expected, claim->signature, sizeof expected);
    /* The right signature of a refused request must not lie around either. */
    dr_wipe(expected, sizeof expected);
    return equal ? DR_OK : DR_E_AUTH;
}

void dr_sigv4_hash_payload(
    const struct dr_crypto *crypto, const uint8_t *body, size_t size_bytes,
    char out[DR_SIGV4_HASH_TEXT_BYTES])
{
    uint8_t digest[DR_SHA256_BYTES];
    dr_sha256_once(crypto, body, size_bytes, digest);
    dr_hex_encode(digest, sizeof digest, out);
}

/* --- bounded text --- */

struct text {
    char *out;
    size_t capacity_bytes;
    size_t len;
    bool full;
};

static void add_bytes(struct text *text, const char *more, size_t len)
{
    if (text->full || len >= text->capacity_bytes - text->len) {
        text->full = true;
        return;
    }
    memcpy(text->out + text->len, more, len);
    text->len += len;
    text->out[text->len] = '\0';
}

static void add(struct text *text, const char *more)
{
    add_bytes(text, more, strlen(more));
}

static void add_number(struct text *text, uint32_t value)
{
    char digits[10];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0); /* bound: 10 digits */
    while (count > 0) {
        add_bytes(text, &digits[--count], 1);
    }
}

/* --- signing --- */

static enum dr_status
claim_from_signer(const struct dr_sigv4_signer *signer, struct dr_sigv4_claim *claim)
{
    size_t key_len = strlen(signer->access_key_id);
    size_t region_len = strlen(signer->region);
    size_t service_len = strlen(signer->service);
    memset(claim, 0, sizeof *claim);
    if (key_len == 0 || key_len > DR_SIGV4_ACCESS_KEY_MAX || region_len == 0 ||
        region_len > DR_SIGV4_REGION_MAX || service_len == 0 ||
        service_len > DR_SIGV4_SERVICE_MAX) {
        return DR_E_ARGUMENT;
    }
    DR_TRY(dr_sigv4_timestamp(signer->now_s, claim->timestamp));
    memcpy(claim->access_key_id, signer->access_key_id, key_len);
    memcpy(claim->region, signer->region, region_len);
    memcpy(claim->service, signer->service, service_len);
    memcpy(claim->date, claim->timestamp, 8);
    claim->time_s = signer->now_s;
    return DR_OK;
}

static void lower_name(const char *name, char *out, size_t capacity_bytes)
{
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < capacity_bytes; i++) {
        out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    }
    out[i] = '\0';
}

/* All header names in lower case, sorted, each once, joined by ';'. */
static enum dr_status
list_headers(const struct dr_sigv4_request *request, struct dr_sigv4_claim *claim)
{
    char names[SIGN_HEADERS_MAX][64];
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        char name[64];
        size_t at = 0;
        if (count == SIGN_HEADERS_MAX || strlen(request->headers[i].name) >= sizeof name) {
            return DR_E_ARGUMENT;
        }
        lower_name(request->headers[i].name, name, sizeof name);
        while (at < count && strcmp(names[at], name) < 0) {
            at++;
        }
        if (at < count && strcmp(names[at], name) == 0) {
            continue;
        }
        memmove(names[at + 1], names[at], (count - at) * sizeof names[0]);
        memcpy(names[at], name, sizeof name);
        count++;
    }
    struct text text = {
        .out = claim->signed_headers, .capacity_bytes = sizeof claim->signed_headers};
    bool host = false;
    for (size_t i = 0; i < count; i++) {
        add(&text, i == 0 ? "" : ";");
        add(&text, names[i]);
        host = host || strcmp(names[i], "host") == 0;
    }
    return host && !text.full ? DR_OK : DR_E_ARGUMENT;
}

enum dr_status dr_sigv4_sign(
    const struct dr_crypto *crypto, const struct dr_sigv4_signer *signer,
    const struct dr_sigv4_request *request, const char *payload_hash, char *out,
    size_t capacity_bytes)
{
    struct dr_sigv4_claim claim;
    uint8_t signature[DR_SHA256_BYTES];
    char signature_text[DR_SIGV4_HASH_TEXT_BYTES];
    if (capacity_bytes == 0) {
        return DR_E_SPACE;
    }
    DR_TRY(claim_from_signer(signer, &claim));
    DR_TRY(list_headers(request, &claim));
    DR_TRY(dr_sigv4_signature(crypto, request, &claim, signer->secret, payload_hash, signature));
    dr_hex_encode(signature, sizeof signature, signature_text);
    struct text text = {.out = out, .capacity_bytes = capacity_bytes};
    const char *parts[] = {
        "AWS4-HMAC-SHA256 Credential=",
        claim.access_key_id,
        "/",
        claim.date,
        "/",
        claim.region,
        "/",
        claim.service,
        "/aws4_request, SignedHeaders=",
        claim.signed_headers,
        ", Signature=",
        signature_text};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        add(&text, parts[i]);
    }
    return text.full ? DR_E_SPACE : DR_OK;
}

/* --- presigning --- */

enum dr_status dr_sigv4_presign(
    const struct dr_crypto *crypto, const struct dr_sigv4_signer *signer, const char *method,
    const char *host, const char *path, uint32_t expires_s, char *out, size_t capacity_bytes)
{
    struct dr_sigv4_claim claim;
    uint8_t signature[DR_SHA256_BYTES];
    char signature_text[DR_SIGV4_HASH_TEXT_BYTES];
    if (expires_s == 0 || expires_s > DR_SIGV4_EXPIRES_S_MAX) {
        return DR_E_RANGE;
    }
    if (capacity_bytes == 0) {
        return DR_E_SPACE;
    }
    DR_TRY(claim_from_signer(signer, &claim));
    claim.presigned = true;
    claim.expires_s = expires_s;
    memcpy(claim.signed_headers, "host", 5);
    struct text text = {.out = out, .capacity_bytes = capacity_bytes};
    const char *parts[] = {
        path,
        strchr(path, '?') == NULL ? "?" : "&",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=",
        claim.access_key_id,
        "%2F",
        claim.date,
        "%2F",
        claim.region,
        "%2F",
        claim.service,
        "%2Faws4_request&X-Amz-Date=",
        claim.timestamp,
        "&X-Amz-Expires="};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        add(&text, parts[i]);
    }
    add_number(&text, expires_s);
    add(&text, "&X-Amz-SignedHeaders=host");
    if (text.full) {
        return DR_E_SPACE;
    }
    struct dr_sigv4_header header = {.name = "host", .value = host};
    struct dr_sigv4_request request = {
        .method = method, .target = out, .headers = &header, .header_count = 1};
    DR_TRY(dr_sigv4_signature(
        crypto, &request, &claim, signer->secret, DR_SIGV4_UNSIGNED_PAYLOAD, signature));
    dr_hex_encode(signature, sizeof signature, signature_text);
    add(&text, "&X-Amz-Signature=");
    add(&text, signature_text);
    return text.full ? DR_E_SPACE : DR_OK;
}

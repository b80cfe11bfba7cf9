/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "aws/canonical.h"

#include "base/check.h"
#include "base/secret.h"
#include "base/text.h"

#include <string.h>

struct sink {
    const struct dr_crypto *crypto;
    struct dr_sha256 sha;
};

static void put(struct sink *sink, const char *text, size_t len)
{
    sink->crypto->sha256_update(&sink->sha, (const uint8_t *)text, len);
}

static void put_text(struct sink *sink, const char *text)
{
    put(sink, text, strlen(text));
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool unreserved(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* --- spans --- */

void dr_sigv4_split_target(
    const char *target, struct dr_sigv4_span *ret_path, struct dr_sigv4_span *ret_query)
{
    size_t path_len = strcspn(target, "?");
    *ret_path = (struct dr_sigv4_span){.text = target, .len = path_len};
    const char *query = target[path_len] == '?' ? target + path_len + 1 : target + path_len;
    *ret_query = (struct dr_sigv4_span){.text = query, .len = strlen(query)};
}

bool dr_sigv4_span_is(struct dr_sigv4_span span, const char *text)
{
    return strlen(text) == span.len && memcmp(span.text, text, span.len) == 0;
}

bool dr_sigv4_span_is_nocase(struct dr_sigv4_span span, const char *text)
{
    if (strlen(text) != span.len) {
        return false;
    }
    for (size_t i = 0; i < span.len; i++) {
        if (lower(span.text[i]) != lower(text[i])) {
            return false;
        }
    }
    return true;
}

enum dr_status dr_sigv4_span_copy(struct dr_sigv4_span span, char *out, size_t capacity_bytes)
{
    if (span.len >= capacity_bytes || memchr(span.text, '\0', span.len) != NULL) {
        return DR_E_FORMAT;
    }
    memcpy(out, span.text, span.len);
    out[span.len] = '\0';
    return DR_OK;
}

bool dr_sigv4_span_next(struct dr_sigv4_span *rest, char separator, struct dr_sigv4_span *ret_piece)
{
    if (rest->text == NULL) {
        return false;
    }
    const char *end =
        rest->len == 0 ? NULL : (const char *)memchr(rest->text, separator, rest->len);
    if (end == NULL) {
        *ret_piece = *rest;
        *rest = (struct dr_sigv4_span){.text = NULL, .len = 0};
        return true;
    }
    size_t len = (size_t)(end - rest->text);
    *ret_piece = (struct dr_sigv4_span){.text = rest->text, .len = len};
    *rest = (struct dr_sigv4_span){.text = end + 1, .len = rest->len - len - 1};
    return true;
}

/* --- percent encoding --- */

/* Walks over the bytes that an encoded run stands for. */
struct decoder {
    struct dr_sigv4_span span;
    size_t offset;
    bool broken;
};

static bool decode_next(struct decoder *decoder, uint8_t *ret_byte)
{
    const struct dr_sigv4_span *span = &decoder->span;
    if (decoder->broken || decoder->offset >= span->len) {
        return false;
    }
    char c = span->text[decoder->offset];
    if (c != '%') {
        decoder->offset++;
        *ret_byte = (uint8_t)c;
        return true;
    }
    if (span->len - decoder->offset < 3 ||
        dr_hex_decode(span->text + decoder->offset + 1, 2, ret_byte, 1) != DR_OK) {
        decoder->broken = true;
        return false;
    }
    decoder->offset += 3;
    return true;
}

enum dr_status dr_sigv4_span_decode(struct dr_sigv4_span span, char *out, size_t capacity_bytes)
{
    struct decoder decoder = {.span = span};
    size_t len = 0;
    uint8_t byte = 0;
    while (decode_next(&decoder, &byte)) { /* bound: span.len */
        if (byte == 0 || len + 1 >= capacity_bytes) {
            return DR_E_FORMAT;
        }
        out[len++] = (char)byte;
    }
    if (decoder.broken || capacity_bytes == 0) {
        return DR_E_FORMAT;
    }
    out[len] = '\0';
    return DR_OK;
}

/* The canonical form of one byte: itself or %XX. Returns its length, 1 or 3. */
static size_t encode_byte(uint8_t byte, bool keep_slash, char out[3])
{
    static const char digits[] = "0123456789ABCDEF";
    if (unreserved(byte) || (keep_slash && byte == '/')) {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '%';
    out[1] = digits[byte >> 4];
    out[2] = digits[byte & 0x0fu];
    return 3;
}

static enum dr_status put_reencoded(struct sink *sink, struct dr_sigv4_span span, bool keep_slash)
{
    struct decoder decoder = {.span = span};
    uint8_t byte = 0;
    while (decode_next(&decoder, &byte)) { /* bound: span.len */
        char encoded[3];
        put(sink, encoded, encode_byte(byte, keep_slash, encoded));
    }
    return decoder.broken ? DR_E_FORMAT : DR_OK;
}

static enum dr_status put_path(struct sink *sink, struct dr_sigv4_span path, bool is_s3)
{
    if (path.len == 0) {
        put_text(sink, "/");
        return DR_OK;
    }
    if (is_s3) {
        return put_reencoded(sink, path, true);
    }
    for (size_t i = 0; i < path.len; i++) {
        char encoded[3];
        put(sink, encoded, encode_byte((uint8_t)path.text[i], true, encoded));
    }
    return DR_OK;
}

/* --- query --- */

struct parameter {
    struct dr_sigv4_span name;
    struct dr_sigv4_span value;
};

/* Encoded forms compared without being written anywhere. */
static int compare_encoded(struct dr_sigv4_span left, struct dr_sigv4_span right)
{
    struct decoder decoders[2] = {{.span = left}, {.span = right}};
    for (;;) { /* bound: the shorter span */
        uint8_t bytes[2] = {0, 0};
        bool more_left = decode_next(&decoders[0], &bytes[0]);
        bool more_right = decode_next(&decoders[1], &bytes[1]);
        if (!more_left || !more_right) {
            return (int)more_left - (int)more_right;
        }
        if (bytes[0] == bytes[1]) {
            continue;
        }
        char encoded[2][3] = {{0}, {0}};
        (void)encode_byte(bytes[0], false, encoded[0]);
        (void)encode_byte(bytes[1], false, encoded[1]);
        return memcmp(encoded[0], encoded[1], 3);
    }
}

static int compare_parameters(const struct parameter *left, const struct parameter *right)
{
    int names = compare_encoded(left->name, right->name);
    return names != 0 ? names : compare_encoded(left->value, right->value);
}

static enum dr_status collect_parameters(
    struct dr_sigv4_span query, bool presigned, struct parameter *parameters, size_t *ret_count)
{
    size_t count = 0;
    struct dr_sigv4_span piece;
    while (dr_sigv4_span_next(&query, '&', &piece)) { /* bound: the target's length */
        if (piece.len == 0) {
            continue;
        }
        struct parameter parameter = {.value = piece};
        (void)dr_sigv4_span_next(&parameter.value, '=', &parameter.name);
        if (parameter.value.text == NULL) {
            parameter.value = (struct dr_sigv4_span){.text = "", .len = 0};
        }
        if (presigned && dr_sigv4_span_is(parameter.name, "X-Amz-Signature")) {
            continue;
        }
        if (count == DR_SIGV4_QUERY_PARAMETERS_MAX) {
            return DR_E_FORMAT;
        }
        /* Insertion sort: few parameters, and stable for equal ones. */
        size_t at = count++;
        while (at > 0 && compare_parameters(&parameter, &parameters[at - 1]) < 0) {
            parameters[at] = parameters[at - 1];
            at--;
        }
        parameters[at] = parameter;
    }
    *ret_count = count;
    return DR_OK;
}

static enum dr_status put_query(struct sink *sink, struct dr_sigv4_span query, bool presigned)
{
    struct parameter parameters[DR_SIGV4_QUERY_PARAMETERS_MAX];
    size_t count = 0;
    DR_TRY(collect_parameters(query, presigned, parameters, &count));
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            put_text(sink, "&");
        }
        DR_TRY(put_reencoded(sink, parameters[i].name, false));
        put_text(sink, "=");
        DR_TRY(put_reencoded(sink, parameters[i].value, false));
    }
    return DR_OK;
}

/* --- headers --- */

static void put_folded(struct sink *sink, const char *value)
{
    bool started = false;
    bool gap = false;
    for (const char *c = value; *c != '\0'; c++) {
        if (blank(*c)) {
            gap = started;
            continue;
        }
        if (gap) {
            put(sink, " ", 1);
            gap = false;
        }
        put(sink, c, 1);
        started = true;
    }
}

static enum dr_status
put_header(struct sink *sink, const struct dr_sigv4_request *request, struct dr_sigv4_span name)
{
    bool found = false;
    for (size_t i = 0; i < request->header_count; i++) {
        if (!dr_sigv4_span_is_nocase(name, request->headers[i].name)) {
            continue;
        }
        if (found) {
            put_text(sink, ",");
        } else {
            put(sink, name.text, name.len);
            put_text(sink, ":");
        }
        put_folded(sink, request->headers[i].value);
        found = true;
    }
    put_text(sink, "\n");
    return found ? DR_OK : DR_E_FORMAT;
}

/* SHA-256 of the canonical request: the query of a presigned URL without X-Amz-Signature. */
static enum dr_status canonical_hash(
    const struct dr_crypto *crypto, const struct dr_sigv4_request *request,
    const struct dr_sigv4_claim *claim, const char *payload_hash, uint8_t ret_hash[DR_SHA256_BYTES])
{
    struct sink sink = {.crypto = crypto};
    struct dr_sigv4_span path;
    struct dr_sigv4_span query;
    crypto->sha256_begin(&sink.sha);
    dr_sigv4_split_target(request->target, &path, &query);
    put_text(&sink, request->method);
    put_text(&sink, "\n");
    DR_TRY(put_path(&sink, path, strcmp(claim->service, "s3") == 0));
    put_text(&sink, "\n");
    DR_TRY(put_query(&sink, query, claim->presigned));
    put_text(&sink, "\n");
    struct dr_sigv4_span names = {
        .text = claim->signed_headers, .len = strlen(claim->signed_headers)};
    struct dr_sigv4_span name;
    while (dr_sigv4_span_next(&names, ';', &name)) { /* bound: DR_SIGV4_SIGNED_HEADERS_MAX */
        DR_TRY(put_header(&sink, request, name));
    }
    put_text(&sink, "\n");
    put_text(&sink, claim->signed_headers);
    put_text(&sink, "\n");
    put_text(&sink, payload_hash);
    crypto->sha256_finish(&sink.sha, ret_hash);
    return DR_OK;
}

/* --- key chain and signature --- */

static struct dr_bytes bytes_of(const char *text)
{
    return (struct dr_bytes){.data = (const uint8_t *)text, .size_bytes = strlen(text)};
}

static void chain(const struct dr_crypto *crypto, uint8_t key[DR_SHA256_BYTES], const char *text)
{
    struct dr_bytes part = bytes_of(text);
    uint8_t next[DR_SHA256_BYTES];
    dr_hmac_sha256(
        crypto, (struct dr_bytes){.data = key, .size_bytes = DR_SHA256_BYTES}, &part, 1, next);
    memcpy(key, next, sizeof next);
    dr_wipe(next, sizeof next);
}

static enum dr_status signing_key(
    const struct dr_crypto *crypto, const struct dr_sigv4_claim *claim, const char *secret,
    uint8_t ret_key[DR_SHA256_BYTES])
{
    uint8_t seed[4 + 256];
    size_t secret_len = strlen(secret);
    if (secret_len == 0 || secret_len > sizeof seed - 4) {
        return DR_E_ARGUMENT;
    }
    memcpy(seed, "AWS4", 4);
    memcpy(seed + 4, secret, secret_len);
    struct dr_bytes date = bytes_of(claim->date);
    dr_hmac_sha256(
        crypto, (struct dr_bytes){.data = seed, .size_bytes = 4 + secret_len}, &date, 1, ret_key);
    dr_wipe(seed, sizeof seed);
    chain(crypto, ret_key, claim->region);
    chain(crypto, ret_key, claim->service);
    chain(crypto, ret_key, "aws4_request");
    return DR_OK;
}

enum dr_status dr_sigv4_signature(
    const struct dr_crypto *crypto, const struct dr_sigv4_request *request,
    const struct dr_sigv4_claim *claim, const char *secret, const char *payload_hash,
    uint8_t ret_signature[DR_SHA256_BYTES])
{
    uint8_t hash[DR_SHA256_BYTES];
    char hash_text[DR_SIGV4_HASH_TEXT_BYTES];
    uint8_t key[DR_SHA256_BYTES];
    DR_TRY(canonical_hash(crypto, request, claim, payload_hash, hash));
    DR_TRY(signing_key(crypto, claim, secret, key));
    dr_hex_encode(hash, sizeof hash, hash_text);
    const char *texts[] = {
        "AWS4-HMAC-SHA256\n", claim->timestamp,  "\n",      claim->date, "/", claim->region, "/",
        claim->service,       "/aws4_request\n", hash_text,
    };
    struct dr_bytes parts[DR_ARRAY_COUNT(texts)];
    for (size_t i = 0; i < DR_ARRAY_COUNT(texts); i++) {
        parts[i] = bytes_of(texts[i]);
    }
    dr_hmac_sha256(
        crypto, (struct dr_bytes){.data = key, .size_bytes = sizeof key}, parts,
        DR_ARRAY_COUNT(parts), ret_signature);
    dr_wipe(key, sizeof key);
    return DR_OK;
}

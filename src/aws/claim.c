/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Reading what a request claims about its author. */
#include "aws/canonical.h"

#include "base/text.h"

#include <string.h>

static const char algorithm[] = "AWS4-HMAC-SHA256";

static const char *find_header(const struct dr_sigv4_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct dr_sigv4_span span = {
            .text = request->headers[i].name, .len = strlen(request->headers[i].name)};
        if (dr_sigv4_span_is_nocase(span, name)) {
            return request->headers[i].value;
        }
    }
    return NULL;
}

static struct dr_sigv4_span trimmed(struct dr_sigv4_span span)
{
    while (span.len > 0 && (span.text[0] == ' ' || span.text[0] == '\t')) {
        span.text++;
        span.len--;
    }
    while (span.len > 0 && (span.text[span.len - 1] == ' ' || span.text[span.len - 1] == '\t')) {
        span.len--;
    }
    return span;
}

static struct dr_sigv4_span span_of(const char *text)
{
    return (struct dr_sigv4_span){.text = text, .len = strlen(text)};
}

/* --- the fields of a claim --- */

static bool scope_text_valid(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        bool good = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
        if (!good) {
            return false;
        }
    }
    return text[0] != '\0';
}

/* AKID/20260131/region/service/aws4_request; the key id itself may hold no slash. */
static enum dr_status parse_credential(struct dr_sigv4_span span, struct dr_sigv4_claim *claim)
{
    struct dr_sigv4_span parts[5];
    size_t count = 0;
    struct dr_sigv4_span piece;
    while (dr_sigv4_span_next(&span, '/', &piece)) { /* bound: span.len */
        if (count == 5 || piece.len == 0) {
            return DR_E_FORMAT;
        }
        parts[count++] = piece;
    }
    if (count != 5 || !dr_sigv4_span_is(parts[4], "aws4_request")) {
        return DR_E_FORMAT;
    }
    DR_TRY(dr_sigv4_span_copy(parts[0], claim->access_key_id, sizeof claim->access_key_id));
    DR_TRY(dr_sigv4_span_copy(parts[1], claim->date, sizeof claim->date));
    DR_TRY(dr_sigv4_span_copy(parts[2], claim->region, sizeof claim->region));
    DR_TRY(dr_sigv4_span_copy(parts[3], claim->service, sizeof claim->service));
    return scope_text_valid(claim->region) && scope_text_valid(claim->service) ? DR_OK
                                                                               : DR_E_FORMAT;
}

/* Names in lower case, strictly ascending: so none stands there twice. */
static enum dr_status parse_signed_headers(struct dr_sigv4_span span, struct dr_sigv4_claim *claim)
{
    DR_TRY(dr_sigv4_span_copy(span, claim->signed_headers, sizeof claim->signed_headers));
    struct dr_sigv4_span previous = {.text = "", .len = 0};
    struct dr_sigv4_span name;
    while (dr_sigv4_span_next(&span, ';', &name)) { /* bound: span.len */
        size_t shorter = name.len < previous.len ? name.len : previous.len;
        int order = memcmp(previous.text, name.text, shorter);
        if (name.len == 0 || order > 0 || (order == 0 && name.len <= previous.len)) {
            return DR_E_FORMAT;
        }
        for (size_t i = 0; i < name.len; i++) {
            if (name.text[i] >= 'A' && name.text[i] <= 'Z') {
                return DR_E_FORMAT;
            }
        }
        previous = name;
    }
    return DR_OK;
}

static enum dr_status parse_signature(struct dr_sigv4_span span, struct dr_sigv4_claim *claim)
{
    return dr_hex_decode(span.text, span.len, claim->signature, sizeof claim->signature);
}

static enum dr_status parse_time(struct dr_sigv4_span span, struct dr_sigv4_claim *claim)
{
    DR_TRY(dr_sigv4_parse_timestamp(span.text, span.len, &claim->time_s));
    DR_TRY(dr_sigv4_span_copy(span, claim->timestamp, sizeof claim->timestamp));
    return memcmp(claim->timestamp, claim->date, 8) == 0 ? DR_OK : DR_E_FORMAT;
}

/* --- from the Authorization header --- */

static enum dr_status parse_authorization(
    const struct dr_sigv4_request *request, const char *authorization, struct dr_sigv4_claim *claim)
{
    struct dr_sigv4_span rest = trimmed(span_of(authorization));
    struct dr_sigv4_span scheme;
    (void)dr_sigv4_span_next(&rest, ' ', &scheme);
    if (!dr_sigv4_span_is(scheme, algorithm) || rest.text == NULL) {
        return DR_E_UNSUPPORTED;
    }
    unsigned seen = 0;
    struct dr_sigv4_span piece;
    while (dr_sigv4_span_next(&rest, ',', &piece)) { /* bound: the header's length */
        struct dr_sigv4_span value = trimmed(piece);
        struct dr_sigv4_span name;
        (void)dr_sigv4_span_next(&value, '=', &name);
        unsigned bit = 0;
        if (value.text == NULL) {
            return DR_E_FORMAT;
        }
        if (dr_sigv4_span_is(name, "Credential")) {
            bit = 1;
            DR_TRY(parse_credential(value, claim));
        } else if (dr_sigv4_span_is(name, "SignedHeaders")) {
            bit = 2;
            DR_TRY(parse_signed_headers(value, claim));
        } else if (dr_sigv4_span_is(name, "Signature")) {
            bit = 4;
            DR_TRY(parse_signature(value, claim));
        }
        if (bit == 0 || (seen & bit) != 0) {
            return DR_E_FORMAT;
        }
        seen |= bit;
    }
    const char *date = find_header(request, "x-amz-date");
    if (seen != 7u || date == NULL) {
        return DR_E_FORMAT;
    }
    return parse_time(trimmed(span_of(date)), claim);
}

/* --- from the query --- */

static enum dr_status parse_expires(const char *text, struct dr_sigv4_claim *claim)
{
    uint32_t value = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 6) {
        return DR_E_FORMAT;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return DR_E_FORMAT;
        }
        value = value * 10u + (uint32_t)(text[i] - '0');
    }
    if (value == 0 || value > DR_SIGV4_EXPIRES_S_MAX) {
        return DR_E_FORMAT;
    }
    claim->expires_s = value;
    return DR_OK;
}

/* One X-Amz- parameter into the claim; *ret_bit says which it was, 0 for any other. */
static enum dr_status parse_query_field(
    struct dr_sigv4_span name, struct dr_sigv4_span raw, struct dr_sigv4_claim *claim,
    char *timestamp, unsigned *ret_bit)
{
    static const char *const names[] = {"X-Amz-Algorithm",     "X-Amz-Credential",
                                        "X-Amz-Date",          "X-Amz-Expires",
                                        "X-Amz-SignedHeaders", "X-Amz-Signature"};
    size_t which = 0;
    while (which < 6 && !dr_sigv4_span_is(name, names[which])) {
        which++;
    }
    *ret_bit = which == 6 ? 0 : 1u << which;
    char value[DR_SIGV4_SIGNED_HEADERS_MAX + 1];
    if (which == 6) {
        return DR_OK;
    }
    DR_TRY(dr_sigv4_span_decode(raw, value, sizeof value));
    struct dr_sigv4_span span = span_of(value);
    switch (which) {
    case 0:
        return strcmp(value, algorithm) == 0 ? DR_OK : DR_E_UNSUPPORTED;
    case 1:
        return parse_credential(span, claim);
    case 2:
        return dr_sigv4_span_copy(span, timestamp, DR_SIGV4_TIMESTAMP_BYTES);
    case 3:
        return parse_expires(value, claim);
    case 4:
        return parse_signed_headers(span, claim);
    default:
        return parse_signature(span, claim);
    }
}

static enum dr_status parse_query(struct dr_sigv4_span query, struct dr_sigv4_claim *claim)
{
    unsigned seen = 0;
    char timestamp[DR_SIGV4_TIMESTAMP_BYTES] = {0};
    struct dr_sigv4_span piece;
    while (dr_sigv4_span_next(&query, '&', &piece)) { /* bound: the target's length */
        struct dr_sigv4_span name;
        unsigned bit = 0;
        (void)dr_sigv4_span_next(&piece, '=', &name);
        if (piece.text == NULL) {
            piece = (struct dr_sigv4_span){.text = "", .len = 0};
        }
        DR_TRY(parse_query_field(name, piece, claim, timestamp, &bit));
        if ((seen & bit) != 0) {
            return DR_E_FORMAT;
        }
        seen |= bit;
    }
    if ((seen & 1u) == 0) {
        return DR_E_NOT_FOUND;
    }
    if (seen != 0x3fu) {
        return DR_E_FORMAT;
    }
    claim->presigned = true;
    return parse_time(span_of(timestamp), claim);
}

/* --- both --- */

static bool is_signed(const struct dr_sigv4_claim *claim, const char *header)
{
    struct dr_sigv4_span names = span_of(claim->signed_headers);
    struct dr_sigv4_span name;
    while (dr_sigv4_span_next(&names, ';', &name)) { /* bound: DR_SIGV4_SIGNED_HEADERS_MAX */
        if (dr_sigv4_span_is_nocase(name, header)) {
            return true;
        }
    }
    return false;
}

/* A header that changes what the request means must be under the signature. */
static bool
all_meaningful_signed(const struct dr_sigv4_request *request, const struct dr_sigv4_claim *claim)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name;
        struct dr_sigv4_span whole = span_of(name);
        struct dr_sigv4_span prefix = {.text = name, .len = whole.len < 5 ? whole.len : 5};
        bool meaningful = dr_sigv4_span_is_nocase(prefix, "x-amz") &&
                          !dr_sigv4_span_is_nocase(whole, "x-amzn-trace-id");
        if (meaningful && !is_signed(claim, name)) {
            return false;
        }
    }
    return is_signed(claim, "host");
}

enum dr_status
dr_sigv4_parse(const struct dr_sigv4_request *request, struct dr_sigv4_claim *ret_claim)
{
    struct dr_sigv4_claim claim;
    struct dr_sigv4_span path;
    struct dr_sigv4_span query;
    memset(&claim, 0, sizeof claim);
    dr_sigv4_split_target(request->target, &path, &query);
    const char *authorization = find_header(request, "authorization");
    if (authorization != NULL) {
        DR_TRY(parse_authorization(request, authorization, &claim));
    } else {
        DR_TRY(parse_query(query, &claim));
    }
    if (!all_meaningful_signed(request, &claim)) {
        return DR_E_FORMAT;
    }
    *ret_claim = claim;
    return DR_OK;
}

enum dr_status dr_sigv4_check_time(const struct dr_sigv4_claim *claim, int64_t now_s)
{
    int64_t skew_s = strcmp(claim->service, "s3") == 0 ? DR_SIGV4_SKEW_S3_S : DR_SIGV4_SKEW_S;
    int64_t age_s = now_s - claim->time_s;
    int64_t age_s_max = claim->presigned ? (int64_t)claim->expires_s : skew_s;
    return age_s >= -skew_s && age_s <= age_s_max ? DR_OK : DR_E_RANGE;
}

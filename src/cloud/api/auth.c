/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/auth.h"

#include "base/check.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>

bool dr_api_check_headers(struct dr_api_call *call)
{
    static const char *const single[] = {
        "authorization",
        "host",
        "content-md5",
        "content-type",
        "x-amz-date",
        "x-amz-content-sha256",
        "x-amz-security-token",
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        "x-amzn-principal",
        "x-amzn-iot-principal",
        "x-amzn-iot-policy",
        "x-amz-copy-source",
        "x-amz-metadata-directive",
        "x-amz-checksum-sha256",
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(single); i++) {
        size_t seen = 0;
        for (size_t k = 0; k < call->request.header_count; k++) {
            seen += strcasecmp(call->request.headers[k].name, single[i]) == 0 ? 1u : 0u;
        }
        if (seen > 1) {
            dr_api_fail(
                call, DR_API_INVALID_REQUEST, "the header %s stands there %zu times", single[i],
                seen);
            return false;
        }
    }
    return true;
}

/* What a request without a readable claim is answered in: XML where only S3 can be meant. */
static enum dr_api_style guess_style(const struct dr_sigv4_request *request)
{
    static const struct dr_api_route_table *const tables[] = {
        &dr_api_routes_iot, &dr_api_routes_known, &dr_api_routes_own};
    struct dr_api_match match;
    if (strcspn(request->target, "?") == 1) {
        return DR_API_STYLE_JSON; /* "/": sts, or a list of buckets */
    }
    for (size_t i = 0; i < DR_ARRAY_COUNT(tables); i++) {
        enum dr_status status =
            dr_api_route_find(tables[i], request->method, request->target, &match);
        if (status != DR_E_NOT_FOUND) {
            return DR_API_STYLE_JSON;
        }
    }
    return dr_api_route_find(&dr_api_routes_s3, request->method, request->target, &match) == DR_OK
               ? DR_API_STYLE_S3
               : DR_API_STYLE_JSON;
}

static bool refuse_claim(struct dr_api_call *call, enum dr_status status)
{
    call->style = guess_style(&call->request);
    if (status == DR_E_NOT_FOUND) {
        dr_api_fail(call, DR_API_MISSING_TOKEN, "the request is not signed (SigV4)");
    } else if (status == DR_E_UNSUPPORTED) {
        dr_api_fail(
            call, DR_API_INCOMPLETE_SIGNATURE, "only AWS4-HMAC-SHA256 signatures are accepted");
    } else {
        dr_api_fail(
            call, DR_API_INCOMPLETE_SIGNATURE,
            "the signature's parts are missing, malformed or do not agree, or host or an x-amz "
            "header is not signed");
    }
    return false;
}

static bool has_header(const struct dr_api_call *call, const char *name)
{
    for (size_t i = 0; i < call->request.header_count; i++) {
        if (strcasecmp(call->request.headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static const struct dr_api_credential *find_credential(
    const struct dr_api_credential *credentials, size_t count, const char *access_key_id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(credentials[i].access_key_id, access_key_id) == 0) {
            return &credentials[i];
        }
    }
    return NULL;
}

static enum dr_api_style style_of(enum dr_api_service service)
{
    if (service == DR_API_S3) {
        return DR_API_STYLE_S3;
    }
    return service == DR_API_STS ? DR_API_STYLE_STS : DR_API_STYLE_JSON;
}

static bool is_hex_digest(const char *text)
{
    uint8_t digest[DR_SHA256_BYTES];
    return dr_hex_decode(text, strlen(text), digest, sizeof digest) == DR_OK;
}

/* What stands in the canonical request for the payload, as far as the headers tell. */
static bool read_payload_hash(struct dr_api_call *call, struct dr_api_auth *auth)
{
    char declared[80];
    bool present = dr_api_header(call, "x-amz-content-sha256", declared, sizeof declared);
    if (!present && auth->claim.presigned) {
        memcpy(auth->payload_hash, DR_SIGV4_UNSIGNED_PAYLOAD, sizeof DR_SIGV4_UNSIGNED_PAYLOAD);
        return true;
    }
    if (!present && auth->service != DR_API_S3) {
        return true;
    }
    if (!present) {
        dr_api_fail(call, DR_S3_INVALID_REQUEST, "x-amz-content-sha256 is missing or too long");
        return false;
    }
    bool unsigned_body = strcmp(declared, DR_SIGV4_UNSIGNED_PAYLOAD) == 0 ||
                         strcmp(declared, DR_SIGV4_STREAMING_TRAILER) == 0;
    if (strncmp(declared, "STREAMING-", 10) == 0 && !unsigned_body) {
        dr_api_fail(
            call, DR_API_NOT_IMPLEMENTED, "%s is not implemented; send the payload unsigned",
            declared);
        return false;
    }
    /* A body that is neither signed nor declared must not reach a JSON operation. */
    if (!is_hex_digest(declared) && (!unsigned_body || auth->service != DR_API_S3)) {
        dr_api_fail(
            call, DR_API_INVALID_REQUEST, "x-amz-content-sha256 must be the body's SHA-256 in hex");
        return false;
    }
    memcpy(auth->payload_hash, declared, strlen(declared) + 1);
    return true;
}

static bool verify(struct dr_api_call *call, struct dr_api_auth *auth, const char *payload_hash)
{
    enum dr_status status = dr_sigv4_verify(
        call->config->crypto, &call->request, &auth->claim, auth->credential->secret, payload_hash);
    if (status != DR_OK) {
        dr_api_fail(
            call, DR_API_INVALID_SIGNATURE,
            "the signature does not fit the request; check the secret key and what lies between "
            "the client and this server");
        return false;
    }
    auth->verified = true;
    call->role = auth->credential->role;
    call->download = auth->credential->downloads_only;
    call->use.actor = auth->credential->access_key_id;
    call->use.region = auth->claim.region;
    return true;
}

bool dr_api_authenticate(
    struct dr_api_call *call, const struct dr_api_credential *credentials, size_t count,
    struct dr_api_auth *auth)
{
    enum dr_status status = dr_sigv4_parse(&call->request, &auth->claim);
    if (status != DR_OK) {
        return refuse_claim(call, status);
    }
    auth->service = dr_api_service_from_scope(auth->claim.service);
    call->style = style_of(auth->service);
    auth->credential = find_credential(credentials, count, auth->claim.access_key_id);
    bool temporary = has_header(call, "x-amz-security-token");
    if (auth->credential == NULL || temporary) {
        dr_api_fail(
            call, DR_API_UNKNOWN_KEY,
            temporary ? "session tokens are not issued by this server"
                      : "the access key id is not known to this server");
        return false;
    }
    if (dr_sigv4_check_time(&auth->claim, call->use.now_ms / 1000) != DR_OK) {
        bool is_s3 = auth->service == DR_API_S3;
        call->expired = auth->claim.presigned ? &auth->claim : NULL;
        dr_api_fail(
            call,
            auth->claim.presigned ? DR_API_ACCESS_DENIED
            : is_s3               ? DR_S3_SKEW
                                  : DR_API_INVALID_SIGNATURE,
            auth->claim.presigned ? "Request has expired"
                                  : "the request's time is too far from the server's; set the "
                                    "clock");
        return false;
    }
    if (!read_payload_hash(call, auth)) {
        return false;
    }
    return auth->payload_hash[0] == '\0' || verify(call, auth, auth->payload_hash);
}

bool dr_api_authenticate_body(
    struct dr_api_call *call, struct dr_api_auth *auth, const uint8_t *body, size_t size_bytes)
{
    char hash[DR_SIGV4_HASH_TEXT_BYTES];
    dr_sigv4_hash_payload(call->config->crypto, body, size_bytes, hash);
    if (!auth->verified) {
        return verify(call, auth, hash);
    }
    if (is_hex_digest(auth->payload_hash) && strcasecmp(auth->payload_hash, hash) != 0) {
        dr_api_fail(
            call, call->style == DR_API_STYLE_S3 ? DR_S3_CONTENT_SHA256 : DR_API_INVALID_SIGNATURE,
            "x-amz-content-sha256 does not fit the body");
        return false;
    }
    return true;
}

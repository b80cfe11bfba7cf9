/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/exchange.h"

#include "base/secret.h"
#include "cloud/api/handlers.h"
#include "cloud/api/members.h"
#include "cloud/registry/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A body is refused by its Content-Length where there is one. Without, what exceeds the limit is
 * read and dropped up to this much more, so that the client still gets its answer. */
#define OVERRUN_BYTES_MAX (8u * 1024u * 1024u)

/* --- routing --- */

static enum dr_status find_in(const struct dr_api_route_table *table, struct dr_api_call *call)
{
    return dr_api_route_find(table, call->request.method, call->request.target, &call->match);
}

/* The tables a service's requests are looked up in, most telling result first. */
static enum dr_status find_route(struct dr_api_call *call, enum dr_api_service service)
{
    enum dr_status result = find_in(dr_api_service_routes(service), call);
    if (service != DR_API_IOT || result == DR_OK || result == DR_E_FORMAT) {
        return result;
    }
    static const struct dr_api_route_table *const more[] = {
        &dr_api_routes_known, &dr_api_routes_own};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        enum dr_status status = find_in(more[i], call);
        if (status == DR_OK || status == DR_E_FORMAT) {
            return status;
        }
        result = status == DR_E_UNSUPPORTED ? status : result;
    }
    return result;
}

static void
refuse_route(struct dr_api_call *call, enum dr_api_service service, enum dr_status status)
{
    const char *method = call->request.method;
    if (service == DR_API_IOT_DATA || service == DR_API_SIGNER || service == DR_API_OTHER) {
        dr_api_fail(call, DR_API_NOT_IMPLEMENTED, "this service is not implemented here");
    } else if (status == DR_E_FORMAT) {
        dr_api_fail(
            call, DR_API_INVALID_REQUEST,
            "the path is malformed: a broken escape, an encoded NUL, a segment that is too long, "
            "not UTF-8, or only dots");
    } else if (status == DR_E_UNSUPPORTED) {
        dr_api_fail(call, DR_API_METHOD_NOT_ALLOWED, "%.16s is not allowed here", method);
    } else {
        dr_api_fail(call, DR_API_UNKNOWN_OPERATION, "there is no such operation");
    }
}

static bool is_signed(const struct dr_sigv4_claim *claim, const char *header)
{
    const char *names = claim->signed_headers;
    size_t len = strlen(header);
    while (*names != '\0') { /* bound: the names */
        size_t name_len = strcspn(names, ";");
        if (name_len == len && strncmp(names, header, len) == 0) {
            return true;
        }
        names += name_len + (names[name_len] == ';' ? 1 : 0);
    }
    return false;
}

/* The one operation that a header names. Whoever got a pre-signed URL for an upload may not turn it
 * into a copy: the header must be signed too. */
static void turn_put_into_copy(struct dr_api_exchange *exchange)
{
    struct dr_api_call *call = &exchange->call;
    char first[2];
    if (call->match.route->handle != dr_api_put_object ||
        dr_api_header_read(call, DR_API_COPY_HEADER, first, sizeof first) == DR_E_NOT_FOUND) {
        return;
    }
    call->match.route = &dr_api_route_copy_object;
    if (!is_signed(&exchange->auth.claim, DR_API_COPY_HEADER)) {
        dr_api_fail(call, DR_API_ACCESS_DENIED, "the header " DR_API_COPY_HEADER " must be signed");
    }
}

/* Route, role, query: everything about the operation that precedes its body. */
static void choose_operation(struct dr_api_exchange *exchange)
{
    struct dr_api_call *call = &exchange->call;
    char key[DR_API_QUERY_KEY_BYTES];
    enum dr_status status = find_route(call, exchange->auth.service);
    if (status != DR_OK) {
        refuse_route(call, exchange->auth.service, status);
        return;
    }
    turn_put_into_copy(exchange);
    if (call->answer.set) {
        return;
    }
    const struct dr_api_route *route = call->match.route;
    bool other =
        call->download && (route->handle != dr_api_get_object || !exchange->auth.claim.presigned);
    if (call->role < route->role || other) {
        dr_api_fail(
            call, DR_API_ACCESS_DENIED, "this access key may not call %s", route->operation);
    } else if (route->handle == NULL) {
        dr_api_fail(
            call, DR_API_NOT_IMPLEMENTED, "%s is not implemented by this server", route->operation);
    } else if (dr_api_route_check_query(route, call->request.target, key) != DR_OK) {
        /* For s3 an unknown key usually names another operation: ?acl, ?tagging. */
        dr_api_fail(
            call, call->style == DR_API_STYLE_S3 ? DR_API_NOT_IMPLEMENTED : DR_API_INVALID_REQUEST,
            "%s does not take the query key \"%s\", or not twice", route->operation, key);
    }
}

/* --- objects --- */

/* A header's value in out, or NULL when it is absent. False after an error answer was set: what was
 * announced and cannot be read must not count as absent. */
static bool read_header(
    struct dr_api_call *call, const char *name, char *out, size_t capacity_bytes,
    const char **ret_value)
{
    enum dr_status status = dr_api_header_read(call, name, out, capacity_bytes);
    *ret_value = status == DR_OK ? out : NULL;
    if (status == DR_E_SPACE) {
        dr_api_fail(call, DR_S3_INVALID_ARGUMENT, "the header %.60s is too long", name);
    }
    return status != DR_E_SPACE;
}

static bool read_decoded_size(struct dr_api_call *call, struct dr_api_announcement *announced)
{
    char storage[24];
    const char *text = NULL;
    if (!read_header(call, "x-amz-decoded-content-length", storage, sizeof storage, &text)) {
        return false;
    }
    if (text == NULL) {
        return true;
    }
    if (text[0] == '\0' || strlen(text) > 15 || strspn(text, "0123456789") != strlen(text)) {
        dr_api_fail(call, DR_S3_INVALID_ARGUMENT, "x-amz-decoded-content-length is not a number");
        return false;
    }
    announced->has_decoded_size = true;
    announced->decoded_size_bytes = strtoull(text, NULL, 10);
    return true;
}

/* The checksum that the trailer will carry. */
static bool read_trailer(struct dr_api_call *call, struct dr_api_announcement *announced)
{
    char storage[64];
    const char *name = NULL;
    if (!read_header(call, "x-amz-trailer", storage, sizeof storage, &name)) {
        return false;
    }
    if (name == NULL) {
        return true;
    }
    if (!announced->aws_chunked) {
        dr_api_fail(
            call, DR_S3_INVALID_REQUEST,
            "x-amz-trailer needs x-amz-content-sha256 "
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    } else if (dr_crc_kind_of(name, &announced->crc) != DR_OK) {
        dr_api_fail(
            call, DR_API_NOT_IMPLEMENTED, "the trailer %.60s is not implemented; use CRC32", name);
    }
    return !call->answer.set;
}

/* The checksums that headers carry: SHA-256, and one CRC. */
static bool read_checksums(
    struct dr_api_call *call, struct dr_api_announcement *announced,
    struct dr_api_announced_text *text)
{
    static const char sha256[] = "x-amz-checksum-sha256";
    if (!read_header(call, sha256, text->sha256, sizeof text->sha256, &announced->sha256)) {
        return false;
    }
    for (size_t i = 0; i < call->request.header_count; i++) {
        char name[64];
        enum dr_crc_kind kind = DR_CRC_NONE;
        dr_api_header_name(call, i, name, sizeof name);
        enum dr_status status = dr_crc_kind_of(name, &kind);
        if (status == DR_E_NOT_FOUND || strcmp(name, sha256) == 0) {
            continue;
        }
        if (status != DR_OK) {
            dr_api_fail(
                call, DR_API_NOT_IMPLEMENTED, "%.60s is not implemented; use CRC32 or SHA256",
                name);
            return false;
        }
        if (announced->crc != DR_CRC_NONE) {
            dr_api_fail(call, DR_S3_INVALID_REQUEST, "more than one CRC is announced");
            return false;
        }
        announced->crc = kind;
        if (!read_header(call, name, text->crc, sizeof text->crc, &announced->crc_value)) {
            return false;
        }
    }
    return true;
}

static bool read_announcement(
    struct dr_api_exchange *exchange, struct dr_api_announced_text *text,
    struct dr_api_announcement *announced)
{
    struct dr_api_call *call = &exchange->call;
    memset(announced, 0, sizeof *announced);
    announced->payload_hash = exchange->auth.payload_hash;
    announced->aws_chunked = strcmp(exchange->auth.payload_hash, DR_SIGV4_STREAMING_TRAILER) == 0;
    return read_header(call, "content-md5", text->md5, sizeof text->md5, &announced->content_md5) &&
           read_decoded_size(call, announced) && read_trailer(call, announced) &&
           read_checksums(call, announced, text);
}

static void begin_upload(struct dr_api_exchange *exchange, int64_t content_length)
{
    struct dr_api_call *call = &exchange->call;
    struct dr_api_announcement announced;
    uint64_t size_max = call->config->object_bytes_max;
    if (!read_announcement(exchange, &exchange->announced_text, &announced)) {
        return;
    }
    bool too_large =
        (announced.has_decoded_size && announced.decoded_size_bytes > size_max) ||
        (!announced.aws_chunked && content_length > 0 && (uint64_t)content_length > size_max);
    if (too_large) {
        dr_api_fail(
            call, DR_S3_TOO_LARGE, "the object is larger than the %llu bytes this server accepts",
            (unsigned long long)size_max);
        return;
    }
    enum dr_status status = dr_api_upload_begin(
        &exchange->upload, dr_service_upload_directory(call->use.service), call->config->crypto,
        &announced, size_max);
    if (status != DR_OK) {
        dr_api_fail(
            call, DR_S3_UNAVAILABLE, "the upload cannot be stored: %s", dr_status_text(status));
        return;
    }
    call->upload = &exchange->upload;
}

/* --- the three steps --- */

static bool is_open_to_all(struct dr_api_exchange *exchange)
{
    struct dr_api_call *call = &exchange->call;
    bool open =
        find_in(&dr_api_routes_own, call) == DR_OK && call->match.route->role == DR_API_NOBODY;
    if (!open) {
        call->match.route = NULL; /* chosen after its author is known, with role and query */
    }
    return open;
}

void dr_api_exchange_begin(
    struct dr_api_exchange *exchange, const struct dr_api_keys *keys, int64_t content_length)
{
    struct dr_api_call *call = &exchange->call;
    if (exchange->oversized) {
        dr_api_fail(
            call, DR_API_INVALID_REQUEST,
            "the request target is too long, or there are too many header fields");
        return;
    }
    if (!dr_api_check_headers(call)) {
        return;
    }
    if (is_open_to_all(exchange)) {
        exchange->auth.verified = true;
        exchange->auth.service = DR_API_IOT;
        return;
    }
    if (!dr_api_authenticate(call, keys->credentials, keys->count, &exchange->auth)) {
        return;
    }
    if (exchange->auth.service == DR_API_S3) {
        choose_operation(exchange);
        if (call->answer.set) {
            return;
        }
        if (call->match.route->body == DR_API_BODY_OBJECT) {
            begin_upload(exchange, content_length);
            return;
        }
    }
    if (content_length > (int64_t)DR_API_BODY_MAX) {
        dr_api_fail(call, DR_API_TOO_LARGE, "the body is larger than %u bytes", DR_API_BODY_MAX);
    }
}

/* Room for a body that may be anybody's. */
static bool take_share(struct dr_api_exchange *exchange, size_t more_bytes)
{
    if (exchange->auth.verified || exchange->unverified_bytes == NULL) {
        return true;
    }
    size_t before = atomic_fetch_add(exchange->unverified_bytes, more_bytes);
    exchange->unverified_share += more_bytes;
    return before + more_bytes <= DR_API_UNVERIFIED_BYTES_MAX;
}

static void give_share_back(struct dr_api_exchange *exchange)
{
    if (exchange->unverified_share != 0) {
        (void)atomic_fetch_sub(exchange->unverified_bytes, exchange->unverified_share);
        exchange->unverified_share = 0;
    }
}

static void forget_body(struct dr_api_exchange *exchange)
{
    free(exchange->body);
    exchange->body = NULL;
    exchange->body_size = 0;
    exchange->body_capacity = 0;
    give_share_back(exchange);
}

/* Twice what is needed, so that it is seldom copied, and never more than a body may have. */
static bool grow(struct dr_api_exchange *exchange, size_t needed_bytes)
{
    size_t capacity =
        needed_bytes * 2 < DR_API_BODY_MAX + 1 ? needed_bytes * 2 : DR_API_BODY_MAX + 1;
    if (!take_share(exchange, capacity - exchange->body_capacity)) {
        forget_body(exchange);
        dr_api_fail(
            &exchange->call, DR_API_UNAVAILABLE,
            "too many bodies are on their way whose signature was not checked yet");
        return true;
    }
    uint8_t *grown = realloc(exchange->body, capacity);
    if (grown == NULL) {
        return false;
    }
    exchange->body = grown;
    exchange->body_capacity = capacity;
    return true;
}

static bool keep(struct dr_api_exchange *exchange, const uint8_t *data, size_t size_bytes)
{
    if (size_bytes > DR_API_BODY_MAX - exchange->body_size) {
        dr_api_fail(
            &exchange->call, DR_API_TOO_LARGE, "the body is larger than %u bytes", DR_API_BODY_MAX);
        return true;
    }
    if (exchange->body_size + size_bytes + 1 > exchange->body_capacity) {
        bool grown = grow(exchange, exchange->body_size + size_bytes + 1);
        if (!grown || exchange->call.answer.set) {
            return grown;
        }
    }
    memcpy(exchange->body + exchange->body_size, data, size_bytes);
    exchange->body_size += size_bytes;
    exchange->body[exchange->body_size] = '\0';
    return true;
}

bool dr_api_exchange_body(struct dr_api_exchange *exchange, const uint8_t *data, size_t size_bytes)
{
    struct dr_api_call *call = &exchange->call;
    bool open = call->match.route != NULL && call->match.route->role == DR_API_NOBODY;
    bool lost =
        open || call->answer.set || (call->upload != NULL && exchange->upload.failed != DR_OK);
    if (lost) {
        exchange->dropped_bytes += size_bytes;
        return exchange->dropped_bytes <= OVERRUN_BYTES_MAX;
    }
    if (call->upload != NULL) {
        dr_api_upload_feed(&exchange->upload, data, size_bytes);
        return true;
    }
    return keep(exchange, data, size_bytes);
}

static void finish_upload(struct dr_api_exchange *exchange)
{
    struct dr_api_call *call = &exchange->call;
    enum dr_api_error error = DR_S3_INTERNAL;
    const char *message = "";
    if (dr_api_upload_finish(&exchange->upload, &error, &message) != DR_OK) {
        dr_api_fail(call, error, "%s", message);
    }
}

static void parse_json(struct dr_api_exchange *exchange)
{
    struct dr_api_call *call = &exchange->call;
    char error[DR_API_MEMBERS_ERROR_BYTES];
    const char *text = exchange->body == NULL ? "" : (const char *)exchange->body;
    if (dr_api_json_parse(text, exchange->body_size, &call->body, error) != DR_OK ||
        dr_api_members_check(call->body, call->match.route->members, error) != DR_OK) {
        dr_api_fail(call, DR_API_INVALID_REQUEST, "%s", error);
    }
}

static void finish_body(struct dr_api_exchange *exchange)
{
    struct dr_api_call *call = &exchange->call;
    static const uint8_t nothing[1] = {0};
    const uint8_t *body = exchange->body == NULL ? nothing : exchange->body;
    if (exchange->auth.credential != NULL &&
        !dr_api_authenticate_body(call, &exchange->auth, body, exchange->body_size)) {
        return;
    }
    if (call->match.route == NULL) {
        choose_operation(exchange);
        if (call->answer.set) {
            return;
        }
    }
    if (call->match.route->body == DR_API_BODY_JSON) {
        parse_json(exchange);
    } else if (call->match.route->body == DR_API_BODY_TEXT) {
        call->text = (const char *)body;
        call->text_len = exchange->body_size;
    }
}

void dr_api_exchange_finish(struct dr_api_exchange *exchange)
{
    struct dr_api_call *call = &exchange->call;
    if (!call->answer.set) {
        if (call->upload != NULL) {
            finish_upload(exchange);
        } else {
            finish_body(exchange);
        }
    }
    if (!call->answer.set) {
        call->match.route->handle(call);
    }
    if (!call->answer.set) {
        dr_api_fail(call, DR_API_INTERNAL, "the operation gave no answer");
    }
    if (call->upload != NULL) {
        /* Before the answer leaves: who reads a refusal finds nothing of the upload any more. */
        dr_api_upload_drop(call->upload);
    }
}

void dr_api_exchange_drop(struct dr_api_exchange *exchange)
{
    struct dr_api_call *call = &exchange->call;
    if (call->upload != NULL) {
        dr_api_upload_drop(&exchange->upload);
    }
    if (call->answer.body != NULL) {
        dr_wipe(call->answer.body, call->answer.body_size);
        free(call->answer.body);
    }
    if (call->answer.fd >= 0) {
        (void)close(call->answer.fd);
    }
    json_decref(call->body);
    forget_body(exchange);
}

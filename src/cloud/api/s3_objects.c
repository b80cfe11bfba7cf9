/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Objects: put, get, head, delete. */
#include "base/text.h"
#include "cloud/api/fetches.h"
#include "cloud/api/handlers.h"
#include "cloud/api/upload.h"
#include "cloud/registry/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void dr_api_put_object(struct dr_api_call *call)
{
    char content_type[DR_OBJECT_TYPE_SIZE];
    struct dr_object object;
    bool typed = dr_api_header(call, "content-type", content_type, sizeof content_type);
    struct dr_object_upload upload = {
        .bucket = dr_api_parameter(call, 0),
        .key = dr_api_parameter(call, 1),
        .path = call->upload->path,
        .size_bytes = call->upload->size_bytes,
        .etag = call->upload->md5_text,
        .content_type = typed && content_type[0] != '\0' ? content_type : NULL,
    };
    memcpy(upload.sha256, call->upload->sha256, sizeof upload.sha256);
    enum dr_status status = dr_service_put_object(&call->use, &upload, &object);
    if (status != DR_OK) {
        dr_api_fail_use(call, status);
        return;
    }
    call->upload->path[0] = '\0'; /* moved away */
    dr_api_answer_empty(call, 200);
    dr_api_add_header(call, "ETag", "\"%s\"", object.etag);
    dr_api_add_header(call, "x-amz-version-id", "%s", object.version);
}

/* --- ranges --- */

/* One range of an object. */
struct range {
    uint64_t first;
    uint64_t size_bytes;
    bool partial;
};

static bool parse_number(const char **text, uint64_t *ret_value)
{
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 15) {
        return false;
    }
    *ret_value = strtoull(*text, NULL, 10);
    *text += digits;
    return true;
}

/* "bytes=a-b", "bytes=a-", "bytes=-n"; anything else is ignored, as RFC 9110 allows. DR_E_RANGE: it
 * lies outside the object. */
static enum dr_status read_range(const char *text, uint64_t total, struct range *ret_range)
{
    uint64_t first = 0;
    uint64_t last = total == 0 ? 0 : total - 1;
    *ret_range = (struct range){.first = 0, .size_bytes = total};
    if (strncmp(text, "bytes=", 6) != 0) {
        return DR_OK;
    }
    text += 6;
    bool has_first = parse_number(&text, &first);
    if (*text != '-') {
        return DR_OK;
    }
    text++;
    uint64_t given = 0;
    bool has_last = parse_number(&text, &given);
    if (*text != '\0' || (!has_first && !has_last)) {
        return DR_OK;
    }
    if (!has_first) {
        first = given < total ? total - given : 0;
    } else if (has_last) {
        if (given < first) {
            return DR_OK;
        }
        last = given < last ? given : last;
    }
    if (first >= total || (!has_first && given == 0)) {
        return DR_E_RANGE;
    }
    *ret_range = (struct range){.first = first, .size_bytes = last - first + 1, .partial = true};
    return DR_OK;
}

static void add_object_headers(struct dr_api_call *call, const struct dr_object *object)
{
    char modified[40] = "";
    struct tm parts;
    time_t seconds = (time_t)(object->modified_ms / 1000);
    if (gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(modified, sizeof modified, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    }
    dr_api_add_header(call, "Last-Modified", "%s", modified);
    dr_api_add_header(call, "ETag", "\"%s\"", object->etag);
    dr_api_add_header(call, "x-amz-version-id", "%s", object->version);
    dr_api_add_header(call, "Accept-Ranges", "bytes");
    dr_api_add_header(call, "Content-Type", "%s", object->content_type);
}

/* A device's URL names the thing it was made for. */
static void count_fetch(struct dr_api_call *call)
{
    char thing[DR_THING_NAME_MAX + 1];
    if (!call->download || call->fetches == NULL ||
        dr_api_query_value(call->request.target, "x-daruma-thing", thing, sizeof thing) != DR_OK) {
        return;
    }
    call->answer.fetch = dr_api_fetches_of(call->fetches, thing);
    if (call->answer.fetch != NULL) {
        (void)atomic_fetch_add(&call->answer.fetch->requests, 1);
    }
}

void dr_api_get_object(struct dr_api_call *call)
{
    char version_text[64];
    char range_text[80];
    struct dr_object object;
    struct range range;
    int fd = -1;
    const char *version = dr_api_query(call, "versionId", version_text, sizeof version_text);
    if (call->answer.set) {
        return;
    }
    enum dr_status status = dr_service_open_object(
        &call->use, dr_api_parameter(call, 0), dr_api_parameter(call, 1), version, &object, &fd);
    if (status != DR_OK) {
        dr_api_fail_use(call, status);
        return;
    }
    bool ranged = dr_api_header(call, "range", range_text, sizeof range_text);
    if (read_range(ranged ? range_text : "", object.size_bytes, &range) != DR_OK) {
        (void)close(fd);
        dr_api_fail(call, DR_S3_RANGE, "the range lies outside the object");
        return;
    }
    dr_api_answer_empty(call, range.partial ? 206 : 200);
    call->answer.fd = fd; /* from here on the frame closes it */
    call->answer.fd_offset = range.first;
    call->answer.fd_size = range.size_bytes;
    count_fetch(call);
    add_object_headers(call, &object);
    if (range.partial) {
        dr_api_add_header(
            call, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)range.first,
            (unsigned long long)(range.first + range.size_bytes - 1),
            (unsigned long long)object.size_bytes);
    }
}

void dr_api_delete_object(struct dr_api_call *call)
{
    char version_text[64];
    struct dr_object object;
    const char *version = dr_api_query(call, "versionId", version_text, sizeof version_text);
    if (call->answer.set) {
        return;
    }
    enum dr_status status = dr_service_delete_object(
        &call->use, dr_api_parameter(call, 0), dr_api_parameter(call, 1), version, &object);
    if (status != DR_OK) {
        dr_api_fail_use(call, status);
        return;
    }
    dr_api_answer_empty(call, 204);
    dr_api_add_header(call, "x-amz-version-id", "%s", object.version);
    if (object.is_delete_marker) {
        dr_api_add_header(call, "x-amz-delete-marker", "true");
    }
}

void dr_api_refuse_multipart(struct dr_api_call *call)
{
    dr_api_fail(
        call, DR_S3_NOT_IMPLEMENTED,
        "multipart uploads are not implemented: use `aws s3api put-object`, or raise "
        "multipart_threshold above the file's size");
}

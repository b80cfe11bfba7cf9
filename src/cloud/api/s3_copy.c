/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* CopyObject: the same content once more, under another key or as the newest version of its own. */
#include "base/check.h"
#include "cloud/api/handlers.h"
#include "cloud/api/xml.h"
#include "cloud/registry/images.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A bucket, a key with every byte escaped, a version. */
#define SOURCE_BYTES (3u * DR_OBJECT_KEY_MAX + 128u)

struct source {
    struct dr_api_match match; /* bucket and key */
    char version[64];          /* "" when none is named */
};

/* "/bucket/key?versionId=V", percent-encoded, with or without the first slash: the path and query
 * of a GetObject. False after an error answer was set. */
static bool read_source(struct dr_api_call *call, struct source *ret_source)
{
    static const struct dr_api_route route = {
        .method = "GET", .path = "/{}/{+}", .accepts = "versionId"};
    static const struct dr_api_route_table table = {.routes = &route, .count = 1};
    char text[SOURCE_BYTES + 1] = "/";
    char key[DR_API_QUERY_KEY_BYTES];
    if (dr_api_header_read(call, DR_API_COPY_HEADER, text + 1, sizeof text - 1) == DR_OK) {
        const char *target = text[1] == '/' ? text + 1 : text;
        enum dr_status version = DR_E_FORMAT;
        bool named = dr_api_route_find(&table, "GET", target, &ret_source->match) == DR_OK &&
                     dr_api_route_check_query(&route, target, key) == DR_OK;
        ret_source->version[0] = '\0';
        if (named) {
            version = dr_api_query_value(
                target, "versionId", ret_source->version, sizeof ret_source->version);
        }
        if (version == DR_OK || version == DR_E_NOT_FOUND) {
            return true;
        }
    }
    dr_api_fail(
        call, DR_S3_INVALID_ARGUMENT,
        DR_API_COPY_HEADER " must be bucket/key or bucket/key?versionId=VERSION, percent-encoded");
    return false;
}

/* x-amz-copy-source-if-match and its like. */
static bool has_condition(const struct dr_api_call *call)
{
    static const char prefix[] = DR_API_COPY_HEADER "-";
    for (size_t i = 0; i < call->request.header_count; i++) {
        if (strncasecmp(call->request.headers[i].name, prefix, sizeof prefix - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Metadata here is the content type: the source's, or with REPLACE the request's. *ret_type NULL:
 * the source's. False after an error answer was set. */
static bool
read_type(struct dr_api_call *call, char text[DR_OBJECT_TYPE_SIZE], const char **ret_type)
{
    char directive[16] = "COPY";
    enum dr_status status =
        dr_api_header_read(call, "x-amz-metadata-directive", directive, sizeof directive);
    *ret_type = NULL;
    if (status == DR_E_SPACE ||
        (strcmp(directive, "COPY") != 0 && strcmp(directive, "REPLACE") != 0)) {
        dr_api_fail(
            call, DR_S3_INVALID_ARGUMENT, "x-amz-metadata-directive must be COPY or REPLACE");
        return false;
    }
    if (strcmp(directive, "REPLACE") == 0) {
        bool typed = dr_api_header(call, "content-type", text, DR_OBJECT_TYPE_SIZE);
        *ret_type = typed && text[0] != '\0' ? text : "application/octet-stream";
    }
    return true;
}

static void answer_copied(
    struct dr_api_call *call, const struct dr_object *from, const struct dr_object *object)
{
    struct dr_xml xml;
    char etag[DR_OBJECT_ETAG_SIZE + 2];
    (void)snprintf(etag, sizeof etag, "\"%s\"", object->etag);
    dr_xml_begin(&xml);
    dr_xml_open(&xml, "CopyObjectResult" DR_XML_S3_NAMESPACE);
    dr_xml_time(&xml, "LastModified", object->modified_ms);
    dr_xml_text(&xml, "ETag", etag);
    dr_xml_close(&xml, "CopyObjectResult");
    dr_api_answer_xml(call, &xml);
    dr_api_add_header(call, "x-amz-version-id", "%s", object->version);
    dr_api_add_header(call, "x-amz-copy-source-version-id", "%s", from->version);
}

void dr_api_copy_object(struct dr_api_call *call)
{
    struct source source;
    struct dr_object from;
    struct dr_object object;
    char type[DR_OBJECT_TYPE_SIZE];
    struct dr_object_copy copy = {
        .bucket = dr_api_parameter(call, 0),
        .key = dr_api_parameter(call, 1),
        .from_version = source.version,
    };
    if (!read_source(call, &source) || !read_type(call, type, &copy.content_type)) {
        return;
    }
    if (has_condition(call)) {
        dr_api_fail(
            call, DR_S3_NOT_IMPLEMENTED,
            "conditions on the source of a copy are not implemented: name its versionId");
        return;
    }
    copy.from_bucket = source.match.parameters[0];
    copy.from_key = source.match.parameters[1];
    enum dr_status status = dr_service_copy_object(&call->use, &copy, &from, &object);
    if (status != DR_OK) {
        dr_api_fail_use(call, status);
        return;
    }
    answer_copied(call, &from, &object);
}

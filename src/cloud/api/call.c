/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/call.h"

#include "base/check.h"
#include "base/secret.h"
#include "cloud/api/xml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- reading --- */

const char *dr_api_parameter(const struct dr_api_call *call, size_t index)
{
    DR_CHECK(index < call->match.parameter_count);
    return call->match.parameters[index];
}

enum dr_status dr_api_header_read(
    const struct dr_api_call *call, const char *name, char *out, size_t capacity_bytes)
{
    for (size_t i = 0; i < call->request.header_count; i++) {
        if (strcasecmp(call->request.headers[i].name, name) != 0) {
            continue;
        }
        const char *value = call->request.headers[i].value;
        value += strspn(value, " \t");
        size_t len = strlen(value);
        while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t')) {
            len--;
        }
        if (len >= capacity_bytes) {
            return DR_E_SPACE;
        }
        memcpy(out, value, len);
        out[len] = '\0';
        return DR_OK;
    }
    return DR_E_NOT_FOUND;
}

bool dr_api_header(
    const struct dr_api_call *call, const char *name, char *out, size_t capacity_bytes)
{
    return dr_api_header_read(call, name, out, capacity_bytes) == DR_OK;
}

void dr_api_header_name(
    const struct dr_api_call *call, size_t index, char *out, size_t capacity_bytes)
{
    const char *name = call->request.headers[index].name;
    size_t len = 0;
    for (; name[len] != '\0' && len + 1 < capacity_bytes; len++) {
        out[len] = name[len] >= 'A' && name[len] <= 'Z' ? (char)(name[len] - 'A' + 'a') : name[len];
    }
    out[len] = '\0';
}

const char *
dr_api_query(struct dr_api_call *call, const char *key, char *out, size_t capacity_bytes)
{
    enum dr_status status = dr_api_query_value(call->request.target, key, out, capacity_bytes);
    if (status == DR_OK) {
        return out;
    }
    out[0] = '\0';
    if (status != DR_E_NOT_FOUND) {
        dr_api_fail(call, DR_API_INVALID_REQUEST, "the query value of %s is malformed", key);
    }
    return NULL;
}

bool dr_api_query_bool(struct dr_api_call *call, const char *key, bool fallback, bool *ret_value)
{
    char text[8];
    const char *value = dr_api_query(call, key, text, sizeof text);
    if (value == NULL) {
        *ret_value = fallback;
        return !call->answer.set;
    }
    bool is_true = strcmp(value, "true") == 0;
    if (!is_true && strcmp(value, "false") != 0) {
        dr_api_fail(call, DR_API_INVALID_REQUEST, "%s must be true or false", key);
        return false;
    }
    *ret_value = is_true;
    return true;
}

bool dr_api_query_number(
    struct dr_api_call *call, const char *key, int64_t low, int64_t high, int64_t fallback,
    int64_t *ret_value)
{
    char text[24];
    char *end = NULL;
    const char *value = dr_api_query(call, key, text, sizeof text);
    if (value == NULL) {
        *ret_value = fallback;
        return !call->answer.set;
    }
    long long number = strtoll(value, &end, 10);
    bool digits = value[0] != '\0' && strspn(value, "0123456789") == strlen(value);
    if (!digits || number < low || number > high) {
        dr_api_fail(
            call, DR_API_INVALID_REQUEST, "%s must be a number from %lld to %lld", key,
            (long long)low, (long long)high);
        return false;
    }
    *ret_value = number;
    return true;
}

bool dr_api_page_read(struct dr_api_call *call, struct dr_api_page *ret_page)
{
    int64_t limit = 0;
    int64_t page_size = 0;
    bool ascending = true;
    memset(ret_page, 0, sizeof *ret_page);
    if (!dr_api_query_number(call, "maxResults", 1, DR_SERVICE_PAGE_MAX, 0, &limit) ||
        !dr_api_query_number(call, "pageSize", 1, DR_SERVICE_PAGE_MAX, 0, &page_size) ||
        !dr_api_query_bool(call, "isAscendingOrder", true, &ascending)) {
        return false;
    }
    const char *key = limit != 0 ? "nextToken" : page_size != 0 ? "marker" : "nextToken";
    if (dr_api_query(call, key, ret_page->token, sizeof ret_page->token) == NULL &&
        !call->answer.set) {
        (void)dr_api_query(call, "marker", ret_page->token, sizeof ret_page->token);
    }
    ret_page->page = (struct dr_page){
        .limit = (uint32_t)(limit != 0 ? limit : page_size),
        .token = ret_page->token,
        .descending = !ascending,
    };
    return !call->answer.set;
}

const char *dr_api_body_string(const struct dr_api_call *call, const char *member)
{
    return json_string_value(json_object_get(call->body, member));
}

const char *dr_api_body_required(struct dr_api_call *call, const char *member)
{
    const char *value = dr_api_body_string(call, member);
    if (value == NULL) {
        dr_api_fail(call, DR_API_INVALID_REQUEST, "the member \"%s\" is missing", member);
    }
    return value;
}

bool dr_api_header_required(
    struct dr_api_call *call, const char *name, char *out, size_t capacity_bytes)
{
    if (dr_api_header(call, name, out, capacity_bytes) && out[0] != '\0') {
        return true;
    }
    dr_api_fail(call, DR_API_INVALID_REQUEST, "the header %s is missing or too long", name);
    return false;
}

/* --- answering --- */

static void drop_answer(struct dr_api_answer *answer)
{
    if (answer->body != NULL) {
        dr_wipe(answer->body, answer->body_size);
        free(answer->body);
    }
    answer->body = NULL;
    answer->body_size = 0;
}

void dr_api_answer_text(
    struct dr_api_call *call, unsigned status, const char *content_type, char *text,
    size_t text_len)
{
    drop_answer(&call->answer);
    call->answer.set = true;
    call->answer.status = status;
    call->answer.content_type = content_type;
    call->answer.body = text;
    call->answer.body_size = text_len;
}

void dr_api_answer_xml(struct dr_api_call *call, struct dr_xml *xml)
{
    if (xml->failed) {
        dr_xml_drop(xml);
        dr_api_fail(call, DR_S3_INTERNAL, "no memory for the answer, or it is too large");
        return;
    }
    dr_api_answer_text(call, 200, "application/xml", xml->text, xml->len);
}

void dr_api_answer_empty(struct dr_api_call *call, unsigned status)
{
    dr_api_answer_text(call, status, NULL, NULL, 0);
}

void dr_api_add_header(struct dr_api_call *call, const char *name, const char *format, ...)
{
    struct dr_api_answer *answer = &call->answer;
    DR_CHECK(answer->header_count < DR_API_ANSWER_HEADERS_MAX);
    size_t index = answer->header_count;
    (void)snprintf(answer->headers[index].name, sizeof answer->headers[index].name, "%s", name);
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(
        answer->headers[index].value, sizeof answer->headers[index].value, format, arguments);
    va_end(arguments);
    /* A value that does not fit is left out rather than cut. */
    if (len >= 0 && (size_t)len < sizeof answer->headers[index].value) {
        answer->header_count++;
    }
}

/* An answer of last resort: the status alone. */
static void answer_json(struct dr_api_call *call, unsigned status, json_t *body)
{
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (text == NULL) {
        dr_api_answer_empty(call, 500);
        return;
    }
    dr_api_answer_text(call, status, "application/json", text, strlen(text));
}

/* What S3 tells of a pre-signed URL that is out of its time. */
static void put_expiry(struct dr_xml *xml, const struct dr_api_call *call)
{
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%u", (unsigned)call->expired->expires_s);
    dr_xml_text(xml, "X-Amz-Expires", seconds);
    dr_xml_time_s(xml, "Expires", call->expired->time_s + call->expired->expires_s);
    dr_xml_time_s(xml, "ServerTime", call->use.now_ms / 1000);
}

static void answer_xml_error(struct dr_api_call *call, enum dr_api_error error, const char *message)
{
    struct dr_xml xml;
    bool is_sts = call->style == DR_API_STYLE_STS;
    dr_xml_begin(&xml);
    if (is_sts) {
        dr_xml_open(&xml, "ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"");
    }
    dr_xml_open(&xml, "Error");
    dr_xml_text(&xml, "Code", dr_api_error_code(error));
    dr_xml_text(&xml, "Message", message);
    if (call->expired != NULL) {
        put_expiry(&xml, call);
    }
    if (!is_sts) {
        dr_xml_text(&xml, "RequestId", call->request_id);
    }
    dr_xml_close(&xml, "Error");
    if (is_sts) {
        dr_xml_text(&xml, "RequestId", call->request_id);
        dr_xml_close(&xml, "ErrorResponse");
    }
    if (xml.failed) {
        dr_xml_drop(&xml);
        dr_api_answer_empty(call, dr_api_error_http(error));
        return;
    }
    dr_api_answer_text(call, dr_api_error_http(error), "application/xml", xml.text, xml.len);
}

static void answer_error(struct dr_api_call *call, enum dr_api_error error, const char *message)
{
    call->answer.header_count = 0;
    if (call->style == DR_API_STYLE_S3) {
        answer_xml_error(call, dr_api_error_for_s3(error), message);
        return;
    }
    if (call->style == DR_API_STYLE_STS) {
        answer_xml_error(call, error, message);
        return;
    }
    json_t *body = json_pack("{ss}", "message", message);
    if (body == NULL) {
        /* Echoed bytes that are not UTF-8. */
        body = json_pack("{ss}", "message", "the request is malformed");
    }
    /* The two shapes that carry more than a message (AWS IoT's published API). */
    if (body != NULL && call->use.resource[0] != '\0' &&
        (error == DR_API_ALREADY_EXISTS || error == DR_API_CONFLICT)) {
        const char *name =
            strncmp(call->use.resource, "arn:", 4) == 0 ? "resourceArn" : "resourceId";
        (void)json_object_set_new(body, name, json_string(call->use.resource));
    }
    answer_json(call, dr_api_error_http(error), body);
    dr_api_add_header(call, "x-amzn-ErrorType", "%s", dr_api_error_code(error));
}

void dr_api_fail(struct dr_api_call *call, enum dr_api_error error, const char *format, ...)
{
    char message[DR_SERVICE_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    answer_error(call, error, message);
}

void dr_api_fail_use(struct dr_api_call *call, enum dr_status status)
{
    enum dr_api_error error = DR_API_INTERNAL;
    if (call->use.code == NULL || dr_api_error_from_code(call->use.code, &error) != DR_OK) {
        error = dr_api_error_from_status(status);
    }
    answer_error(
        call, error, call->use.message[0] != '\0' ? call->use.message : dr_status_text(status));
}

void dr_api_done(struct dr_api_call *call, enum dr_status status, json_t **body)
{
    json_t *value = body == NULL ? NULL : *body;
    if (status != DR_OK) {
        json_decref(value);
        dr_api_fail_use(call, status);
        return;
    }
    answer_json(call, 200, value == NULL ? json_object() : value);
}

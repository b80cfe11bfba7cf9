/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What a handler sees: one authenticated, authorised, parsed request, and the answer it fills in.
 *
 * A handler reads parameters, calls one use case and hands its outcome to dr_api_done (JSON) or to
 * the s3 helpers. Exactly one answer is set; when none is, the frame answers 500 and logs it.
 */
#ifndef DR_CLOUD_API_CALL_H
#define DR_CLOUD_API_CALL_H

#include "aws/sigv4.h"
#include "cloud/api/error.h"
#include "cloud/api/http.h"
#include "cloud/api/route.h"
#include "cloud/service/service.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct dr_xml;         /* xml.h */
struct dr_api_upload;  /* upload.h */
struct dr_api_fetch;   /* fetches.h */
struct dr_api_fetches; /* fetches.h */

#define DR_API_ANSWER_HEADERS_MAX 12u

enum dr_api_style {
    DR_API_STYLE_JSON, /* x-amzn-ErrorType and {"message"} */
    DR_API_STYLE_S3,   /* <Error> */
    DR_API_STYLE_STS,  /* <ErrorResponse><Error> */
};

struct dr_api_answer {
    bool set;
    unsigned status;
    const char *content_type; /* a literal, or NULL */
    char *body;               /* malloc'ed; wiped and freed by the frame */
    size_t body_size;
    int fd; /* a file to send instead, -1 when there is none; closed by the frame */
    uint64_t fd_offset;
    uint64_t fd_size;
    struct dr_api_fetch *fetch; /* counts what is sent of fd; NULL: nobody asks */
    size_t header_count;
    struct {
        char name[48];
        char value[320];
    } headers[DR_API_ANSWER_HEADERS_MAX];
};

struct dr_api_call {
    struct dr_call use; /* handed to use cases */
    const struct dr_api_config *config;
    enum dr_api_style style;
    struct dr_sigv4_request request; /* method, raw target, headers */
    struct dr_api_match match;
    json_t *body;     /* DR_API_BODY_JSON: an object; else NULL */
    const char *text; /* DR_API_BODY_TEXT, with its NUL */
    size_t text_len;
    struct dr_api_upload *upload; /* DR_API_BODY_OBJECT */
    enum dr_api_role role;
    const struct dr_sigv4_claim *expired; /* a pre-signed URL whose time is over; else NULL */
    bool download;                        /* the URL is one of those that devices get */
    struct dr_api_fetches *fetches;
    char request_id[37];
    struct dr_api_answer answer;
};

/* --- reading --- */

/* Decoded parameter number index of the path. */
const char *dr_api_parameter(const struct dr_api_call *call, size_t index);

/* A request header, trimmed into out; name in lower case. DR_E_NOT_FOUND: absent. DR_E_SPACE: it
 * does not fit. */
DR_MUST_USE enum dr_status dr_api_header_read(
    const struct dr_api_call *call, const char *name, char *out, size_t capacity_bytes);

/* The same where absent and too long are one: false. */
bool dr_api_header(
    const struct dr_api_call *call, const char *name, char *out, size_t capacity_bytes);

/* Name of header number index in lower case, cut to what fits. */
void dr_api_header_name(
    const struct dr_api_call *call, size_t index, char *out, size_t capacity_bytes);

/* Decoded query value into out. Absent: out is "" and the result NULL; a value that does not fit
 * counts as absent after an error answer was set. */
const char *
dr_api_query(struct dr_api_call *call, const char *key, char *out, size_t capacity_bytes);

/* Query values of a kind; absent gives the default. False after an error answer was set. */
DR_MUST_USE bool
dr_api_query_bool(struct dr_api_call *call, const char *key, bool fallback, bool *ret_value);
DR_MUST_USE bool dr_api_query_number(
    struct dr_api_call *call, const char *key, int64_t low, int64_t high, int64_t fallback,
    int64_t *ret_value);

/* nextToken and maxResults, or marker, pageSize and isAscendingOrder. token lives as long as the
 * storage. False after an error answer was set. */
struct dr_api_page {
    struct dr_page page;
    char token[DR_SERVICE_TOKEN_SIZE];
};
DR_MUST_USE bool dr_api_page_read(struct dr_api_call *call, struct dr_api_page *ret_page);

/* Member of the JSON body; NULL when absent. Kinds were checked by the route's schema. */
const char *dr_api_body_string(const struct dr_api_call *call, const char *member);

/* The same for what must be there: NULL, or false, after an error answer was set. */
const char *dr_api_body_required(struct dr_api_call *call, const char *member);
DR_MUST_USE bool dr_api_header_required(
    struct dr_api_call *call, const char *name, char *out, size_t capacity_bytes);

/* --- answering --- */

/* The usual end of a handler: DR_OK answers 200 with *body, anything else the error that the use
 * case left in call->use. The reference in *body is taken; body NULL, or NULL in it, gives {}. A
 * pointer, so that it may stand in one expression with the use case that sets it. */
void dr_api_done(struct dr_api_call *call, enum dr_status status, json_t **body);

/* An error in the style of the service. */
void dr_api_fail(struct dr_api_call *call, enum dr_api_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The error that a failed use case left behind. */
void dr_api_fail_use(struct dr_api_call *call, enum dr_status status);

/* Text that is malloc'ed; taken over. */
void dr_api_answer_text(
    struct dr_api_call *call, unsigned status, const char *content_type, char *text,
    size_t text_len);

/* 200 with an s3 document; taken over. One that failed to be written gives an error. */
void dr_api_answer_xml(struct dr_api_call *call, struct dr_xml *xml);

void dr_api_answer_empty(struct dr_api_call *call, unsigned status);

void dr_api_add_header(struct dr_api_call *call, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

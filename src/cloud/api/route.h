/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Routes as tables: {service, method, path, operation, role, body, handler}.
 *
 * A path template is matched segment by segment against the raw path, which is split at '/' before
 * anything is decoded: an encoded slash never separates. "{}" takes one segment, "{+}" as the last
 * one takes the rest (s3 keys). Literal segments win over "{}" because they stand first in a table.
 */
#ifndef DR_CLOUD_API_ROUTE_H
#define DR_CLOUD_API_ROUTE_H

#include "base/status.h"
#include "cloud/api/http.h"

#include <stddef.h>

struct dr_api_call;

#define DR_API_PATH_PARAMETERS_MAX 4u
#define DR_API_PARAMETER_BYTES 2049u /* a decoded path or query value with its NUL */

/* The service named in the signature's scope. */
enum dr_api_service {
    DR_API_IOT, /* scope "iot", and "execute-api" of older clients */
    DR_API_JOBS_DATA,
    DR_API_IOT_DATA,
    DR_API_S3,
    DR_API_STS,
    DR_API_SIGNER,
    DR_API_OTHER, /* a scope we do not know; also what an unsigned request gets */
};

enum dr_api_body {
    DR_API_BODY_NONE,   /* must be empty */
    DR_API_BODY_JSON,   /* an object; an empty body counts as {} */
    DR_API_BODY_TEXT,   /* kept in memory as it is (form, XML) */
    DR_API_BODY_OBJECT, /* streamed to a temporary file */
};

typedef void (*dr_api_handler)(struct dr_api_call *call);

struct dr_api_route {
    enum dr_api_service service;
    const char *method;
    const char *path;      /* "/things/{}/jobs/{}" */
    const char *query;     /* a query key that must be present, or NULL */
    const char *operation; /* AWS's name, for logs and "not implemented" */
    enum dr_api_role role;
    enum dr_api_body body;
    dr_api_handler handle; /* NULL: known, answered with 501 */
};

struct dr_api_route_table {
    const struct dr_api_route *routes;
    size_t count;
};

struct dr_api_match {
    const struct dr_api_route *route;
    size_t parameter_count;
    char parameters[DR_API_PATH_PARAMETERS_MAX][DR_API_PARAMETER_BYTES]; /* decoded */
};

/* Find the route for a raw target.
 *
 * DR_E_NOT_FOUND     no such path. DR_E_UNSUPPORTED: the path exists with other methods.
 * DR_E_FORMAT        a broken escape, an encoded NUL, a segment that is too long or not UTF-8.
 */
DR_MUST_USE enum dr_status dr_api_route_find(
    const struct dr_api_route_table *table, enum dr_api_service service, const char *method,
    const char *target, struct dr_api_match *ret_match);

/* Decode one percent-encoded run; '+' stays '+'. DR_E_FORMAT (broken escape, NUL), DR_E_SPACE. */
DR_MUST_USE enum dr_status
dr_api_percent_decode(const char *text, size_t text_len, char *out, size_t capacity_bytes);

/* Value of a query key in a raw target, decoded. DR_E_NOT_FOUND when absent; a key without '='
 * gives "". DR_E_CONFLICT when it stands there twice. */
DR_MUST_USE enum dr_status
dr_api_query_value(const char *target, const char *key, char *out, size_t capacity_bytes);

/* "execute-api" and "iot" -> DR_API_IOT and so on. */
enum dr_api_service dr_api_service_from_scope(const char *scope_service);

extern const struct dr_api_route_table dr_api_routes_iot;
extern const struct dr_api_route_table dr_api_routes_own; /* /daruma/... */
extern const struct dr_api_route_table dr_api_routes_s3;
extern const struct dr_api_route_table dr_api_routes_sts;
extern const struct dr_api_route_table dr_api_routes_jobs_data;

#endif

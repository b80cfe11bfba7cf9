/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Routes as tables: one row says everything the frame must know about an operation.
 *
 * A path template is matched segment by segment against the raw path, which is split at '/' before
 * anything is decoded: an encoded slash never separates. "{}" takes one segment, "{+}" as the last
 * one takes the rest (s3 keys, ARNs sent raw). The first row that fits wins, so literal segments
 * stand before "{}".
 */
#ifndef DR_CLOUD_API_ROUTE_H
#define DR_CLOUD_API_ROUTE_H

#include "base/status.h"
#include "cloud/api/http.h"

#include <stddef.h>

struct dr_api_call; /* call.h */

#define DR_API_PATH_PARAMETERS_MAX 4u
#define DR_API_PARAMETER_BYTES 2049u /* a decoded path or query value with its NUL */
#define DR_API_QUERY_KEY_BYTES 64u

/* The service named in the signature's scope. */
enum dr_api_service {
    DR_API_IOT, /* scope "iot", and "execute-api" of older clients */
    DR_API_JOBS_DATA,
    DR_API_IOT_DATA,
    DR_API_S3,
    DR_API_STS,
    DR_API_SIGNER,
    DR_API_OTHER, /* a scope we do not know */
};

enum dr_api_body {
    DR_API_BODY_NONE,   /* ignored when small; most such requests have none */
    DR_API_BODY_JSON,   /* an object; an empty body counts as {} */
    DR_API_BODY_TEXT,   /* kept in memory as it is (form, XML) */
    DR_API_BODY_OBJECT, /* streamed to a temporary file */
};

typedef void (*dr_api_handler)(struct dr_api_call *call);

struct dr_api_route {
    const char *method;
    const char *path;      /* "/things/{}/jobs/{}" */
    const char *operation; /* AWS's name, for logs and "not implemented" */
    dr_api_handler handle; /* NULL: known, answered with 501 */
    enum dr_api_role role;
    enum dr_api_body body;
    const char *needs;   /* a query key that must be present for the row to fit, or NULL */
    const char *accepts; /* other query keys, separated by blanks; NULL: none */
    const char *members; /* schema of a JSON body (members.h); NULL: no members at all */
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
 * DR_E_FORMAT        a broken escape, an encoded NUL, a segment that is empty, "." or "..", too
 *                    long or not UTF-8. s3 keys may hold empty and dotted segments.
 */
DR_MUST_USE enum dr_status dr_api_route_find(
    const struct dr_api_route_table *table, const char *method, const char *target,
    struct dr_api_match *ret_match);

/* Are all keys of the target's query known to the route, and none there twice? Keys of a presigned
 * request and x-id are always allowed. On DR_E_FORMAT ret_key holds the offender ("" when it cannot
 * be decoded). */
DR_MUST_USE enum dr_status dr_api_route_check_query(
    const struct dr_api_route *route, const char *target, char ret_key[DR_API_QUERY_KEY_BYTES]);

/* Value of a query key in a raw target, decoded; a key without '=' gives "". DR_E_NOT_FOUND when
 * absent, DR_E_FORMAT, DR_E_SPACE. */
DR_MUST_USE enum dr_status
dr_api_query_value(const char *target, const char *key, char *out, size_t capacity_bytes);

/* "execute-api" and "iot" -> DR_API_IOT and so on. */
enum dr_api_service dr_api_service_from_scope(const char *scope_service);

/* The routes of a service. An empty table for those that have none. */
const struct dr_api_route_table *dr_api_service_routes(enum dr_api_service service);

extern const struct dr_api_route_table dr_api_routes_own;   /* /daruma/... */
extern const struct dr_api_route_table dr_api_routes_iot;   /* implemented */
extern const struct dr_api_route_table dr_api_routes_known; /* of iot, not implemented */
extern const struct dr_api_route_table dr_api_routes_jobs_data;
extern const struct dr_api_route_table dr_api_routes_s3;
extern const struct dr_api_route_table dr_api_routes_sts;

/* What PutObject becomes when a header names the object to copy; method and path are the same. */
#define DR_API_COPY_HEADER "x-amz-copy-source"
extern const struct dr_api_route dr_api_route_copy_object;

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The part of S3 that uploading an image takes (AWS IoT's published API), path-style. */
#include "base/check.h"
#include "cloud/api/handlers.h"

#define V DR_API_VIEWER
#define O DR_API_OPERATOR
#define A DR_API_ADMIN
#define NO_BODY DR_API_BODY_NONE

#define LIST_QUERY                                                                                 \
    "prefix delimiter max-keys encoding-type continuation-token start-after fetch-owner"
#define VERSIONS_QUERY "prefix delimiter max-keys encoding-type key-marker version-id-marker"

#define OBJECT_QUERY "versionId x-daruma-thing"

/* With and without a final slash: both name the bucket. */
#define BUCKET(method, operation, handler, role, body, needs, accepts)                             \
    {method, "/{}", operation, handler, role, body, needs, accepts, NULL},                         \
    {                                                                                              \
        method, "/{}/", operation, handler, role, body, needs, accepts, NULL                       \
    }

const struct dr_api_route dr_api_route_copy_object = {
    "PUT", "/{}/{+}", "CopyObject", dr_api_copy_object, O, NO_BODY, NULL, NULL, NULL};

static const struct dr_api_route routes[] = {
    {"GET", "/", "ListBuckets", dr_api_list_buckets, V, NO_BODY, NULL, NULL, NULL},

    BUCKET(
        "PUT", "PutBucketVersioning", dr_api_put_versioning, O, DR_API_BODY_TEXT, "versioning",
        NULL),
    BUCKET("GET", "GetBucketVersioning", dr_api_get_versioning, V, NO_BODY, "versioning", NULL),
    BUCKET("GET", "GetBucketLocation", dr_api_get_bucket_location, V, NO_BODY, "location", NULL),
    BUCKET("GET", "ListObjectsV2", dr_api_list_objects_v2, V, NO_BODY, "list-type", LIST_QUERY),
    BUCKET(
        "GET", "ListObjectVersions", dr_api_list_object_versions, V, NO_BODY, "versions",
        VERSIONS_QUERY),
    BUCKET("POST", "DeleteObjects", NULL, O, DR_API_BODY_TEXT, "delete", NULL),
    BUCKET("PUT", "CreateBucket", dr_api_create_bucket, O, DR_API_BODY_TEXT, NULL, NULL),
    BUCKET("HEAD", "HeadBucket", dr_api_head_bucket, V, NO_BODY, NULL, NULL),
    BUCKET("DELETE", "DeleteBucket", dr_api_delete_bucket, A, NO_BODY, NULL, NULL),
    BUCKET(
        "GET", "ListObjects", NULL, V, NO_BODY, NULL,
        "prefix delimiter marker max-keys encoding-type"),

    {"POST", "/{}/{+}", "CreateMultipartUpload", dr_api_refuse_multipart, O, DR_API_BODY_TEXT,
     "uploads", NULL, NULL},
    {"POST", "/{}/{+}", "CompleteMultipartUpload", dr_api_refuse_multipart, O, DR_API_BODY_TEXT,
     "uploadId", NULL, NULL},
    {"PUT", "/{}/{+}", "UploadPart", dr_api_refuse_multipart, O, DR_API_BODY_TEXT, "uploadId",
     "partNumber", NULL},
    {"DELETE", "/{}/{+}", "AbortMultipartUpload", dr_api_refuse_multipart, O, NO_BODY, "uploadId",
     NULL, NULL},
    {"PUT", "/{}/{+}", "PutObject", dr_api_put_object, O, DR_API_BODY_OBJECT, NULL, NULL, NULL},
    {"HEAD", "/{}/{+}", "HeadObject", dr_api_get_object, V, NO_BODY, NULL, OBJECT_QUERY, NULL},
    {"GET", "/{}/{+}", "GetObject", dr_api_get_object, V, NO_BODY, NULL, OBJECT_QUERY, NULL},
    {"DELETE", "/{}/{+}", "DeleteObject", dr_api_delete_object, O, NO_BODY, NULL, "versionId",
     NULL},
};

const struct dr_api_route_table dr_api_routes_s3 = {
    .routes = routes, .count = DR_ARRAY_COUNT(routes)};

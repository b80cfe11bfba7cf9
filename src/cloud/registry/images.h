/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Buckets and objects: where images are uploaded, in S3's terms. Every bucket keeps versions. */
#ifndef DR_CLOUD_REGISTRY_IMAGES_H
#define DR_CLOUD_REGISTRY_IMAGES_H

#include "cloud/model/name.h"
#include "cloud/registry/call.h"

#define DR_OBJECT_VERSION_SIZE 33u
#define DR_OBJECT_ETAG_SIZE 65u
#define DR_OBJECT_TYPE_SIZE 129u

struct dr_bucket {
    char name[DR_BUCKET_NAME_MAX + 1];
    int64_t created_ms;
};

struct dr_object {
    char bucket[DR_BUCKET_NAME_MAX + 1];
    char key[DR_OBJECT_KEY_MAX + 1];
    char version[DR_OBJECT_VERSION_SIZE];
    char etag[DR_OBJECT_ETAG_SIZE]; /* without quotes */
    char content_type[DR_OBJECT_TYPE_SIZE];
    uint8_t sha256[32];
    uint64_t size_bytes;
    int64_t modified_ms;
    bool is_latest;
    bool is_delete_marker;
    bool is_common_prefix; /* in a list: key is a prefix that stands for all keys under it */
};

/* Already there: DR_OK (the account owns every bucket). */
DR_MUST_USE enum dr_status dr_service_create_bucket(struct dr_call *call, const char *bucket);
DR_MUST_USE enum dr_status
dr_service_head_bucket(struct dr_call *call, const char *bucket, struct dr_bucket *ret_bucket);
/* Refused unless empty (delete markers do not count). */
DR_MUST_USE enum dr_status dr_service_delete_bucket(struct dr_call *call, const char *bucket);
/* At most DR_SERVICE_PAGE_MAX buckets, by name. */
DR_MUST_USE enum dr_status dr_service_list_buckets(
    struct dr_call *call, bool (*visit)(void *context, const struct dr_bucket *bucket),
    void *context);

/* A finished upload. path: a file on the blobs' file system, moved on success and left alone on
 * failure. sha256 and size are what the caller found while writing it; etag "" gives one made from
 * the digest. ret_object is the stored version. */
struct dr_object_upload {
    const char *bucket;
    const char *key;
    const char *path;
    uint8_t sha256[32];
    uint64_t size_bytes;
    const char *etag;
    const char *content_type; /* NULL: application/octet-stream */
};
DR_MUST_USE enum dr_status dr_service_put_object(
    struct dr_call *call, const struct dr_object_upload *upload, struct dr_object *ret_object);

/* A new version of bucket/key with the content of another object, or of an older version of itself.
 * content_type NULL: the source's. Codes as for dr_service_head_object, for the source, and
 * NoSuchBucket for the destination. */
struct dr_object_copy {
    const char *from_bucket;
    const char *from_key;
    const char *from_version; /* NULL or "": the latest */
    const char *bucket;
    const char *key;
    const char *content_type;
};
DR_MUST_USE enum dr_status dr_service_copy_object(
    struct dr_call *call, const struct dr_object_copy *copy, struct dr_object *ret_from,
    struct dr_object *ret_object);

/* The directory for files to be put. */
const char *dr_service_upload_directory(const struct dr_service *service);

/* version NULL or "": the latest. Codes NoSuchBucket, NoSuchKey, NoSuchVersion. */
DR_MUST_USE enum dr_status dr_service_head_object(
    struct dr_call *call, const char *bucket, const char *key, const char *version,
    struct dr_object *ret_object);

/* The same, open for reading: *ret_fd is the caller's. */
DR_MUST_USE enum dr_status dr_service_open_object(
    struct dr_call *call, const char *bucket, const char *key, const char *version,
    struct dr_object *ret_object, int *ret_fd);

/* Without version: a delete marker is put on top (its version in ret_object->version). With one:
 * that version goes. Deleting what is not there succeeds, as in S3. */
DR_MUST_USE enum dr_status dr_service_delete_object(
    struct dr_call *call, const char *bucket, const char *key, const char *version,
    struct dr_object *ret_object);

/* By key; the latest versions, or (all_versions) every one, newest first within a key. prefix NULL
 * or "": all. delimiter NULL or "": none; else keys that have it after the prefix are one entry
 * together, the common prefix up to its end. after_key: continue after this key, or after all that
 * a common prefix stands for. At most limit (<= 1000) entries; *ret_truncated: there are more. A
 * page ends between keys unless one key alone fills it. */
struct dr_object_query {
    const char *bucket;
    const char *prefix;
    const char *delimiter;
    const char *after_key;
    uint32_t limit;
    bool all_versions;
};
DR_MUST_USE enum dr_status dr_service_list_objects(
    struct dr_call *call, const struct dr_object_query *query,
    bool (*visit)(void *context, const struct dr_object *object), void *context,
    bool *ret_truncated);

#endif

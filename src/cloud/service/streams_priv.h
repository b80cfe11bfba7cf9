/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private to cloud/service: streams in the store, and open files of streams that are being read. */
#ifndef DR_CLOUD_SERVICE_STREAMS_PRIV_H
#define DR_CLOUD_SERVICE_STREAMS_PRIV_H

#include "cloud/blob/blob.h"
#include "cloud/registry/frame.h"
#include "cloud/registry/images.h"
#include "cloud/service/streams.h"

struct dr_stream_part {
    uint32_t file; /* 0 to 255 */
    char bucket[DR_BUCKET_NAME_MAX + 1];
    char key[DR_OBJECT_KEY_MAX + 1];
    char version[DR_OBJECT_VERSION_SIZE];
    uint8_t digest[32];
    uint64_t size_bytes;
};

struct dr_stream_new {
    const char *id;
    const char *description; /* NULL: none */
    const char *role_arn;    /* NULL: none */
    const char *ota_update;  /* NULL: made by CreateStream */
    const struct dr_stream_part *parts;
    size_t part_count;
};

/* Within an act. */
DR_MUST_USE enum dr_status
dr_stream_insert(struct dr_act *act, struct dr_db *db, const struct dr_stream_new *stream);
DR_MUST_USE enum dr_status dr_stream_drop(struct dr_db *db, const char *id);

/* An s3Location {bucket, key, version} to the object it names; the size is checked. where names
 * the member in messages. */
DR_MUST_USE enum dr_status dr_stream_locate(
    struct dr_call *call, const json_t *location, const char *where,
    struct dr_stream_part *ret_part);

/* One file of a stream. DR_E_NOT_FOUND. */
DR_MUST_USE enum dr_status dr_stream_part_find(
    struct dr_db *db, const char *stream, uint32_t file, struct dr_stream_part *ret_part);

/* Files of streams that devices are reading, kept open: at most 64, the least used goes first. */
DR_MUST_USE enum dr_status dr_stream_cache_create(struct dr_stream_cache **ret_cache);
void dr_stream_cache_free(struct dr_stream_cache *cache);

/* After a stream was dropped: its name may come to mean another one. */
void dr_stream_cache_forget(struct dr_stream_cache *cache);

/* The file behind a stream, open, with the cache locked until the release. DR_E_NOT_FOUND: no such
 * stream or file. */
struct dr_stream_source {
    const struct dr_blob *blob;
    uint32_t size_bytes;
};
DR_MUST_USE enum dr_status dr_stream_cache_take(
    struct dr_service *service, const char *stream, uint32_t file,
    struct dr_stream_source *ret_source);
void dr_stream_cache_release(struct dr_stream_cache *cache);

#endif

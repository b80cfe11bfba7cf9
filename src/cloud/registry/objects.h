/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Buckets and objects as the use cases find them in the store. */
#ifndef DR_CLOUD_REGISTRY_OBJECTS_H
#define DR_CLOUD_REGISTRY_OBJECTS_H

#include "cloud/registry/frame.h"
#include "cloud/registry/images.h"

DR_MUST_USE enum dr_status
dr_bucket_require(struct dr_call *call, struct dr_db *db, const char *bucket);

/* version NULL or "": the latest. Codes as in S3. */
DR_MUST_USE enum dr_status dr_object_find(
    struct dr_call *call, struct dr_db *db, const char *bucket, const char *key,
    const char *version, struct dr_object *ret_object);

#endif

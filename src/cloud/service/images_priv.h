/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private to cloud/service: shared by buckets.c, objects.c and whoever names an object. */
#ifndef DR_CLOUD_SERVICE_IMAGES_PRIV_H
#define DR_CLOUD_SERVICE_IMAGES_PRIV_H

#include "cloud/service/images.h"
#include "cloud/service/service_priv.h"

DR_MUST_USE enum dr_status
dr_bucket_require(struct dr_call *call, struct dr_db *db, const char *bucket);

/* version NULL or "": the latest. Codes as in S3. */
DR_MUST_USE enum dr_status dr_object_find(
    struct dr_call *call, struct dr_db *db, const char *bucket, const char *key,
    const char *version, struct dr_object *ret_object);

#endif

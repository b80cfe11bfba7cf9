/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private to cloud/service: pre-signed URLs of objects in job documents. */
#ifndef DR_CLOUD_SERVICE_PRESIGN_PRIV_H
#define DR_CLOUD_SERVICE_PRESIGN_PRIV_H

#include "cloud/registry/images.h"
#include "cloud/service/executions_priv.h"

#define DR_PRESIGN_EXPIRES_S_MAX 3600
#define DR_PRESIGN_EXPIRES_S_MIN_STRICT 60 /* AWS's bounds; without strict from one second on */
#define DR_PRESIGN_EXPIRES_S_OTA 1800      /* AWS's default for an OTA update; of other jobs 3600 */
#define DR_PRESIGN_PLACEHOLDER_SIZE 1200u

/* What stands in a stored document in the place of an object's URL. DR_E_SPACE: the key is too long
 * for the URL to fit a device. */
DR_MUST_USE enum dr_status dr_presign_placeholder(
    const char *bucket, const char *key, const char *version,
    char out[DR_PRESIGN_PLACEHOLDER_SIZE]);

#endif

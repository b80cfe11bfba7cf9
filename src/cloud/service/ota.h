/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* OTA updates: one call makes the stream, the job AFR_OTA-<id> and its document.
 *
 * The image is examined first. A Daruma image (MCUboot format) gets the extras of the job document
 * from its own bytes and is refused here when no device could take it; any other file is passed on
 * for foreign agents as long as it is not empty and not too large. */
#ifndef DR_CLOUD_SERVICE_OTA_H
#define DR_CLOUD_SERVICE_OTA_H

#include "cloud/service/service.h"

/* body: as CreateOTAUpdate. codeSigning absent: the default signing profile, if there is one. */
DR_MUST_USE enum dr_status dr_service_create_ota_update(
    struct dr_call *call, const char *id, const json_t *body, json_t **ret_body);
DR_MUST_USE enum dr_status
dr_service_get_ota_update(struct dr_call *call, const char *id, json_t **ret_body);
/* status NULL: all. */
DR_MUST_USE enum dr_status dr_service_list_ota_updates(
    struct dr_call *call, const char *status, const struct dr_page *page, json_t **ret_body);
DR_MUST_USE enum dr_status dr_service_delete_ota_update(
    struct dr_call *call, const char *id, bool delete_stream, bool force_delete_job);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Commands to devices: jobs whose document carries a signature by the product's key. */
#ifndef DR_CLOUD_SERVICE_COMMANDS_H
#define DR_CLOUD_SERVICE_COMMANDS_H

#include "cloud/service/service.h"

/* body: {"command": "revert", "jobId": the job's name, "signingProfileName": a profile of the
 * signer that holds a product's key; absent: the only one}. The image to leave is the one that the
 * thing reported last; the signer signs, and one job with one target carries it. *ret_body:
 * {"jobId", "jobArn", "command", "digest", "product"}. ResourceNotFoundException: no such thing, or
 * it has not reported. InvalidRequestException: no signer, no such profile, or it refuses.
 * ServiceUnavailableException: the signer does not answer. */
DR_MUST_USE enum dr_status
dr_service_command(struct dr_call *call, const char *thing, const json_t *body, json_t **ret_body);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the signature of a command covers, and approving it. */
#ifndef DR_CLOUD_SIGNER_COMMAND_H
#define DR_CLOUD_SIGNER_COMMAND_H

#include "cloud/signer/client.h"

/* The SHA-256 that the signature of a command covers (format/job.h). DR_E_SPACE: the product is too
 * long. */
DR_MUST_USE enum dr_status dr_signer_command_digest(
    enum dr_job_action command, const char *product,
    const uint8_t image_digest[DR_SIGNER_DIGEST_BYTES], uint8_t ret_digest[DR_SIGNER_DIGEST_BYTES]);

/* Let one command about an image be signed by a profile that asks for approval (client.h): the
 * profile's product is asked for, and the digest of the command's own bytes is approved.
 * DR_E_DENIED: the profile signs files. */
DR_MUST_USE enum dr_status dr_signer_approve_command(
    const struct dr_signer_client *client, const char *profile, enum dr_job_action command,
    const uint8_t image_digest[DR_SIGNER_DIGEST_BYTES], char error[DR_SIGNER_ERROR_BYTES]);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Asking daruma-signer for a signature.
 *
 * Stateless: each call makes one connection to the signer's socket and is over within timeout_ms,
 * whatever the other side does. Safe from any thread. error (may be NULL) gets one line for a
 * person when the status is not DR_OK.
 *
 * DR_E_NOT_FOUND  the socket does not exist, or no such profile (error tells which)
 * DR_E_CLOSED     nobody listens. DR_E_TIMEOUT: no answer in time. DR_E_IO, DR_E_FORMAT.
 * DR_E_DENIED     the signing policy refused, or the signer does not talk to this user
 * DR_E_CONFLICT   the image's order or counter is below one signed before
 * DR_E_STATE      approval is required and was not given
 */
#ifndef DR_CLOUD_SIGNER_CLIENT_H
#define DR_CLOUD_SIGNER_CLIENT_H

#include "base/status.h"
#include "cloud/signer/protocol.h"

#include <stddef.h>
#include <stdint.h>

#define DR_SIGNER_ERROR_BYTES 256u
#define DR_SIGNER_TIMEOUT_MS 5000u /* what a caller without better knowledge passes */

struct dr_signer_client {
    const char *socket_path; /* borrowed for each call */
    unsigned timeout_ms;
};

DR_MUST_USE enum dr_status
dr_signer_ping(const struct dr_signer_client *client, char error[DR_SIGNER_ERROR_BYTES]);

/* DER ECDSA signature over the SHA-256 of a file as uploaded: the job's sig-sha256-ecdsa. */
DR_MUST_USE enum dr_status dr_signer_sign_file(
    const struct dr_signer_client *client, const char *profile,
    const uint8_t digest[DR_SIGNER_DIGEST_BYTES], struct dr_signer_signature *ret_signature,
    char error[DR_SIGNER_ERROR_BYTES]);

/* DER ECDSA signature for an image's signature TLV, under the profile's signing policy. */
DR_MUST_USE enum dr_status dr_signer_sign_image(
    const struct dr_signer_client *client, const char *profile, const struct dr_signer_image *image,
    struct dr_signer_signature *ret_signature, char error[DR_SIGNER_ERROR_BYTES]);

/* DER ECDSA signature of the product's key over a command (format/job.h): an image of the profile's
 * product, named by its digest, is to be left. The signer builds the bytes itself, so what it signs
 * can never be an image. */
DR_MUST_USE enum dr_status dr_signer_sign_command(
    const struct dr_signer_client *client, const char *profile, enum dr_job_action command,
    const struct dr_signer_image *image, struct dr_signer_signature *ret_signature,
    char error[DR_SIGNER_ERROR_BYTES]);

/* Let one image digest be signed by a profile that asks for approval. */
DR_MUST_USE enum dr_status dr_signer_approve(
    const struct dr_signer_client *client, const char *profile,
    const uint8_t digest[DR_SIGNER_DIGEST_BYTES], char error[DR_SIGNER_ERROR_BYTES]);

/* Have it read its directory again, which is safe at any time: it keeps what it has when one file
 * there is not good (error tells which). DR_E_DENIED: only for its own user, and root. */
DR_MUST_USE enum dr_status
dr_signer_reload(const struct dr_signer_client *client, char error[DR_SIGNER_ERROR_BYTES]);

/* ret_profiles holds DR_SIGNER_PROFILES_MAX. */
DR_MUST_USE enum dr_status dr_signer_profiles(
    const struct dr_signer_client *client, struct dr_signer_profile *ret_profiles,
    size_t *ret_count, char error[DR_SIGNER_ERROR_BYTES]);

#endif

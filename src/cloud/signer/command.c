/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/signer/command.h"

#include "base/cursor.h"
#include "crypto/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum dr_status dr_signer_command_digest(
    enum dr_job_action command, const char *product,
    const uint8_t image_digest[DR_SIGNER_DIGEST_BYTES], uint8_t ret_digest[DR_SIGNER_DIGEST_BYTES])
{
    uint8_t bytes[DR_JOB_COMMAND_BYTES_MAX];
    struct dr_writer writer;
    dr_writer_init(&writer, bytes, sizeof(bytes));
    dr_job_write_command(&writer, command, product, image_digest);
    DR_TRY(writer.status);
    dr_sha256_once(&dr_crypto_openssl, bytes, writer.size_bytes, ret_digest);
    return DR_OK;
}

static enum dr_status say(char *error, enum dr_status status, const char *why)
{
    if (error != NULL) {
        (void)snprintf(error, DR_SIGNER_ERROR_BYTES, "%s", why);
    }
    return status;
}

/* The product whose key the profile holds. */
static enum dr_status product_of(
    const struct dr_signer_client *client, const char *profile,
    char product[DR_SIGNER_PRODUCT_MAX + 1], char *error)
{
    size_t count = 0;
    struct dr_signer_profile *profiles = calloc(DR_SIGNER_PROFILES_MAX, sizeof(*profiles));
    if (profiles == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = dr_signer_profiles(client, profiles, &count, error);
    size_t at = 0;
    while (at < count && strcmp(profiles[at].name, profile) != 0) { /* bound: the profiles */
        at++;
    }
    if (status == DR_OK && at == count) {
        status = say(error, DR_E_NOT_FOUND, "no such signing profile");
    } else if (status == DR_OK && profiles[at].kind != DR_SIGNER_KIND_IMAGE) {
        status = say(error, DR_E_DENIED, "this profile signs files, not commands");
    } else if (status == DR_OK) {
        memcpy(product, profiles[at].product, sizeof(profiles[at].product));
    }
    free(profiles);
    return status;
}

enum dr_status dr_signer_approve_command(
    const struct dr_signer_client *client, const char *profile, enum dr_job_action command,
    const uint8_t image_digest[DR_SIGNER_DIGEST_BYTES], char error[DR_SIGNER_ERROR_BYTES])
{
    char product[DR_SIGNER_PRODUCT_MAX + 1];
    uint8_t digest[DR_SIGNER_DIGEST_BYTES];
    DR_TRY(product_of(client, profile, product, error));
    DR_TRY(dr_signer_command_digest(command, product, image_digest, digest));
    return dr_signer_approve(client, profile, digest, error);
}

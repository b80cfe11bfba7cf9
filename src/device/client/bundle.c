/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What a job brings beside its image: opened when the image is admitted, kept before INSTALL. */
#include "base/secret.h"
#include "base/text.h"
#include "device/client/client_priv.h"
#include "format/enclosed.h"
#include "format/job.h"

#include <string.h>

void dr_client_bundle_hear(
    struct dr_client *client, const char *job_id, const uint8_t *payload, size_t size_bytes)
{
    struct dr_client_bundle *bundle = &client->bundle;
    struct dr_job_message message;
    struct dr_job_document document;
    size_t id_len = strlen(job_id);
    if (client->agent.state >= DR_AGENT_SAVING) {
        return; /* too late for another one */
    }
    memset(bundle, 0, sizeof(*bundle));
    memcpy(bundle->job_id, job_id, id_len < sizeof(bundle->job_id) ? id_len : 0);
    if (dr_job_parse_message(payload, size_bytes, &message) != DR_OK ||
        dr_job_parse_document(message.execution.document, &document) != DR_OK) {
        return; /* the agent refuses it */
    }
    struct dr_json value = dr_json_member(document.daruma, "bundle");
    struct dr_json text = dr_json_raw(value);
    size_t sealed_bytes = 0;
    enum dr_json_kind kind = dr_json_kind(value);
    bundle->there = kind != DR_JSON_ABSENT && kind != DR_JSON_NULL;
    if (dr_base64_decode(
            text.text, text.len, bundle->sealed, sizeof(bundle->sealed), &sealed_bytes) == DR_OK) {
        bundle->sealed_bytes = (uint8_t)sealed_bytes;
    }
}

/* plain holds DR_ENCLOSED_PLAIN_BYTES_MAX. */
static enum dr_status
open_bundle(struct dr_client *client, const uint8_t *key, uint8_t *plain, size_t *ret_bytes)
{
    const struct dr_client_bundle *bundle = &client->bundle;
    const size_t around = DR_ENCLOSED_NONCE_BYTES + DR_ENCLOSED_TAG_BYTES;
    uint8_t aad[DR_ENCLOSED_AAD_BYTES_MAX];
    if (bundle->sealed_bytes <= around) {
        return DR_E_FORMAT;
    }
    const size_t plain_bytes = bundle->sealed_bytes - around;
    const uint8_t *text = bundle->sealed + DR_ENCLOSED_NONCE_BYTES;
    const struct dr_bytes about = {
        aad, dr_enclosed_aad(client->endpoint.thing, client->image.digest, aad)};
    DR_TRY(client->config.crypto->gcm_open(
        key, bundle->sealed, about, text, plain_bytes, text + plain_bytes, plain));
    if (plain[0] != DR_ENCLOSED_NETWORK || !dr_network_valid(plain + 1, plain_bytes - 1u)) {
        return DR_E_UNSUPPORTED;
    }
    *ret_bytes = plain_bytes;
    return DR_OK;
}

static enum dr_status with_key(struct dr_client *client, uint8_t *plain, size_t *ret_bytes)
{
    uint8_t key[DR_ENCLOSED_KEY_BYTES];
    uint32_t key_bytes = 0;
    enum dr_status status =
        dr_vault_read(&client->vault, &dr_identity_bundle_key_file, key, sizeof(key), &key_bytes);
    if (status == DR_OK) {
        status =
            key_bytes == sizeof(key) ? open_bundle(client, key, plain, ret_bytes) : DR_E_FORMAT;
    }
    dr_wipe(key, sizeof(key));
    return status;
}

/* DR_OK with *ret_bytes 0: the job brings nothing. */
static enum dr_status
read_bundle(struct dr_client *client, uint8_t plain[DR_ENCLOSED_PLAIN_BYTES_MAX], size_t *ret_bytes)
{
    const struct dr_client_bundle *bundle = &client->bundle;
    *ret_bytes = 0;
    if (strcmp(bundle->job_id, client->agent.job.ref.id) != 0) {
        return DR_E_STATE; /* what the job brings is not known */
    }
    return bundle->there ? with_key(client, plain, ret_bytes) : DR_OK;
}

enum dr_reason dr_client_bundle_check(struct dr_client *client)
{
    uint8_t plain[DR_ENCLOSED_PLAIN_BYTES_MAX];
    size_t plain_bytes = 0;
    enum dr_status status = read_bundle(client, plain, &plain_bytes);
    dr_wipe(plain, sizeof(plain));
    if (status != DR_OK) {
        return DR_REASON_DOCUMENT; /* malformed, or not for us and this image */
    }
    bool kept = (client->config.info->keys.present & DR_KEY_LINK) != 0;
    return plain_bytes == 0 || kept ? DR_REASON_NONE : DR_REASON_RESERVED_FEATURE;
}

enum dr_status dr_client_bundle_keep(struct dr_client *client)
{
    uint8_t plain[DR_ENCLOSED_PLAIN_BYTES_MAX];
    size_t plain_bytes = 0;
    enum dr_status status = read_bundle(client, plain, &plain_bytes);
    if (status == DR_OK && plain_bytes == 0) {
        return dr_vault_bundle_drop(&client->vault);
    }
    if (status == DR_OK) {
        status = dr_vault_bundle_put(
            &client->vault, client->image.digest, &dr_identity_network_file, plain + 1,
            (uint32_t)plain_bytes - 1u);
    }
    dr_wipe(plain, sizeof(plain));
    return status;
}

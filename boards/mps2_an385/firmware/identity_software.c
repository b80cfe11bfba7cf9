/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The identity keys are ours: for parts without a secure element, and to compare the two.
 *
 * Each key is made on the device, in provisioning, and kept as a file of the vault: encrypted under
 * a key that the boot ROM derives and hands to this mode only. It is in RAM in the clear for the
 * length of one signature, and wiped after it. A copy of flash and device secret together is a copy
 * of the identity: that is what an anchor is for. */
#include "base/secret.h"
#include "boards/mps2_an385/firmware/firmware.h"

#include <psa/crypto.h>

#include <string.h>

#define POINT_BYTES (1u + DR_P256_PUBLIC_BYTES) /* with the leading 0x04 */

/* The recovery key is in the class that every mode can read, as its certificate is. */
static const struct dr_vault_file *file_of(enum dr_anchor_identity identity)
{
    static const struct dr_vault_file normal = {DR_VAULT_SYS, "key", false};
    static const struct dr_vault_file recovery = {DR_VAULT_SYS_V1, "v1/key", false};
    return identity == DR_ANCHOR_IDENTITY_RECOVERY ? &recovery : &normal;
}

static psa_key_attributes_t attributes_of(psa_key_usage_t usage)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDSA(PSA_ALG_SHA_256));
    psa_set_key_usage_flags(&attributes, usage);
    return attributes;
}

static enum dr_status make(struct dr_vault *vault, const struct dr_vault_file *file)
{
    uint8_t key[DR_P256_PRIVATE_BYTES];
    size_t size_bytes = 0;
    psa_key_id_t id = PSA_KEY_ID_NULL;
    psa_key_attributes_t attributes = attributes_of(PSA_KEY_USAGE_EXPORT);
    enum dr_status status = DR_E_CRYPTO;
    if (psa_generate_key(&attributes, &id) == PSA_SUCCESS &&
        psa_export_key(id, key, sizeof(key), &size_bytes) == PSA_SUCCESS &&
        size_bytes == sizeof(key)) {
        status = dr_vault_replace(vault, file, key, sizeof(key));
    }
    if (psa_destroy_key(id) != PSA_SUCCESS && status == DR_OK) {
        status = DR_E_CRYPTO;
    }
    dr_wipe(key, sizeof(key));
    return status;
}

/* Out of the vault, into PSA's care. DR_E_NOT_FOUND: not made yet, or not for this mode. */
static enum dr_status
load(struct dr_vault *vault, const struct dr_vault_file *file, psa_key_id_t *ret_id)
{
    uint8_t key[DR_P256_PRIVATE_BYTES];
    uint32_t size_bytes = 0;
    psa_key_attributes_t attributes = attributes_of(PSA_KEY_USAGE_SIGN_HASH);
    enum dr_status status = dr_vault_read(vault, file, key, sizeof(key), &size_bytes);
    if (status == DR_OK && (size_bytes != sizeof(key) ||
                            psa_import_key(&attributes, key, sizeof(key), ret_id) != PSA_SUCCESS)) {
        status = DR_E_CRYPTO;
    }
    dr_wipe(key, sizeof(key));
    return status;
}

/* Asked for in provisioning, which may be run again after a cut: the key stays the same. */
static enum dr_status public_key(
    void *context, enum dr_anchor_identity identity, uint8_t ret_public_key[DR_P256_PUBLIC_BYTES])
{
    struct dr_firmware *firmware = context;
    struct dr_vault *vault = &firmware->client.vault;
    const struct dr_vault_file *file = file_of(identity);
    psa_key_id_t id = PSA_KEY_ID_NULL;
    uint8_t point[POINT_BYTES];
    size_t size_bytes = 0;
    enum dr_status status = load(vault, file, &id);
    if (status == DR_E_NOT_FOUND && firmware->info.mode == DR_MODE_PROVISIONING) {
        DR_TRY(make(vault, file));
        status = load(vault, file, &id);
    }
    DR_TRY(status);
    if (psa_export_public_key(id, point, sizeof(point), &size_bytes) != PSA_SUCCESS ||
        size_bytes != sizeof(point)) {
        status = DR_E_CRYPTO;
    }
    if (psa_destroy_key(id) != PSA_SUCCESS) {
        status = DR_E_CRYPTO;
    }
    DR_TRY(status);
    memcpy(ret_public_key, point + 1, DR_P256_PUBLIC_BYTES);
    return DR_OK;
}

static enum dr_status sign(
    void *context, enum dr_anchor_identity identity, const uint8_t digest[DR_SHA256_BYTES],
    uint8_t ret_signature[DR_P256_SIGNATURE_BYTES])
{
    struct dr_firmware *firmware = context;
    psa_key_id_t id = PSA_KEY_ID_NULL;
    size_t size_bytes = 0;
    DR_TRY(load(&firmware->client.vault, file_of(identity), &id));
    psa_status_t done = psa_sign_hash(
        id, PSA_ALG_ECDSA(PSA_ALG_SHA_256), digest, DR_SHA256_BYTES, ret_signature,
        DR_P256_SIGNATURE_BYTES, &size_bytes);
    psa_status_t gone = psa_destroy_key(id);
    return done == PSA_SUCCESS && gone == PSA_SUCCESS && size_bytes == DR_P256_SIGNATURE_BYTES
               ? DR_OK
               : DR_E_CRYPTO;
}

void dr_firmware_signer(struct dr_firmware *firmware, struct dr_identity_signer *ret_signer)
{
    *ret_signer =
        (struct dr_identity_signer){.context = firmware, .public_key = public_key, .sign = sign};
}

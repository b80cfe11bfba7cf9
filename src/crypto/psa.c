/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* dr_crypto_psa: PSA Crypto (Mbed TLS 3.6), for firmware on a microcontroller.
 *
 * The program calls psa_crypto_init() once before it passes this table on. Keys are imported for
 * the one operation and destroyed after it. Failed hashing means that the crypto core is broken,
 * and is a failed check rather than a wrong digest.
 */
#include "base/check.h"
#include "base/secret.h"
#include "crypto/crypto.h"

#include <psa/crypto.h>

#include <string.h>

DR_STATIC_ASSERT(
    sizeof(psa_hash_operation_t) <= sizeof(struct dr_sha256), "struct dr_sha256 is too small");

static psa_hash_operation_t *operation_of(struct dr_sha256 *sha)
{
    return (psa_hash_operation_t *)(void *)sha;
}

static void sha256_begin(struct dr_sha256 *sha)
{
    memset(sha, 0, sizeof(*sha));
    DR_CHECK(psa_hash_setup(operation_of(sha), PSA_ALG_SHA_256) == PSA_SUCCESS);
}

static void sha256_update(struct dr_sha256 *sha, const uint8_t *data, size_t size_bytes)
{
    DR_CHECK(psa_hash_update(operation_of(sha), data, size_bytes) == PSA_SUCCESS);
}

static void sha256_finish(struct dr_sha256 *sha, uint8_t digest[DR_SHA256_BYTES])
{
    size_t written = 0;
    psa_status_t status = psa_hash_finish(operation_of(sha), digest, DR_SHA256_BYTES, &written);
    DR_CHECK(status == PSA_SUCCESS && written == DR_SHA256_BYTES);
}

static psa_status_t import_aes(
    const uint8_t key[DR_AES256_KEY_BYTES], psa_algorithm_t algorithm, psa_key_usage_t usage,
    psa_key_id_t *ret_id)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_AES);
    psa_set_key_algorithm(&attributes, algorithm);
    psa_set_key_usage_flags(&attributes, usage);
    return psa_import_key(&attributes, key, DR_AES256_KEY_BYTES, ret_id);
}

/* Mbed TLS works in place on whole blocks only. */
static enum dr_status aes256_ctr(
    const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t counter[DR_AES_BLOCK_BYTES],
    const uint8_t *in, uint8_t *out, size_t size_bytes)
{
    psa_key_id_t id = PSA_KEY_ID_NULL;
    psa_cipher_operation_t operation = PSA_CIPHER_OPERATION_INIT;
    uint8_t tail[DR_AES_BLOCK_BYTES];
    size_t whole = size_bytes - size_bytes % DR_AES_BLOCK_BYTES;
    size_t written = 0;
    size_t tail_written = 0;
    psa_status_t status = import_aes(key, PSA_ALG_CTR, PSA_KEY_USAGE_ENCRYPT, &id);
    if (status == PSA_SUCCESS) {
        status = psa_cipher_encrypt_setup(&operation, id, PSA_ALG_CTR);
    }
    if (status == PSA_SUCCESS) {
        status = psa_cipher_set_iv(&operation, counter, DR_AES_BLOCK_BYTES);
    }
    if (status == PSA_SUCCESS && whole > 0) {
        status = psa_cipher_update(&operation, in, whole, out, whole, &written);
    }
    if (status == PSA_SUCCESS && whole < size_bytes) {
        status = psa_cipher_update(
            &operation, in + whole, size_bytes - whole, tail, sizeof(tail), &tail_written);
    }
    if (status == PSA_SUCCESS && tail_written == size_bytes - whole) {
        memcpy(out + whole, tail, tail_written);
    }
    (void)psa_cipher_abort(&operation);
    (void)psa_destroy_key(id);
    dr_wipe(tail, sizeof(tail));
    bool complete = written == whole && tail_written == size_bytes - whole;
    return status == PSA_SUCCESS && complete ? DR_OK : DR_E_CRYPTO;
}

/* PSA wants text and tag in one buffer, our callers keep them apart: so the multi-part interface.
 * The caller sets up the direction. */
static psa_status_t aead_run(
    psa_aead_operation_t *operation, const uint8_t nonce[DR_GCM_NONCE_BYTES], struct dr_bytes aad,
    struct dr_bytes in, uint8_t *out, size_t *ret_written)
{
    psa_status_t status = psa_aead_set_nonce(operation, nonce, DR_GCM_NONCE_BYTES);
    if (status == PSA_SUCCESS && aad.size_bytes > 0) {
        status = psa_aead_update_ad(operation, aad.data, aad.size_bytes);
    }
    *ret_written = 0;
    if (status == PSA_SUCCESS && in.size_bytes > 0) {
        status =
            psa_aead_update(operation, in.data, in.size_bytes, out, in.size_bytes, ret_written);
    }
    return status;
}

static enum dr_status gcm_seal(
    const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t nonce[DR_GCM_NONCE_BYTES],
    struct dr_bytes aad, const uint8_t *in, size_t size_bytes, uint8_t *out,
    uint8_t tag[DR_GCM_TAG_BYTES])
{
    psa_key_id_t id = PSA_KEY_ID_NULL;
    psa_aead_operation_t operation = PSA_AEAD_OPERATION_INIT;
    size_t written = 0;
    size_t last = 0;
    size_t tag_size_bytes = 0;
    psa_status_t status = import_aes(key, PSA_ALG_GCM, PSA_KEY_USAGE_ENCRYPT, &id);
    if (status == PSA_SUCCESS) {
        status = psa_aead_encrypt_setup(&operation, id, PSA_ALG_GCM);
    }
    if (status == PSA_SUCCESS) {
        const struct dr_bytes text = {in, size_bytes};
        status = aead_run(&operation, nonce, aad, text, out, &written);
    }
    if (status == PSA_SUCCESS) {
        status = psa_aead_finish(
            &operation, out + written, size_bytes - written, &last, tag, DR_GCM_TAG_BYTES,
            &tag_size_bytes);
    }
    (void)psa_aead_abort(&operation);
    (void)psa_destroy_key(id);
    bool whole = written + last == size_bytes && tag_size_bytes == DR_GCM_TAG_BYTES;
    return status == PSA_SUCCESS && whole ? DR_OK : DR_E_CRYPTO;
}

static enum dr_status gcm_open(
    const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t nonce[DR_GCM_NONCE_BYTES],
    struct dr_bytes aad, const uint8_t *in, size_t size_bytes, const uint8_t tag[DR_GCM_TAG_BYTES],
    uint8_t *out)
{
    psa_key_id_t id = PSA_KEY_ID_NULL;
    psa_aead_operation_t operation = PSA_AEAD_OPERATION_INIT;
    size_t written = 0;
    size_t last = 0;
    psa_status_t status = import_aes(key, PSA_ALG_GCM, PSA_KEY_USAGE_DECRYPT, &id);
    if (status == PSA_SUCCESS) {
        status = psa_aead_decrypt_setup(&operation, id, PSA_ALG_GCM);
    }
    if (status == PSA_SUCCESS) {
        const struct dr_bytes text = {in, size_bytes};
        status = aead_run(&operation, nonce, aad, text, out, &written);
    }
    if (status == PSA_SUCCESS) {
        status = psa_aead_verify(
            &operation, out + written, size_bytes - written, &last, tag, DR_GCM_TAG_BYTES);
    }
    (void)psa_aead_abort(&operation);
    (void)psa_destroy_key(id);
    if (status != PSA_SUCCESS || written + last != size_bytes) {
        dr_wipe(out, size_bytes);
        return status == PSA_ERROR_INVALID_SIGNATURE ? DR_E_AUTH : DR_E_CRYPTO;
    }
    return DR_OK;
}

static enum dr_status p256_verify(
    const uint8_t public_key[DR_P256_PUBLIC_BYTES], const uint8_t digest[DR_SHA256_BYTES],
    const uint8_t signature[DR_P256_SIGNATURE_BYTES])
{
    uint8_t point[1u + DR_P256_PUBLIC_BYTES];
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t id = PSA_KEY_ID_NULL;
    point[0] = 0x04; /* uncompressed */
    memcpy(point + 1, public_key, DR_P256_PUBLIC_BYTES);
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDSA(PSA_ALG_SHA_256));
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_VERIFY_HASH);

    psa_status_t status = psa_import_key(&attributes, point, sizeof(point), &id);
    if (status == PSA_SUCCESS) {
        status = psa_verify_hash(
            id, PSA_ALG_ECDSA(PSA_ALG_SHA_256), digest, DR_SHA256_BYTES, signature,
            DR_P256_SIGNATURE_BYTES);
    }
    (void)psa_destroy_key(id);
    return status == PSA_SUCCESS ? DR_OK : DR_E_AUTH;
}

const struct dr_crypto dr_crypto_psa = {
    .name = "psa",
    .sha256_begin = sha256_begin,
    .sha256_update = sha256_update,
    .sha256_finish = sha256_finish,
    .aes256_ctr = aes256_ctr,
    .gcm_seal = gcm_seal,
    .gcm_open = gcm_open,
    .p256_verify = p256_verify,
};

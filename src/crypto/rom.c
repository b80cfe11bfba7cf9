/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* dr_crypto_rom: SHA-256, AES-256-CTR and P-256 verification straight from Mbed TLS's source files
 * (crypto/rom_config.h), without its PSA core. */
#include "base/check.h"
#include "base/secret.h"
#include "crypto/crypto.h"

#include <mbedtls/aes.h>
#include <mbedtls/sha256.h>
#include <p256-m.h>
#include <psa/crypto.h>

#include <string.h>

DR_STATIC_ASSERT(
    sizeof(mbedtls_sha256_context) <= sizeof(struct dr_sha256), "struct dr_sha256 is too small");

static mbedtls_sha256_context *context_of(struct dr_sha256 *sha)
{
    return (mbedtls_sha256_context *)(void *)sha;
}

static void sha256_begin(struct dr_sha256 *sha)
{
    mbedtls_sha256_init(context_of(sha));
    DR_CHECK(mbedtls_sha256_starts(context_of(sha), 0) == 0);
}

static void sha256_update(struct dr_sha256 *sha, const uint8_t *data, size_t size_bytes)
{
    DR_CHECK(mbedtls_sha256_update(context_of(sha), data, size_bytes) == 0);
}

static void sha256_finish(struct dr_sha256 *sha, uint8_t digest[DR_SHA256_BYTES])
{
    DR_CHECK(mbedtls_sha256_finish(context_of(sha), digest) == 0);
}

static enum dr_status aes256_ctr(
    const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t counter[DR_AES_BLOCK_BYTES],
    const uint8_t *in, uint8_t *out, size_t size_bytes)
{
    mbedtls_aes_context aes;
    uint8_t next_counter[DR_AES_BLOCK_BYTES];
    uint8_t key_stream[DR_AES_BLOCK_BYTES] = {0};
    size_t key_stream_offset = 0;
    memcpy(next_counter, counter, sizeof(next_counter));

    mbedtls_aes_init(&aes);
    int failed = mbedtls_aes_setkey_enc(&aes, key, 8u * DR_AES256_KEY_BYTES);
    if (failed == 0) {
        failed = mbedtls_aes_crypt_ctr(
            &aes, size_bytes, &key_stream_offset, next_counter, key_stream, in, out);
    }
    mbedtls_aes_free(&aes);
    dr_wipe(key_stream, sizeof(key_stream));
    return failed == 0 ? DR_OK : DR_E_CRYPTO;
}

static enum dr_status p256_verify(
    const uint8_t public_key[DR_P256_PUBLIC_BYTES], const uint8_t digest[DR_SHA256_BYTES],
    const uint8_t signature[DR_P256_SIGNATURE_BYTES])
{
    int result = p256_ecdsa_verify(signature, public_key, digest, DR_SHA256_BYTES);
    return result == P256_SUCCESS ? DR_OK : DR_E_AUTH;
}

/* What rom_config.h put in the place of psa_generate_random. */
psa_status_t psa_generate_random(uint8_t *output, size_t output_size)
{
    memset(output, 0, output_size);
    return PSA_ERROR_NOT_SUPPORTED;
}

const struct dr_crypto dr_crypto_rom = {
    .name = "rom",
    .sha256_begin = sha256_begin,
    .sha256_update = sha256_update,
    .sha256_finish = sha256_finish,
    .aes256_ctr = aes256_ctr,
    .gcm_seal = NULL,
    .gcm_open = NULL,
    .p256_verify = p256_verify,
};

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* dr_crypto_rom: SHA-256 and AES-256-CTR of our own (crypto/rom_priv.h), P-256 verification by Mbed
 * TLS's p256-m, called directly. */
#include "base/check.h"
#include "crypto/crypto.h"
#include "crypto/rom_priv.h"

#include <p256-m.h>
#include <psa/crypto.h>

#include <string.h>

DR_STATIC_ASSERT(
    sizeof(struct dr_rom_sha256) <= sizeof(struct dr_sha256), "struct dr_sha256 is too small");

static struct dr_rom_sha256 *context_of(struct dr_sha256 *sha)
{
    return (struct dr_rom_sha256 *)(void *)sha;
}

static void sha256_begin(struct dr_sha256 *sha)
{
    dr_rom_sha256_begin(context_of(sha));
}

static void sha256_update(struct dr_sha256 *sha, const uint8_t *data, size_t size_bytes)
{
    dr_rom_sha256_update(context_of(sha), data, size_bytes);
}

static void sha256_finish(struct dr_sha256 *sha, uint8_t digest[DR_SHA256_BYTES])
{
    dr_rom_sha256_finish(context_of(sha), digest);
}

static enum dr_status aes256_ctr(
    const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t counter[DR_AES_BLOCK_BYTES],
    const uint8_t *in, uint8_t *out, size_t size_bytes)
{
    dr_rom_aes256_ctr(key, counter, in, out, size_bytes);
    return DR_OK;
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

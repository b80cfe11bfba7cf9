/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* dr_crypto_openssl: OpenSSL 3, for the cloud, the tools, the simulator and the Linux board.
 *
 * SHA-256 and ECDSA use the low-level functions: they are deprecated in name, but keep their state
 * in memory of ours (struct dr_sha256 may be dropped at any time) and skip the provider look-up
 * that would cost more than a short hash. AES goes through EVP, which has the hardware
 * instructions.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/check.h"
#include "base/secret.h"
#include "crypto/crypto.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <limits.h>
#include <stdbool.h>
#include <string.h>

DR_STATIC_ASSERT(sizeof(SHA256_CTX) <= sizeof(struct dr_sha256), "struct dr_sha256 is too small");

static SHA256_CTX *context_of(struct dr_sha256 *sha)
{
    return (SHA256_CTX *)(void *)sha;
}

static void sha256_begin(struct dr_sha256 *sha)
{
    DR_CHECK(SHA256_Init(context_of(sha)) == 1);
}

static void sha256_update(struct dr_sha256 *sha, const uint8_t *data, size_t size_bytes)
{
    DR_CHECK(SHA256_Update(context_of(sha), data, size_bytes) == 1);
}

static void sha256_finish(struct dr_sha256 *sha, uint8_t digest[DR_SHA256_BYTES])
{
    DR_CHECK(SHA256_Final(digest, context_of(sha)) == 1);
}

static enum dr_status aes256_ctr(
    const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t counter[DR_AES_BLOCK_BYTES],
    const uint8_t *in, uint8_t *out, size_t size_bytes)
{
    if (size_bytes > INT_MAX) {
        return DR_E_ARGUMENT;
    }
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int written = 0;
    bool done = context != NULL &&
                EVP_EncryptInit_ex(context, EVP_aes_256_ctr(), NULL, key, counter) == 1 &&
                EVP_EncryptUpdate(context, out, &written, in, (int)size_bytes) == 1 &&
                (size_t)written == size_bytes;
    EVP_CIPHER_CTX_free(context);
    return done ? DR_OK : DR_E_CRYPTO;
}

static enum dr_status gcm_seal(
    const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t nonce[DR_GCM_NONCE_BYTES],
    struct dr_bytes aad, const uint8_t *in, size_t size_bytes, uint8_t *out,
    uint8_t tag[DR_GCM_TAG_BYTES])
{
    if (size_bytes > INT_MAX || aad.size_bytes > INT_MAX) {
        return DR_E_ARGUMENT;
    }
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t none[DR_AES_BLOCK_BYTES];
    int written = 0;
    bool done =
        context != NULL && EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
        (aad.size_bytes == 0 ||
         EVP_EncryptUpdate(context, NULL, &written, aad.data, (int)aad.size_bytes) == 1) &&
        (size_bytes == 0 || EVP_EncryptUpdate(context, out, &written, in, (int)size_bytes) == 1) &&
        EVP_EncryptFinal_ex(context, none, &written) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, (int)DR_GCM_TAG_BYTES, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    return done ? DR_OK : DR_E_CRYPTO;
}

static enum dr_status gcm_open(
    const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t nonce[DR_GCM_NONCE_BYTES],
    struct dr_bytes aad, const uint8_t *in, size_t size_bytes, const uint8_t tag[DR_GCM_TAG_BYTES],
    uint8_t *out)
{
    if (size_bytes > INT_MAX || aad.size_bytes > INT_MAX) {
        return DR_E_ARGUMENT;
    }
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t expected[DR_GCM_TAG_BYTES]; /* OpenSSL takes the tag through a pointer to non-const */
    uint8_t none[DR_AES_BLOCK_BYTES];
    int written = 0;
    memcpy(expected, tag, sizeof(expected));
    bool set_up =
        context != NULL && EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
        (aad.size_bytes == 0 ||
         EVP_DecryptUpdate(context, NULL, &written, aad.data, (int)aad.size_bytes) == 1) &&
        (size_bytes == 0 || EVP_DecryptUpdate(context, out, &written, in, (int)size_bytes) == 1) &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, (int)DR_GCM_TAG_BYTES, expected) == 1;
    bool authentic = set_up && EVP_DecryptFinal_ex(context, none, &written) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!authentic) {
        dr_wipe(out, size_bytes);
        return set_up ? DR_E_AUTH : DR_E_CRYPTO;
    }
    return DR_OK;
}

/* NULL when the point is not on the curve. */
static EC_KEY *public_key_of(const uint8_t public_key[DR_P256_PUBLIC_BYTES])
{
    uint8_t point[1u + DR_P256_PUBLIC_BYTES];
    point[0] = POINT_CONVERSION_UNCOMPRESSED;
    memcpy(point + 1, public_key, DR_P256_PUBLIC_BYTES);
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    if (key != NULL && EC_KEY_oct2key(key, point, sizeof(point), NULL) != 1) {
        EC_KEY_free(key);
        key = NULL;
    }
    return key;
}

static enum dr_status p256_verify(
    const uint8_t public_key[DR_P256_PUBLIC_BYTES], const uint8_t digest[DR_SHA256_BYTES],
    const uint8_t signature[DR_P256_SIGNATURE_BYTES])
{
    enum dr_status status = DR_E_AUTH;
    EC_KEY *key = public_key_of(public_key);
    ECDSA_SIG *parsed = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, 32, NULL);
    BIGNUM *s = BN_bin2bn(signature + 32, 32, NULL);
    if (parsed == NULL || r == NULL || s == NULL) {
        status = DR_E_CRYPTO;
    } else if (ECDSA_SIG_set0(parsed, r, s) == 1) {
        r = NULL; /* owned by parsed from here on */
        s = NULL;
        if (key != NULL && ECDSA_do_verify(digest, (int)DR_SHA256_BYTES, parsed, key) == 1) {
            status = DR_OK;
        }
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(parsed);
    EC_KEY_free(key);
    return status;
}

const struct dr_crypto dr_crypto_openssl = {
    .name = "openssl",
    .sha256_begin = sha256_begin,
    .sha256_update = sha256_update,
    .sha256_finish = sha256_finish,
    .aes256_ctr = aes256_ctr,
    .gcm_seal = gcm_seal,
    .gcm_open = gcm_open,
    .p256_verify = p256_verify,
};

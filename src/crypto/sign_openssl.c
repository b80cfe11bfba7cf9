/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The low-level functions, for the reason given in openssl.c. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/sign.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#define POINT_BYTES (1u + DR_P256_PUBLIC_BYTES) /* uncompressed: 0x04 || x || y */
#define HALF_BYTES (DR_P256_SIGNATURE_BYTES / 2u)

enum dr_status dr_random_bytes(uint8_t *out, size_t size_bytes)
{
    if (size_bytes > INT_MAX) {
        return DR_E_ARGUMENT;
    }
    return RAND_bytes(out, (int)size_bytes) == 1 ? DR_OK : DR_E_CRYPTO;
}

static bool point_out(const EC_KEY *key, uint8_t public_key[DR_P256_PUBLIC_BYTES])
{
    uint8_t point[POINT_BYTES];
    size_t size_bytes = EC_POINT_point2oct(
        EC_KEY_get0_group(key), EC_KEY_get0_public_key(key), POINT_CONVERSION_UNCOMPRESSED, point,
        sizeof point, NULL);
    if (size_bytes != sizeof point) {
        return false;
    }
    memcpy(public_key, point + 1, DR_P256_PUBLIC_BYTES);
    return true;
}

enum dr_status dr_p256_generate(
    uint8_t ret_private_key[DR_P256_PRIVATE_BYTES], uint8_t ret_public_key[DR_P256_PUBLIC_BYTES])
{
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    bool done =
        key != NULL && EC_KEY_generate_key(key) == 1 &&
        BN_bn2binpad(EC_KEY_get0_private_key(key), ret_private_key, (int)DR_P256_PRIVATE_BYTES) ==
            (int)DR_P256_PRIVATE_BYTES &&
        point_out(key, ret_public_key);
    EC_KEY_free(key); /* clears the scalar */
    return done ? DR_OK : DR_E_CRYPTO;
}

/* The key object of a scalar, with its public point; NULL and a status otherwise. */
static EC_KEY *key_of(const uint8_t private_key[DR_P256_PRIVATE_BYTES], enum dr_status *ret_status)
{
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *scalar = BN_bin2bn(private_key, (int)DR_P256_PRIVATE_BYTES, NULL);
    EC_POINT *point = key != NULL ? EC_POINT_new(EC_KEY_get0_group(key)) : NULL;
    *ret_status = DR_E_CRYPTO;
    bool done = false;
    if (scalar != NULL && point != NULL) {
        if (BN_is_zero(scalar) ||
            BN_cmp(scalar, EC_GROUP_get0_order(EC_KEY_get0_group(key))) >= 0) {
            *ret_status = DR_E_RANGE;
        } else {
            done = EC_POINT_mul(EC_KEY_get0_group(key), point, scalar, NULL, NULL, NULL) == 1 &&
                   EC_KEY_set_private_key(key, scalar) == 1 &&
                   EC_KEY_set_public_key(key, point) == 1;
        }
    }
    BN_clear_free(scalar);
    EC_POINT_free(point);
    if (!done) {
        EC_KEY_free(key);
        return NULL;
    }
    *ret_status = DR_OK;
    return key;
}

enum dr_status dr_p256_public_key(
    const uint8_t private_key[DR_P256_PRIVATE_BYTES], uint8_t ret_public_key[DR_P256_PUBLIC_BYTES])
{
    enum dr_status status;
    EC_KEY *key = key_of(private_key, &status);
    if (key != NULL && !point_out(key, ret_public_key)) {
        status = DR_E_CRYPTO;
    }
    EC_KEY_free(key);
    return status;
}

enum dr_status dr_p256_sign(
    const uint8_t private_key[DR_P256_PRIVATE_BYTES], const uint8_t digest[DR_SHA256_BYTES],
    uint8_t ret_signature[DR_P256_SIGNATURE_BYTES])
{
    enum dr_status status;
    EC_KEY *key = key_of(private_key, &status);
    if (key == NULL) {
        return status;
    }
    ECDSA_SIG *signature = ECDSA_do_sign(digest, (int)DR_SHA256_BYTES, key);
    bool done =
        signature != NULL &&
        BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret_signature, (int)HALF_BYTES) ==
            (int)HALF_BYTES &&
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret_signature + HALF_BYTES, (int)HALF_BYTES) ==
            (int)HALF_BYTES;
    ECDSA_SIG_free(signature);
    EC_KEY_free(key);
    return done ? DR_OK : DR_E_CRYPTO;
}

/* An encrypted file asks for a pass phrase; there is nobody to ask. */
static int no_pass_phrase(char *buffer, int capacity, int writing, void *context)
{
    (void)buffer;
    (void)capacity;
    (void)writing;
    (void)context;
    return -1;
}

enum dr_status dr_p256_private_from_pem(
    const char *pem, size_t pem_len, uint8_t ret_private_key[DR_P256_PRIVATE_BYTES])
{
    if (pem_len > INT_MAX) {
        return DR_E_ARGUMENT;
    }
    BIO *bio = BIO_new_mem_buf(pem, (int)pem_len);
    EVP_PKEY *pair = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL) : NULL;
    const EC_KEY *key = pair != NULL ? EVP_PKEY_get0_EC_KEY(pair) : NULL;
    bool done =
        key != NULL && EC_GROUP_get_curve_name(EC_KEY_get0_group(key)) == NID_X9_62_prime256v1 &&
        BN_bn2binpad(EC_KEY_get0_private_key(key), ret_private_key, (int)DR_P256_PRIVATE_BYTES) ==
            (int)DR_P256_PRIVATE_BYTES;
    EVP_PKEY_free(pair);
    BIO_free(bio);
    return done ? DR_OK : DR_E_FORMAT;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private-key operations and randomness of a host: for the anchor's process, tools and tests.
 *
 * Apart from the table in crypto.h on purpose: device code never holds a private key. */
#ifndef DR_CRYPTO_SIGN_H
#define DR_CRYPTO_SIGN_H

#include "crypto/crypto.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes from the system's generator. */
DR_MUST_USE enum dr_status dr_random_bytes(uint8_t *out, size_t size_bytes);

/* A new key pair. */
DR_MUST_USE enum dr_status dr_p256_generate(
    uint8_t ret_private_key[DR_P256_PRIVATE_BYTES], uint8_t ret_public_key[DR_P256_PUBLIC_BYTES]);

/* The public key of a private one. DR_E_RANGE: not between 1 and the group order. */
DR_MUST_USE enum dr_status dr_p256_public_key(
    const uint8_t private_key[DR_P256_PRIVATE_BYTES], uint8_t ret_public_key[DR_P256_PUBLIC_BYTES]);

/* ECDSA over a SHA-256 digest, r || s. */
DR_MUST_USE enum dr_status dr_p256_sign(
    const uint8_t private_key[DR_P256_PRIVATE_BYTES], const uint8_t digest[DR_SHA256_BYTES],
    uint8_t ret_signature[DR_P256_SIGNATURE_BYTES]);

/* The private key in PEM text (SEC1 or PKCS #8, unencrypted). DR_E_FORMAT: not a P-256 key. */
DR_MUST_USE enum dr_status dr_p256_private_from_pem(
    const char *pem, size_t pem_len, uint8_t ret_private_key[DR_P256_PRIVATE_BYTES]);

#endif

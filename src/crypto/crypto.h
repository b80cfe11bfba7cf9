/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The cryptography seam: one table of operations, passed in by whoever composes a program.
 *
 * Three implementations: dr_crypto_rom (p256-m, and small SHA-256 and AES of our own),
 * dr_crypto_psa (PSA Crypto, firmware on a microcontroller), dr_crypto_openssl (cloud, tools,
 * simulator). There is no link-time switch: a program may hold several and compare them.
 *
 * Nothing here allocates, keeps state between calls or reads a clock. Randomness comes from the
 * caller. Standards: FIPS 180-4 (SHA-256), RFC 2104 (HMAC), RFC 5869 (HKDF), SP 800-38A (AES-CTR),
 * SP 800-38D (AES-GCM), FIPS 186-4 (ECDSA P-256).
 */
#ifndef DR_CRYPTO_CRYPTO_H
#define DR_CRYPTO_CRYPTO_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define DR_SHA256_BYTES 32u
#define DR_AES256_KEY_BYTES 32u
#define DR_AES_BLOCK_BYTES 16u
#define DR_GCM_NONCE_BYTES 12u
#define DR_GCM_TAG_BYTES 16u
#define DR_P256_PUBLIC_BYTES 64u    /* x || y, big-endian, no leading 0x04 */
#define DR_P256_PRIVATE_BYTES 32u   /* big-endian scalar */
#define DR_P256_SIGNATURE_BYTES 64u /* r || s, big-endian */

/* Running digest. Opaque; the caller owns it and may drop it at any time (nothing to free). */
struct dr_sha256 {
    uint64_t opaque[28];
};

/* A borrowed run of bytes, for operations over several parts. */
struct dr_bytes {
    const uint8_t *data;
    size_t size_bytes;
};

struct dr_crypto {
    const char *name; /* "rom", "psa", "openssl" */

    void (*sha256_begin)(struct dr_sha256 *sha);
    void (*sha256_update)(struct dr_sha256 *sha, const uint8_t *data, size_t size_bytes);
    void (*sha256_finish)(struct dr_sha256 *sha, uint8_t digest[DR_SHA256_BYTES]);

    /* XOR size_bytes with the AES-256-CTR key stream that starts at counter (big-endian, whole
     * block increments). in and out may be the same buffer. counter is not changed. size_bytes need
     * not be a multiple of 16. */
    enum dr_status (*aes256_ctr)(
        const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t counter[DR_AES_BLOCK_BYTES],
        const uint8_t *in, uint8_t *out, size_t size_bytes);

    /* AES-256-GCM. NULL in dr_crypto_rom: the boot ROM reads no vault. in and out may be the same
     * buffer. open: DR_E_AUTH when the tag does not fit, and out is wiped. */
    enum dr_status (*gcm_seal)(
        const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t nonce[DR_GCM_NONCE_BYTES],
        struct dr_bytes aad, const uint8_t *in, size_t size_bytes, uint8_t *out,
        uint8_t tag[DR_GCM_TAG_BYTES]);
    enum dr_status (*gcm_open)(
        const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t nonce[DR_GCM_NONCE_BYTES],
        struct dr_bytes aad, const uint8_t *in, size_t size_bytes,
        const uint8_t tag[DR_GCM_TAG_BYTES], uint8_t *out);

    /* DR_OK only for a valid signature; DR_E_AUTH for an invalid one, a point off the curve, r or s
     * out of range. */
    enum dr_status (*p256_verify)(
        const uint8_t public_key[DR_P256_PUBLIC_BYTES], const uint8_t digest[DR_SHA256_BYTES],
        const uint8_t signature[DR_P256_SIGNATURE_BYTES]);
};

extern const struct dr_crypto dr_crypto_openssl;
extern const struct dr_crypto dr_crypto_rom;
extern const struct dr_crypto dr_crypto_psa;

/* The table behind a pointer. A program that holds but one may say so (DR_CRYPTO_ONLY=its name),
 * and a compiler that sees it as a whole calls the functions directly. */
#ifdef DR_CRYPTO_ONLY
#define DR_CRYPTO(crypto) ((void)(crypto), &DR_CRYPTO_ONLY)
#else
#define DR_CRYPTO(crypto) (crypto)
#endif

/* Built from the table, one implementation for all (hash.c). */
void dr_sha256_once(
    const struct dr_crypto *crypto, const uint8_t *data, size_t size_bytes,
    uint8_t digest[DR_SHA256_BYTES]);

/* HMAC-SHA-256 over the concatenation of parts. Intermediate keys are wiped. */
void dr_hmac_sha256(
    const struct dr_crypto *crypto, struct dr_bytes key, const struct dr_bytes *parts,
    size_t part_count, uint8_t mac[DR_SHA256_BYTES]);

/* HKDF-SHA-256 without salt, one block: 32 bytes from secret for the concatenation of info
 * parts. The first is always a label, e.g. "daruma slot-A v1". */
void dr_hkdf_sha256(
    const struct dr_crypto *crypto, struct dr_bytes secret, const struct dr_bytes *info,
    size_t info_count, uint8_t key[DR_SHA256_BYTES]);

#endif

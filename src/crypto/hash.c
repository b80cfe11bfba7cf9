/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/secret.h"
#include "crypto/crypto.h"

#include <string.h>

#define SHA256_BLOCK_BYTES 64u

void dr_sha256_once(
    const struct dr_crypto *crypto, const uint8_t *data, size_t size_bytes,
    uint8_t digest[DR_SHA256_BYTES])
{
    struct dr_sha256 sha;
    DR_CRYPTO(crypto)->sha256_begin(&sha);
    DR_CRYPTO(crypto)->sha256_update(&sha, data, size_bytes);
    DR_CRYPTO(crypto)->sha256_finish(&sha, digest);
    dr_wipe(&sha, sizeof(sha)); /* data may be a secret */
}

/* RFC 2104: the key, hashed first when it is longer than a block, XORed with a constant byte. */
static void begin_padded(
    const struct dr_crypto *crypto, struct dr_bytes key, uint8_t pad_byte, struct dr_sha256 *sha)
{
    uint8_t pad[SHA256_BLOCK_BYTES] = {0};
    if (key.size_bytes > sizeof(pad)) {
        dr_sha256_once(crypto, key.data, key.size_bytes, pad);
    } else if (key.size_bytes > 0) {
        memcpy(pad, key.data, key.size_bytes);
    }
    for (size_t i = 0; i < sizeof(pad); i++) {
        pad[i] ^= pad_byte;
    }
    DR_CRYPTO(crypto)->sha256_begin(sha);
    DR_CRYPTO(crypto)->sha256_update(sha, pad, sizeof(pad));
    dr_wipe(pad, sizeof(pad));
}

/* Over the parts and then tail. */
static void hmac(
    const struct dr_crypto *crypto, struct dr_bytes key, const struct dr_bytes *parts,
    size_t part_count, struct dr_bytes tail, uint8_t mac[DR_SHA256_BYTES])
{
    struct dr_sha256 sha;
    begin_padded(crypto, key, 0x36, &sha);
    for (size_t i = 0; i < part_count; i++) {
        DR_CRYPTO(crypto)->sha256_update(&sha, parts[i].data, parts[i].size_bytes);
    }
    DR_CRYPTO(crypto)->sha256_update(&sha, tail.data, tail.size_bytes);
    uint8_t inner[DR_SHA256_BYTES];
    DR_CRYPTO(crypto)->sha256_finish(&sha, inner);

    begin_padded(crypto, key, 0x5c, &sha);
    DR_CRYPTO(crypto)->sha256_update(&sha, inner, sizeof(inner));
    DR_CRYPTO(crypto)->sha256_finish(&sha, mac);
    dr_wipe(inner, sizeof(inner));
    dr_wipe(&sha, sizeof(sha));
}

void dr_hmac_sha256(
    const struct dr_crypto *crypto, struct dr_bytes key, const struct dr_bytes *parts,
    size_t part_count, uint8_t mac[DR_SHA256_BYTES])
{
    hmac(crypto, key, parts, part_count, (struct dr_bytes){NULL, 0}, mac);
}

/* RFC 5869 with the empty salt; T(1) is all we ever need. */
DR_APART void dr_hkdf_sha256(
    const struct dr_crypto *crypto, struct dr_bytes secret, const struct dr_bytes *info,
    size_t info_count, uint8_t key[DR_SHA256_BYTES])
{
    static const uint8_t first_block = 1;
    uint8_t extracted[DR_SHA256_BYTES];
    const struct dr_bytes salt = {NULL, 0}; /* as a key the same as zeros */
    dr_hmac_sha256(crypto, salt, &secret, 1, extracted);
    const struct dr_bytes extracted_key = {extracted, sizeof(extracted)};
    const struct dr_bytes counter = {&first_block, sizeof(first_block)};
    hmac(crypto, extracted_key, info, info_count, counter, key);
    dr_wipe(extracted, sizeof(extracted));
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/check.h"
#include "base/secret.h"
#include "crypto/crypto.h"

#include <string.h>

#define SHA256_BLOCK_BYTES 64u
#define HKDF_INFO_PARTS_MAX 8u

void dr_sha256_once(
    const struct dr_crypto *crypto, const uint8_t *data, size_t size_bytes,
    uint8_t digest[DR_SHA256_BYTES])
{
    struct dr_sha256 sha;
    crypto->sha256_begin(&sha);
    crypto->sha256_update(&sha, data, size_bytes);
    crypto->sha256_finish(&sha, digest);
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
    crypto->sha256_begin(sha);
    crypto->sha256_update(sha, pad, sizeof(pad));
    dr_wipe(pad, sizeof(pad));
}

void dr_hmac_sha256(
    const struct dr_crypto *crypto, struct dr_bytes key, const struct dr_bytes *parts,
    size_t part_count, uint8_t mac[DR_SHA256_BYTES])
{
    struct dr_sha256 sha;
    uint8_t inner[DR_SHA256_BYTES];
    begin_padded(crypto, key, 0x36, &sha);
    for (size_t i = 0; i < part_count; i++) {
        crypto->sha256_update(&sha, parts[i].data, parts[i].size_bytes);
    }
    crypto->sha256_finish(&sha, inner);

    begin_padded(crypto, key, 0x5c, &sha);
    crypto->sha256_update(&sha, inner, sizeof(inner));
    crypto->sha256_finish(&sha, mac);
    dr_wipe(inner, sizeof(inner));
    dr_wipe(&sha, sizeof(sha));
}

/* RFC 5869 with the empty salt; T(1) is all we ever need. */
void dr_hkdf_sha256(
    const struct dr_crypto *crypto, struct dr_bytes secret, const struct dr_bytes *info,
    size_t info_count, uint8_t key[DR_SHA256_BYTES])
{
    static const uint8_t zero_salt[DR_SHA256_BYTES] = {0};
    static const uint8_t first_block = 1;
    DR_CHECK(info_count <= HKDF_INFO_PARTS_MAX);

    uint8_t extracted[DR_SHA256_BYTES];
    const struct dr_bytes salt = {zero_salt, sizeof(zero_salt)};
    dr_hmac_sha256(crypto, salt, &secret, 1, extracted);

    struct dr_bytes parts[HKDF_INFO_PARTS_MAX + 1u];
    for (size_t i = 0; i < info_count; i++) {
        parts[i] = info[i];
    }
    parts[info_count] = (struct dr_bytes){&first_block, sizeof(first_block)};
    const struct dr_bytes extracted_key = {extracted, sizeof(extracted)};
    dr_hmac_sha256(crypto, extracted_key, parts, info_count + 1, key);
    dr_wipe(extracted, sizeof(extracted));
}

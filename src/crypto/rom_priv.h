/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The two primitives of dr_crypto_rom that are our own, in as few bytes as a boot ROM likes.
 *
 * For a little-endian machine without a data cache: AES looks up a table by secret bytes, which a
 * cache would give away to a neighbour. Checked by tests/unit/test_crypto.c against the published
 * vectors and the other tables.
 */
#ifndef DR_CRYPTO_ROM_PRIV_H
#define DR_CRYPTO_ROM_PRIV_H

#include "crypto/crypto.h"

#include <stddef.h>
#include <stdint.h>

#define DR_ROM_SHA256_WORDS 8u

/* FIPS 180-4; messages below 4 GiB. About 45 instructions a byte on a Cortex-M3. */
struct dr_rom_sha256 {
    union {
        uint8_t bytes[64];
        uint32_t words[16];
    } block;
    uint32_t state[DR_ROM_SHA256_WORDS];
    uint32_t size_bytes;
};

void dr_rom_sha256_begin(struct dr_rom_sha256 *sha);
void dr_rom_sha256_update(struct dr_rom_sha256 *sha, const uint8_t *data, size_t size_bytes);
void dr_rom_sha256_finish(struct dr_rom_sha256 *sha, uint8_t digest[DR_SHA256_BYTES]);

/* As aes256_ctr of struct dr_crypto. The table (1 KiB, no secret) is made anew by each call: cheap
 * against a sector, nothing for a block. */
void dr_rom_aes256_ctr(
    const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t counter[DR_AES_BLOCK_BYTES],
    const uint8_t *in, uint8_t *out, size_t size_bytes);

#endif

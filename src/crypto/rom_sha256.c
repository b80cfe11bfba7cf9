/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "crypto/rom_priv.h"

#include <string.h>

#define WORDS 16u
#define ROUNDS 64u
#define LENGTH_AT 56u

static const uint32_t constants[ROUNDS] = {
    0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u,
    0xab1c5ed5u, 0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu,
    0x9bdc06a7u, 0xc19bf174u, 0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu,
    0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau, 0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u,
    0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u, 0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu,
    0x53380d13u, 0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u, 0xa2bfe8a1u, 0xa81a664bu,
    0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u, 0x19a4c116u,
    0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u,
    0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u, 0x90befffau, 0xa4506cebu, 0xbef9a3f7u,
    0xc67178f2u,
};

static const uint32_t first_state[DR_ROM_SHA256_WORDS] = {
    0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
    0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u,
};

static uint32_t rotated(uint32_t word, uint32_t bits)
{
    return word >> bits | word << (32u - bits);
}

/* Both directions: the standard's words are big-endian. */
static uint32_t swapped(uint32_t word)
{
    return (rotated(word, 8) & 0xff00ff00u) | (rotated(word, 24) & 0x00ff00ffu);
}

/* FIPS 180-4, 6.2.2. The eight working variables a to h are v[0] to v[7]; instead of moving each to
 * the next, the window onto them moves down by one. */
static void compress(struct dr_rom_sha256 *sha)
{
    uint32_t window[ROUNDS + DR_ROM_SHA256_WORDS];
    uint32_t *v = window + ROUNDS;
    uint32_t *w = sha->block.words;
    memcpy(v, sha->state, sizeof sha->state);
    for (uint32_t t = 0; t < ROUNDS; t++, v--) {
        uint32_t *now = &w[t % WORDS];
        if (t < WORDS) {
            *now = swapped(*now);
        } else {
            uint32_t late = w[(t + 14u) % WORDS];
            uint32_t early = w[(t + 1u) % WORDS];
            *now += (rotated(late, 17) ^ rotated(late, 19) ^ late >> 10) + w[(t + 9u) % WORDS] +
                    (rotated(early, 7) ^ rotated(early, 18) ^ early >> 3);
        }
        uint32_t sum = v[7] + (rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25)) +
                       (v[6] ^ (v[4] & (v[5] ^ v[6]))) + constants[t] + *now;
        v[3] += sum;
        v[-1] = sum + (rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22)) +
                ((v[0] & v[1]) | (v[2] & (v[0] | v[1])));
    }
    for (uint32_t i = 0; i < DR_ROM_SHA256_WORDS; i++) {
        sha->state[i] += v[i];
    }
}

void dr_rom_sha256_begin(struct dr_rom_sha256 *sha)
{
    memcpy(sha->state, first_state, sizeof sha->state);
    sha->size_bytes = 0;
}

void dr_rom_sha256_update(struct dr_rom_sha256 *sha, const uint8_t *data, size_t size_bytes)
{
    for (const uint8_t *end = data + size_bytes; data < end; data++) {
        sha->block.bytes[sha->size_bytes++ % sizeof sha->block] = *data;
        if (sha->size_bytes % sizeof sha->block == 0) {
            compress(sha);
        }
    }
}

/* 5.1.1: a one bit, zeros, and the length in bits as the last eight bytes of a block. */
void dr_rom_sha256_finish(struct dr_rom_sha256 *sha, uint8_t digest[DR_SHA256_BYTES])
{
    const uint32_t size_bytes = sha->size_bytes;
    uint8_t pad = 0x80;
    do { /* bound: a block and eight bytes */
        dr_rom_sha256_update(sha, &pad, 1);
        pad = 0;
    } while (sha->size_bytes % sizeof sha->block != LENGTH_AT);
    sha->block.words[WORDS - 2u] = swapped(size_bytes >> 29);
    sha->block.words[WORDS - 1u] = swapped(size_bytes << 3);
    compress(sha);
    for (uint32_t i = 0; i < DR_ROM_SHA256_WORDS; i++) {
        sha->state[i] = swapped(sha->state[i]);
    }
    memcpy(digest, sha->state, DR_SHA256_BYTES);
}

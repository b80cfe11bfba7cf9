/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "crypto/rom_priv.h"

#include "base/secret.h"

#include <string.h>

#define ROUNDS 14u
#define COLUMNS 4u
#define KEY_WORDS 8u
#define SCHEDULE_WORDS (COLUMNS * (ROUNDS + 1u))
#define FIELD 256u

/* A word holds a column of the standard's matrix, the first byte lowest. */
struct cipher {
    /* For each byte its substitute s, times a column of MixColumns: 2s, s, s, 3s from the lowest
     * byte up. The other columns are rotations of this one. */
    uint32_t mix[FIELD];
    uint32_t schedule[SCHEDULE_WORDS];
};

/* Times x in GF(2^8). */
static uint32_t doubled(uint32_t value)
{
    return (value << 1) ^ (value >> 7) * 0x11bu;
}

static uint32_t rotated(uint32_t word, uint32_t bits)
{
    return word << bits | word >> (32u - bits);
}

/* FIPS 197, 5.1.1: a substitute is the inverse in GF(2^8) through an affine map. 3 generates the
 * field, so in a list of its powers each inverse stands as far from the end as its element from
 * the beginning. Zero is no power and its own inverse. */
static void make_table(uint32_t mix[FIELD])
{
    uint8_t power[FIELD];
    uint32_t value = 1;
    for (uint32_t i = 0; i < FIELD; i++) {
        power[i] = (uint8_t)value;
        value ^= doubled(value);
    }
    for (uint32_t i = 0; i < FIELD; i++) {
        bool zero = i == FIELD - 1u;
        uint32_t twin = zero ? 0 : power[FIELD - 1u - i] * 0x101u;
        uint32_t s = ((twin ^ twin >> 4 ^ twin >> 5 ^ twin >> 6 ^ twin >> 7) & 0xffu) ^ 0x63u;
        uint32_t twice = doubled(s);
        mix[zero ? 0 : power[i]] = twice | s << 8 | s << 16 | (twice ^ s) << 24;
    }
}

/* Every byte of a word by its substitute. */
static DR_APART uint32_t substitute(const uint32_t mix[FIELD], uint32_t word)
{
    for (uint32_t i = 0; i < sizeof word; i++) {
        word = (word & ~(uint32_t)0xff) | (mix[word & 0xffu] >> 8 & 0xffu);
        word = rotated(word, 24);
    }
    return word;
}

/* FIPS 197, 5.2. */
static void expand_key(struct cipher *cipher, const uint8_t key[DR_AES256_KEY_BYTES])
{
    uint32_t *schedule = cipher->schedule;
    uint32_t constant = 1; /* seven are needed: no reduction */
    memcpy(schedule, key, DR_AES256_KEY_BYTES);
    for (uint32_t i = KEY_WORDS; i < SCHEDULE_WORDS; i++) {
        uint32_t word = schedule[i - 1u];
        if (i % (KEY_WORDS / 2u) == 0) {
            word = substitute(cipher->mix, word);
            if (i % KEY_WORDS == 0) {
                word = rotated(word, 24) ^ constant;
                constant <<= 1;
            }
        }
        schedule[i] = schedule[i - KEY_WORDS] ^ word;
    }
}

/* FIPS 197, 5.1. ShiftRows: row r of an output column comes from the column r places on. */
static void
encrypt(const struct cipher *cipher, const uint8_t in[DR_AES_BLOCK_BYTES], uint32_t out[COLUMNS])
{
    const uint32_t *key = cipher->schedule;
    const uint32_t *mix = cipher->mix;
    uint32_t state[2u * COLUMNS]; /* the second half repeats the first: nothing has to wrap */
    memcpy(out, in, DR_AES_BLOCK_BYTES);
    for (uint32_t round = 0;; round++) { /* bound: ROUNDS */
        for (uint32_t i = 0; i < COLUMNS; i++) {
            state[i] = out[i] ^ *key++;
            state[i + COLUMNS] = state[i];
        }
        if (round == ROUNDS) {
            break;
        }
        for (uint32_t i = 0; i < COLUMNS; i++) {
            const uint32_t *from = state + i;
            if (round == ROUNDS - 1u) {
                out[i] = substitute(
                    mix, (from[0] & 0xffu) | (from[1] & 0xff00u) | (from[2] & 0xff0000u) |
                             (from[3] & 0xff000000u));
            } else {
                out[i] = mix[from[0] & 0xffu] ^ rotated(mix[from[1] >> 8 & 0xffu], 8) ^
                         rotated(mix[from[2] >> 16 & 0xffu], 16) ^ rotated(mix[from[3] >> 24], 24);
            }
        }
    }
    memcpy(out, state, DR_AES_BLOCK_BYTES);
}

void dr_rom_aes256_ctr(
    const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t counter[DR_AES_BLOCK_BYTES],
    const uint8_t *in, uint8_t *out, size_t size_bytes)
{
    struct cipher cipher;
    uint8_t block[DR_AES_BLOCK_BYTES];
    uint32_t stream[COLUMNS];
    make_table(cipher.mix);
    expand_key(&cipher, key);
    memcpy(block, counter, sizeof block);
    for (size_t i = 0; i < size_bytes; i++) {
        if (i % sizeof block == 0) {
            encrypt(&cipher, block, stream);
            for (size_t at = sizeof block; at > 0 && ++block[at - 1u] == 0; at--) { /* carry */
            }
        }
        out[i] = (uint8_t)(in[i] ^ ((const uint8_t *)stream)[i % sizeof block]);
    }
    dr_wipe(cipher.schedule, sizeof cipher.schedule);
    dr_wipe(stream, sizeof stream);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* How a firmware opens the element: each opening has a seed of its own, which depends on what the
 * element says and on the secret. */
#include "device/anchor/anchor.h"
#include "device/anchor/keys.h"
#include "sim/anchor_mem.h"
#include "tests/unit/check.h"

static struct dr_sim_power power;
static struct dr_anchor_mem mem;
static struct dr_anchor_port port;
static struct dr_anchor anchor;
static uint8_t key[DR_SHA256_BYTES];

/* A locked element whose boot ROM has latched the normal mode. */
static void make_element(uint64_t seed)
{
    static const uint8_t nothing[DR_SHA256_BYTES];
    struct dr_anchor rom;
    dr_sim_power_init(&power, seed);
    dr_anchor_mem_init(&mem, &dr_crypto_openssl, &power, seed);
    port = dr_anchor_mem_port(&mem);
    dr_key_derive(&dr_crypto_openssl, mem.secret, DR_LABEL_ANCHOR_ROM, key);
    dr_anchor_init(&rom, &dr_crypto_openssl, &port, DR_ANCHOR_KEY_ROM, key, nothing);
    EXPECT_EQ(dr_anchor_provision(&rom), DR_OK);
    EXPECT_EQ(dr_anchor_pin_factory(&rom, nothing), DR_OK);
    EXPECT_EQ(dr_anchor_lock(&rom), DR_OK);
    EXPECT_EQ(dr_anchor_latch(&rom, DR_ANCHOR_MODE_NORMAL), DR_OK);
    dr_key_derive(&dr_crypto_openssl, mem.secret, DR_LABEL_ANCHOR_FW, key);
}

static enum dr_status open_with(const uint8_t *with_key, uint8_t secret_byte, uint8_t *ret_seed)
{
    const uint8_t secret[DR_SHA256_BYTES] = {secret_byte};
    return dr_anchor_open(&anchor, &dr_crypto_openssl, &port, with_key, secret, ret_seed);
}

static void with_and_without_the_key(void)
{
    struct dr_anchor_status status;
    uint8_t seed[DR_SHA256_BYTES];
    make_element(1);
    EXPECT_EQ(open_with(key, 7, seed), DR_OK);
    EXPECT_EQ(anchor.key_id, DR_ANCHOR_KEY_FW);
    EXPECT(memcmp(anchor.seed, seed, sizeof seed) == 0);
    EXPECT_EQ(dr_anchor_status(&anchor, &status), DR_OK);
    key[0] ^= 1u;
    EXPECT_EQ(open_with(key, 7, seed), DR_OK); /* shows with the first answer that needs it */
    EXPECT_EQ(dr_anchor_status(&anchor, &status), DR_E_AUTH);
    EXPECT_EQ(open_with(NULL, 7, seed), DR_OK);
    EXPECT_EQ(anchor.key_id, DR_ANCHOR_KEY_NONE);
    mem.silent = 1;
    EXPECT_EQ(open_with(key, 7, seed), DR_E_TIMEOUT);
    EXPECT_EQ(anchor.key_id, DR_ANCHOR_KEY_NONE);
}

static void no_seed_twice(void)
{
    uint8_t seeds[3][DR_SHA256_BYTES];
    make_element(2);
    EXPECT_EQ(open_with(key, 7, seeds[0]), DR_OK);
    EXPECT_EQ(open_with(key, 7, seeds[1]), DR_OK); /* the element has said something else */
    EXPECT(memcmp(seeds[0], seeds[1], sizeof seeds[0]) != 0);
    make_element(2);
    EXPECT_EQ(open_with(key, 7, seeds[1]), DR_OK);
    EXPECT(memcmp(seeds[0], seeds[1], sizeof seeds[0]) == 0); /* the same element, the same word */
    make_element(2);
    EXPECT_EQ(open_with(key, 8, seeds[2]), DR_OK); /* and another secret */
    EXPECT(memcmp(seeds[0], seeds[2], sizeof seeds[0]) != 0);
}

DR_TEST_MAIN(with_and_without_the_key, no_seed_twice)

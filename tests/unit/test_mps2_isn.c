/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* First sequence numbers of the Cortex-M3 board's TCP connections (RFC 6528). */
#include "boards/mps2_an385/port/isn.c"
#include "tests/unit/check.h"

static const uint8_t secret[DR_SHA256_BYTES] = {7, 6, 5};
static const struct dr_tcp_ends ends = {0x0f02000a, 0x0202000a, 50000, 8883};

static uint32_t isn(const struct dr_tcp_ends *of, uint32_t now_ms)
{
    return dr_tcp_isn(&dr_crypto_openssl, secret, of, now_ms);
}

/* The same two ends: 250 steps a millisecond, also where the counters wrap. */
static void test_clock(void)
{
    uint32_t first = isn(&ends, 0);
    EXPECT_EQ(isn(&ends, 0), first);
    EXPECT_EQ((uint32_t)(isn(&ends, 1) - first), 250);
    EXPECT_EQ((uint32_t)(isn(&ends, 60000) - first), 15000000);
    EXPECT_EQ((uint32_t)(isn(&ends, 0) - isn(&ends, UINT32_MAX)), 250);
}

/* Every part of the two ends, and the secret, moves it; what two numbers are apart says nothing. */
static void test_ends(void)
{
    struct dr_tcp_ends others[4] = {ends, ends, ends, ends};
    uint32_t seen[4];
    others[0].local++;
    others[1].remote++;
    others[2].local_port++;
    others[3].remote_port++;
    for (size_t i = 0; i < DR_ARRAY_COUNT(others); i++) {
        seen[i] = isn(&others[i], 0) - isn(&ends, 0);
        EXPECT(seen[i] > 1000000u && seen[i] < UINT32_MAX - 1000000u);
        for (size_t k = 0; k < i; k++) {
            EXPECT(seen[k] != seen[i]);
        }
    }
    const uint8_t another[DR_SHA256_BYTES] = {7, 6, 4};
    EXPECT(dr_tcp_isn(&dr_crypto_openssl, another, &ends, 0) != isn(&ends, 0));
}

/* A thousand connections one after the other from neighbouring ports: the upper bits are spread. */
static void test_spread(void)
{
    uint32_t count[16] = {0};
    for (uint32_t i = 0; i < 1600; i++) {
        struct dr_tcp_ends next = ends;
        next.local_port = (uint16_t)(ends.local_port + i);
        count[isn(&next, i) >> 28]++;
    }
    for (size_t i = 0; i < DR_ARRAY_COUNT(count); i++) {
        EXPECT(count[i] > 50 && count[i] < 200);
    }
}

DR_TEST_MAIN(test_clock, test_ends, test_spread)

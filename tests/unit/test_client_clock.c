/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the service's word about the time can do to the certificate floor. */
#include "device/client/client_priv.h"
#include "tests/unit/check.h"

#define BUILD_S 1000000u
#define DAY_MS 86400000u

static uint64_t now_ms;
static struct dr_boot_info info;
static struct dr_client client;

static uint64_t tell_now(void *context)
{
    (void)context;
    return now_ms;
}

/* Without a vault: nothing is kept, which is not asked here. */
static void begin(void)
{
    memset(&client, 0, sizeof client);
    memset(&info, 0, sizeof info);
    info.mode = DR_MODE_NORMAL;
    client.config.info = &info;
    client.config.build_s = BUILD_S;
    client.config.board.now_ms = tell_now;
    now_ms = 1000;
}

static void later_is_believed(void)
{
    begin();
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S);
    dr_client_clock_tell(&client, BUILD_S + 50u);
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S + 50u);
    EXPECT_EQ(client.clock.told_s, BUILD_S + 50u);
    EXPECT_EQ(client.clock.told_ms, now_ms);
}

static void time_does_not_go_back(void)
{
    begin();
    dr_client_clock_tell(&client, BUILD_S + 50u);
    dr_client_clock_tell(&client, 1);
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S + 50u);
    EXPECT_EQ(client.clock.told_s, BUILD_S + 50u);
    begin();
    dr_client_clock_tell(&client, 1);
    EXPECT_EQ(client.clock.told_s, BUILD_S);
}

/* The same certificate passes whatever was said through it. */
static void no_later_than_the_certificate(void)
{
    begin();
    client.clock.until_s = BUILD_S + 1000u;
    dr_client_clock_tell(&client, UINT64_MAX);
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S + 999u);
    EXPECT_EQ(client.clock.told_s, BUILD_S + 999u);
    dr_client_clock_tell(&client, BUILD_S + 1000u);
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S + 999u);
}

/* A floor that nobody has confirmed for a day is not used, and not used again once time is told. */
static void a_doubted_floor_gives_way(void)
{
    begin();
    dr_client_clock_tell(&client, BUILD_S + 1000000000u);
    now_ms += DAY_MS - 1u;
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S + 1000000000u);
    now_ms += 1u;
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S);
    dr_client_clock_tell(&client, BUILD_S + 70u);
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S + 70u);
    EXPECT_EQ(client.clock.told_s, BUILD_S + 70u);
    now_ms += 5000u;
    EXPECT_EQ(dr_client_floor_s(&client), BUILD_S + 70u);
}

DR_TEST_MAIN(
    later_is_believed, time_does_not_go_back, no_later_than_the_certificate,
    a_doubted_floor_gives_way)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Intervals of the Cortex-M3 firmware's application: smallest, largest, and the ninety-ninth. */
#include "boards/mps2_an385/firmware/pace.c"
#include "tests/unit/check.h"

static struct dr_pace pace;

static void begin(uint32_t now_ms)
{
    memset(&pace, 0, sizeof pace);
    dr_pace_note(&pace, now_ms);
}

static void nothing_seen(void)
{
    memset(&pace, 0, sizeof pace);
    EXPECT_EQ(dr_pace_p99_ms(&pace), 0);
    begin(5000);
    EXPECT_EQ(pace.count, 0); /* one event is no interval yet */
    EXPECT_EQ(dr_pace_p99_ms(&pace), 0);
}

static void one_of_a_hundred_may_be_longer(void)
{
    uint32_t now_ms = 1000;
    begin(now_ms);
    for (uint32_t i = 0; i < 99; i++) {
        now_ms += 250;
        dr_pace_note(&pace, now_ms);
    }
    now_ms += 400;
    dr_pace_note(&pace, now_ms);
    EXPECT_EQ(pace.count, 100);
    EXPECT_EQ(pace.min_ms, 250);
    EXPECT_EQ(pace.max_ms, 400);
    EXPECT_EQ(dr_pace_p99_ms(&pace), 259); /* up to the end of its place */
    now_ms += 500;
    dr_pace_note(&pace, now_ms); /* two of 101 */
    EXPECT_EQ(dr_pace_p99_ms(&pace), 409);
}

static void few_intervals_hide_nothing(void)
{
    begin(0);
    dr_pace_note(&pace, 100);
    dr_pace_note(&pace, 1000);
    EXPECT_EQ(dr_pace_p99_ms(&pace), 900); /* longer than all places: the largest */
}

static void a_restart_keeps_the_last_event(void)
{
    begin(1000);
    dr_pace_note(&pace, 1700);
    dr_pace_restart(&pace);
    EXPECT_EQ(pace.count, 0);
    EXPECT_EQ(pace.max_ms, 0);
    dr_pace_note(&pace, 1950);
    EXPECT_EQ(pace.count, 1);
    EXPECT_EQ(pace.min_ms, 250);
    EXPECT_EQ(pace.max_ms, 250);
}

static void the_clock_may_wrap(void)
{
    begin(UINT32_MAX - 99u);
    dr_pace_note(&pace, 150);
    EXPECT_EQ(pace.max_ms, 250);
}

DR_TEST_MAIN(
    nothing_seen, one_of_a_hundred_may_be_longer, few_intervals_hide_nothing,
    a_restart_keeps_the_last_event, the_clock_may_wrap)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/window.h"
#include "tests/unit/check.h"

static struct dr_window window;

static uint32_t count_bits(const struct dr_block_range *range)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < DR_WINDOW_SPAN; i++) {
        count += range->bits >> i & 1u;
    }
    return count;
}

/* Everything that range names arrives. */
static void deliver(const struct dr_block_range *range, uint32_t now_ms)
{
    for (uint32_t i = 0; i < DR_WINDOW_SPAN; i++) {
        if ((range->bits >> i & 1u) != 0) {
            dr_window_got(&window, range->first + i, now_ms);
        }
    }
}

static void test_bounds(void)
{
    EXPECT(!dr_window_init(&window, 0, 4096, 65536));
    EXPECT(!dr_window_init(&window, 4096u * DR_WINDOW_BLOCKS_MAX + 1u, 4096, 65536));
    EXPECT(dr_window_init(&window, 4096u * DR_WINDOW_BLOCKS_MAX, 4096, 65536));
    EXPECT(dr_window_init(&window, UINT32_MAX, 1u << 20, 1));
    EXPECT_EQ(window.limit_max, 1);
}

static void test_sizes(void)
{
    REQUIRE(dr_window_init(&window, 10000, 4096, 65536));
    dr_window_want_all(&window, NULL);
    EXPECT_EQ(window.missing_count, 3);
    EXPECT(dr_window_wants(&window, 0, 4096));
    EXPECT(!dr_window_wants(&window, 0, 4095));
    EXPECT(dr_window_wants(&window, 2, 10000 - 8192));
    EXPECT(!dr_window_wants(&window, 2, 4096));
    EXPECT(!dr_window_wants(&window, 3, 4096));
    EXPECT(!dr_window_wants(&window, UINT32_MAX, 4096));
    dr_window_got(&window, 1, 5);
    EXPECT(!dr_window_wants(&window, 1, 4096));
    dr_window_got(&window, 1, 5); /* twice does nothing */
    EXPECT_EQ(window.missing_count, 2);
}

/* Never more in flight than the limit, never a block in two requests, all of them in the end. */
static void test_everything_once(void)
{
    static uint8_t asked[DR_WINDOW_BLOCKS_MAX];
    struct dr_block_range ranges[64];
    uint32_t now_ms = 0;
    memset(asked, 0, sizeof(asked));
    REQUIRE(dr_window_init(&window, 1000u * 1024u, 1024, 65536));
    dr_window_want_all(&window, NULL);
    uint32_t top = 0;
    while (window.missing_count > 0 && now_ms < 100000) {
        size_t count = 0;
        now_ms += 10;
        while (count < 64 && dr_window_next(&window, now_ms, &ranges[count])) {
            EXPECT(ranges[count].bits != 0);
            EXPECT(count_bits(&ranges[count]) * 1024u <= DR_WINDOW_REQUEST_BYTES_MAX);
            for (uint32_t i = 0; i < DR_WINDOW_SPAN; i++) {
                if ((ranges[count].bits >> i & 1u) != 0) {
                    EXPECT_EQ(asked[ranges[count].first + i]++, 0);
                }
            }
            count++;
        }
        EXPECT(window.flying <= window.limit);
        EXPECT(window.limit <= window.limit_max);
        top = window.flying > top ? window.flying : top;
        for (size_t i = 0; i < count; i++) {
            deliver(&ranges[i], now_ms + 5);
        }
    }
    EXPECT_EQ(window.missing_count, 0);
    EXPECT_EQ(window.flying, 0);
    EXPECT_EQ(top, 64); /* it grew to what was allowed */
    EXPECT(!dr_window_next(&window, now_ms + 100000, &ranges[0]));
}

static void test_kept_blocks_are_not_asked_for(void)
{
    uint8_t kept[16] = {0xff, 0x0f};
    struct dr_block_range range;
    REQUIRE(dr_window_init(&window, 100u * 1024u, 1024, 65536));
    dr_window_want_all(&window, kept);
    EXPECT_EQ(window.missing_count, 88);
    REQUIRE(dr_window_next(&window, 1, &range));
    EXPECT_EQ(range.first, 12);
}

/* A request whose successor was answered in full is asked for again at once, holes only. */
static void test_overtaken(void)
{
    struct dr_block_range first;
    struct dr_block_range second;
    struct dr_block_range again;
    REQUIRE(dr_window_init(&window, 100u * 1024u, 1024, 65536));
    dr_window_want_all(&window, NULL);
    window.limit = 14;
    REQUIRE(dr_window_next(&window, 1, &first));
    EXPECT_EQ(count_bits(&first), 7); /* half of a small window */
    dr_window_forget(&window);
    window.limit = 32;
    REQUIRE(dr_window_next(&window, 1, &first));
    REQUIRE(dr_window_next(&window, 1, &second));
    EXPECT_EQ(count_bits(&first), 8); /* a quarter of a large one */
    dr_window_got(&window, first.first, 20);
    dr_window_got(&window, first.first + 2, 20);
    deliver(&second, 21);
    REQUIRE(dr_window_next(&window, 21, &again));
    EXPECT_EQ(again.first, first.first);
    EXPECT_EQ(again.bits, 0xfau);
    EXPECT(window.limit < 32);
}

/* Silence: one request is tried again, later and later; its answer brings the others. */
static void test_silence(void)
{
    struct dr_block_range range;
    uint32_t repeats = 0;
    REQUIRE(dr_window_init(&window, 100u * 1024u, 1024, 65536));
    dr_window_want_all(&window, NULL);
    while (dr_window_next(&window, 1, &range)) {
    }
    uint32_t flying = window.flying;
    EXPECT(flying > 1);
    for (uint32_t now_ms = 2; now_ms < 60000; now_ms++) {
        repeats += dr_window_next(&window, now_ms, &range);
    }
    EXPECT(repeats >= 5);
    EXPECT(repeats <= 12);
    EXPECT_EQ(window.flying, flying);
    deliver(&range, 60000);
    uint32_t more = 0;
    while (dr_window_next(&window, 60000, &range)) {
        more++;
    }
    EXPECT(more >= 1);
}

/* The timer follows the measured round trip. */
static void test_round_trip(void)
{
    struct dr_block_range range;
    REQUIRE(dr_window_init(&window, 4000u * 1024u, 1024, 4096));
    dr_window_want_all(&window, NULL);
    uint32_t now_ms = 0;
    for (int i = 0; i < 50; i++) {
        REQUIRE(dr_window_next(&window, now_ms, &range));
        now_ms += 100;
        deliver(&range, now_ms);
    }
    EXPECT(window.srtt_ms > 80 && window.srtt_ms < 120);
    EXPECT(window.rto_ms >= 300 && window.rto_ms < 600);
    for (int i = 0; i < 50; i++) {
        REQUIRE(dr_window_next(&window, now_ms, &range));
        now_ms += 2000;
        deliver(&range, now_ms);
    }
    EXPECT(window.rto_ms > 2000);
}

static void test_forget(void)
{
    struct dr_block_range range;
    REQUIRE(dr_window_init(&window, 100u * 1024u, 1024, 65536));
    dr_window_want_all(&window, NULL);
    REQUIRE(dr_window_next(&window, 1, &range));
    dr_window_forget(&window);
    EXPECT_EQ(window.flying, 0);
    REQUIRE(dr_window_next(&window, 2, &range));
    EXPECT_EQ(range.first, 0);
}

/* Another bound under way: smaller at once, never nothing. */
static void test_new_bound(void)
{
    struct dr_block_range range;
    REQUIRE(dr_window_init(&window, 100u * 1024u, 1024, 65536));
    dr_window_want_all(&window, NULL);
    dr_window_bound(&window, 8192);
    uint32_t flying = 0;
    while (dr_window_next(&window, 1, &range)) {
        flying += count_bits(&range);
    }
    EXPECT_EQ(flying, 8);
    dr_window_forget(&window);
    dr_window_bound(&window, 1023);
    REQUIRE(dr_window_next(&window, 2, &range));
    EXPECT_EQ(count_bits(&range), 1);
    EXPECT(!dr_window_next(&window, 2, &range));
}

/* What is not there is not wanted, cannot come, and nothing is wanted twice. */
static void test_outside(void)
{
    REQUIRE(dr_window_init(&window, 10000, 4096, 65536));
    dr_window_want(&window, 1);
    dr_window_want(&window, 1);
    dr_window_want(&window, 3);
    dr_window_want(&window, UINT32_MAX);
    EXPECT_EQ(window.missing_count, 1);
    dr_window_got(&window, 3, 1);
    dr_window_got(&window, UINT32_MAX, 1);
    EXPECT_EQ(window.missing_count, 1);
}

/* One request never asks for more bytes than it may, however wide the window. */
static void test_request_bytes(void)
{
    struct dr_block_range range;
    REQUIRE(dr_window_init(&window, 64u << 16, 1u << 16, 64u << 16));
    dr_window_want_all(&window, NULL);
    REQUIRE(dr_window_next(&window, 1, &range));
    EXPECT_EQ(count_bits(&range), DR_WINDOW_REQUEST_BYTES_MAX >> 16);
}

/* A line: the first answer after delay_ms, one block each_ms, handed over in bursts; once a pause.
 * What a download over it asks for twice, and how long the last block is behind the one before. */
struct line {
    uint32_t block_count;
    uint32_t delay_ms;
    uint32_t each_ms;
    uint32_t burst;
    uint32_t pause_ms; /* before the last block but one */
    bool lost;         /* the first copy of the last block */
};

struct outcome {
    uint32_t twice;
    uint32_t last_ms;
};

static struct outcome download(struct line line)
{
    static uint32_t due_ms[1024]; /* by block; 0: nothing under way */
    static bool asked[1024];
    struct outcome outcome = {0};
    struct dr_block_range range;
    uint32_t free_ms = 0;
    uint32_t last_ms = 0;
    memset(due_ms, 0, sizeof(due_ms));
    memset(asked, 0, sizeof(asked));
    EXPECT(dr_window_init(&window, line.block_count * 4096u, 4096, 65536));
    dr_window_want_all(&window, NULL);
    for (uint32_t now_ms = 1; window.missing_count > 0 && now_ms < 1000000u; now_ms++) {
        bool came = false;
        for (uint32_t i = 0; i < line.block_count; i++) {
            if (due_ms[i] == now_ms) {
                dr_window_got(&window, i, now_ms);
                last_ms = i + 1u < line.block_count ? now_ms : last_ms;
                outcome.last_ms = now_ms - last_ms;
                came = true;
            }
        }
        while ((came || now_ms % DR_WINDOW_TICK_MS == 1u) &&
               dr_window_next(&window, now_ms, &range)) {
            for (uint32_t i = range.first; i < line.block_count && i - range.first < DR_WINDOW_SPAN;
                 i++) {
                if ((range.bits >> (i - range.first) & 1u) == 0) {
                    continue;
                }
                outcome.twice += asked[i];
                bool lost = line.lost && i + 1u == line.block_count && !asked[i];
                asked[i] = true;
                if (lost) {
                    continue;
                }
                free_ms = now_ms + line.delay_ms > free_ms ? now_ms + line.delay_ms : free_ms;
                free_ms += line.each_ms + (i + 2u == line.block_count ? line.pause_ms : 0);
                uint32_t span_ms = line.each_ms * line.burst;
                due_ms[i] = (free_ms + span_ms - 1u) / span_ms * span_ms;
            }
        }
    }
    EXPECT_EQ(window.missing_count, 0);
    return outcome;
}

/* Nothing that a slow line still brings is asked for twice, at the end of the file neither, where
 * no later answer shows that a block is lost. The price is that the timer decides there. */
static void test_tail(void)
{
    static const struct line slow[] = {
        {100, 100, 300, 1, 0, false}, {100, 20, 300, 1, 0, false},  {100, 20, 300, 4, 0, false},
        {97, 20, 300, 4, 0, false},   {3, 20, 300, 1, 0, false},    {3, 20, 300, 4, 0, false},
        {245, 5, 2, 1, 250, false},   {100, 20, 50, 1, 600, false},
    };
    static const struct line lossy[] = {
        {244, 10, 1, 1, 0, true}, {245, 10, 1, 1, 0, true}, {244, 100, 1, 1, 0, true}};
    for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
        EXPECT_EQ(download(slow[i]).twice, 0);
    }
    for (size_t i = 0; i < sizeof(lossy) / sizeof(lossy[0]); i++) {
        struct outcome outcome = download(lossy[i]);
        EXPECT_EQ(outcome.twice, 1);
        EXPECT(outcome.last_ms <= 2u * lossy[i].delay_ms + 300u + 100u + lossy[i].delay_ms + 50u);
    }
}

DR_TEST_MAIN(
    test_new_bound, test_outside, test_request_bytes, test_bounds, test_sizes, test_everything_once,
    test_kept_blocks_are_not_asked_for, test_overtaken, test_silence, test_round_trip, test_forget,
    test_tail)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* How often one client may ask. */
#include "cloud/gate/pace.h"
#include "tests/unit/check.h"

static unsigned take(struct dr_pace *pace, uint64_t now_ms, bool blocks, size_t bytes)
{
    unsigned taken = 0;
    while (taken < 1000000 && dr_pace_take(pace, 100, now_ms, blocks, bytes)) {
        taken++;
    }
    return taken;
}

static void a_burst_then_the_rate(void)
{
    struct dr_pace pace = {0};
    EXPECT_EQ(take(&pace, 5, false, 0), 1000);
    EXPECT_EQ(take(&pace, 5, false, 0), 0);
    EXPECT_EQ(take(&pace, 14, false, 0), 0);
    EXPECT_EQ(take(&pace, 15, false, 0), 1);
    EXPECT_EQ(take(&pace, 1015, false, 0), 100);
    EXPECT_EQ(take(&pace, 100000000, false, 0), 1000); /* no more, however long it was quiet */
}

static void what_a_message_counts(void)
{
    struct dr_pace blocks = {0};
    EXPECT_EQ(take(&blocks, 5, true, 0), 20000);
    struct dr_pace large = {0};
    EXPECT_EQ(take(&large, 5, false, 131072), 1000 / 33);
    struct dr_pace disguised = {0}; /* a large one is not cheap because of its topic */
    EXPECT_EQ(take(&disguised, 5, true, 131072), 1000 / 32);
}

static void without_a_bound(void)
{
    struct dr_pace pace = {0};
    for (unsigned i = 0; i < 100000; i++) {
        EXPECT(dr_pace_take(&pace, 0, 5, false, 131072));
    }
    EXPECT_EQ(pace.full_us, 0);
}

DR_TEST_MAIN(a_burst_then_the_rate, what_a_message_counts, without_a_bound)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The outbox, the gate's numbers, the bounded timeline. */
#include "cloud/store/outbox.h"
#include "tests/unit/lingering.h"
#include "tests/unit/store_rig.h"

static unsigned ready_calls;

static void on_ready(void *context)
{
    (void)context;
    ready_calls++;
}

static enum dr_status run_outbox(void *context, struct dr_db *db)
{
    struct dr_outbox_row row = {
        .kind = DR_OUTBOX_TO_CONNECTION,
        .qos = 1,
        .thing = "doll",
        .topic = context,
        .payload = (const uint8_t *)"{}",
        .payload_size = 2,
        .client_id = "doll",
        .session = 0xfedcba9876543210u};
    return dr_outbox_add(db, &row, 5);
}

static uint64_t seen_ids[8];
static size_t seen_count;

static bool see_row(void *context, const struct dr_outbox_row *row)
{
    (void)context;
    seen_ids[seen_count++] = row->id;
    EXPECT(row->session == 0xfedcba9876543210u);
    EXPECT_EQ(row->payload_size, 2);
    EXPECT_STR(row->thing, "doll");
    return seen_count < 8;
}

static void outbox_keeps_order_and_never_reuses_ids(void)
{
    static char topic[] = "t/accepted";
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    ready_calls = 0;
    dr_store_on_outbox(store, on_ready, NULL);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(dr_store_write(store, run_outbox, topic), DR_OK);
    }
    EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    dr_store_on_outbox(store, NULL, NULL);
    EXPECT_EQ(ready_calls, 3); /* not for the commit that added none */
    seen_count = 0;
    EXPECT_EQ(dr_outbox_fetch(store, 0, 2, see_row, NULL), DR_OK);
    EXPECT_EQ(seen_count, 2);
    EXPECT_EQ(dr_outbox_fetch(store, seen_ids[1], 10, see_row, NULL), DR_OK);
    EXPECT_EQ(seen_count, 3);
    EXPECT(seen_ids[0] < seen_ids[1] && seen_ids[1] < seen_ids[2]);
    EXPECT_EQ(dr_outbox_published(store, seen_ids, 3), DR_OK);
    EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    uint64_t last = seen_ids[2];
    dr_store_close(store);
    REQUIRE(open_store(0) == DR_OK);
    seen_count = 0;
    EXPECT_EQ(dr_outbox_fetch(store, 0, 10, see_row, NULL), DR_OK);
    EXPECT_EQ(seen_count, 0);
    EXPECT_EQ(dr_store_write(store, run_outbox, topic), DR_OK);
    EXPECT_EQ(dr_outbox_fetch(store, 0, 10, see_row, NULL), DR_OK);
    EXPECT_EQ(seen_count, 1);
    EXPECT(seen_ids[0] > last);
    dr_store_close(store);
    end();
}

struct mark {
    uint64_t boot;
    uint64_t number;
    uint64_t previous;
};

static enum dr_status run_mark(void *context, struct dr_db *db)
{
    const struct mark *mark = context;
    return dr_gate_mark(db, mark->boot, mark->number, mark->previous, 1);
}

static enum dr_status mark(uint64_t boot, uint64_t number, uint64_t previous)
{
    struct mark one = {boot, number, previous};
    return dr_store_write(store, run_mark, &one);
}

static void gate_numbers(void)
{
    uint64_t last = 0;
    uint64_t boot = 0xf000000000000001u;
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(dr_gate_last(store, boot, &last), DR_OK);
    EXPECT_EQ(last, 0);
    EXPECT_EQ(mark(boot, 5, 0), DR_OK); /* the oldest of the ring */
    EXPECT_EQ(mark(boot, 5, 0), DR_E_EXISTS);
    EXPECT_EQ(mark(boot, 4, 0), DR_E_EXISTS);
    EXPECT_EQ(mark(boot, 8, 5), DR_OK);       /* 6 and 7 were reads */
    EXPECT_EQ(mark(boot, 10, 9), DR_E_STATE); /* 9 failed: 10 must not overtake it */
    EXPECT_EQ(mark(boot, 9, 0), DR_OK);       /* sent again */
    EXPECT_EQ(mark(boot, 10, 9), DR_OK);
    EXPECT_EQ(mark(2, 1, 0), DR_OK); /* another boot begins anew */
    EXPECT_EQ(dr_gate_last(store, boot, &last), DR_OK);
    EXPECT_EQ(last, 10);
    for (uint64_t other = 10; other < 40; other++) {
        EXPECT_EQ(mark(other, 1, 0), DR_OK);
    }
    dr_store_close(store);
    end();
}

struct story {
    int64_t count;
};

static enum dr_status run_story(void *context, struct dr_db *db)
{
    struct story *story = context;
    for (int i = 0; i < 3 * (int)DR_TIMELINE_PER_THING; i++) {
        DR_TRY(dr_timeline_add(db, "doll", i, "report", "{}"));
    }
    DR_TRY(dr_timeline_add(db, "other", 1, "report", "{}"));
    return dr_db_int(
        db, "SELECT count(*) FROM timeline WHERE thing = 'doll'", DR_NO_VALUES, &story->count);
}

static void timeline_is_bounded(void)
{
    struct story story = {0};
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(dr_store_write(store, run_story, &story), DR_OK);
    EXPECT_EQ(story.count, DR_TIMELINE_PER_THING);
    dr_store_close(store);
    end();
}

static void on_ready_lingering(void *context)
{
    linger(context);
}

static void nobody_is_told_after_the_end(void)
{
    static char topic[] = "t/accepted";
    static struct lingering lingering;
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    dr_store_on_outbox(store, on_ready_lingering, &lingering);
    EXPECT_EQ(dr_store_write(store, run_outbox, topic), DR_OK);
    EXPECT(lingers(&lingering));
    dr_store_on_outbox(store, NULL, NULL);
    atomic_store(&lingering.freed, true);
    dr_store_close(store); /* joins the writer */
    EXPECT(!atomic_load(&lingering.outlived));
    end();
}

DR_TEST_MAIN(
    outbox_keeps_order_and_never_reuses_ids, nobody_is_told_after_the_end, gate_numbers,
    timeline_is_bounded)

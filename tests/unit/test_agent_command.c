/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Signed commands in the agent: obeyed once, by the job that brought them, while it can be done. */
#include "device/agent/command.h"
#include "tests/unit/agent_world.h"

static struct world w;

/* An image that is confirmed and not sealed, and a job that commands to leave `digest`. */
static void to_command(enum dr_agent_image image, uint8_t digest)
{
    world_init(&w, 100000);
    memset(w.previous, 0x22, sizeof(w.previous));
    w.facts.image = image;
    w.facts.may_install = image == DR_RUNS_SEALED;
    w.facts.obey = dr_agent_obey;
    w.job.command = 2;
    w.job.has_digest = false;
    memset(w.job.ref.digest, digest, sizeof(w.job.ref.digest));
    world_boot(&w);
    world_self_test(&w, true, NULL);
}

static void test_obeyed(void)
{
    to_command(DR_RUNS_CONFIRMED, 0x11);
    REQUIRE(world_run(&w, 60));
    EXPECT_EQ(w.reverted, DR_REASON_COMMAND);
    EXPECT_EQ(w.reset_reason, DR_REASON_COMMAND);
    EXPECT_EQ(w.status, IN_PROGRESS); /* ours before anything happened */
    EXPECT_EQ(w.blocks_sent, 0);
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, SUCCEEDED);
    EXPECT_EQ(w.told_reason, DR_REASON_NONE);

    /* The same command in another job: what it names is gone. */
    strcpy(w.job.ref.id, "again");
    w.status = QUEUED;
    struct dr_agent_event notified = {.kind = DR_EVENT_NOTIFIED};
    world_event(&w, &notified);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, REJECTED);
    EXPECT_EQ(w.told_reason, DR_REASON_COMMAND_TARGET);
}

static void test_refused(void)
{
    to_command(DR_RUNS_SEALED, 0x11);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, REJECTED);
    EXPECT_EQ(w.told_reason, DR_REASON_SEALED);

    to_command(DR_RUNS_CONFIRMED, 0x33);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, REJECTED);
    EXPECT_EQ(w.told_reason, DR_REASON_COMMAND_TARGET);
    EXPECT_EQ(w.reverted, DR_REASON_NONE);

    /* What the client found wrong with it, or a product without commands. */
    to_command(DR_RUNS_CONFIRMED, 0x11);
    w.job.fault = DR_REASON_COMMAND_SIGNATURE;
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, REJECTED);
    EXPECT_EQ(w.told_reason, DR_REASON_COMMAND_SIGNATURE);
    EXPECT_EQ(w.reverted, DR_REASON_NONE);
}

/* A service that never makes the job ours is asked again, not obeyed and not flooded. */
static void test_never_ours(void)
{
    to_command(DR_RUNS_CONFIRMED, 0x11);
    for (uint64_t end_ms = w.now_ms + 60000; world_turn_until(&w, end_ms);) {
        w.status = QUEUED;
    }
    EXPECT_EQ(w.reverted, DR_REASON_NONE);
    EXPECT(w.asked < 150);
    EXPECT(w.asked > 2);
}

DR_TEST_MAIN(test_obeyed, test_refused, test_never_ours)

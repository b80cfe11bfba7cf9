/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The agent fetching a job: networks, repeats, refusals, cuts (agent_world.h). */
#include "tests/unit/agent_world.h"

static struct world w;

static const char *state(void)
{
    return dr_agent_state_name(w.agent.state);
}

static void test_small_files(void)
{
    static const uint32_t sizes[] = {1, 255, 4095, 4096, 4097, 8191, 8192, 8193, 12289};
    for (size_t i = 0; i < DR_ARRAY_COUNT(sizes); i++) {
        world_init(&w, sizes[i]);
        world_boot(&w);
        EXPECT(world_run(&w, 600));
        EXPECT_EQ(w.writes, (sizes[i] + 4095u) / 4096u);
    }
}

/* Anything the service says may be lost, and blocks may come twice. */
static void test_loss_and_repeats(void)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        world_init(&w, 400000);
        w.random = seed;
        w.loss_percent = 20;
        w.repeat_percent = 20;
        world_boot(&w);
        EXPECT(world_run(&w, 3600));
        EXPECT_EQ(w.writes, 98);
        EXPECT_EQ(w.opens, 1);
        world_boot(&w);
        world_self_test(&w, true, NULL);
        EXPECT(!world_run(&w, 1800));
        EXPECT(w.confirmed);
        EXPECT_EQ(w.status, SUCCEEDED);
    }
}

/* A quiet network: one request per block, nothing asked for twice; a slow one as well. */
static void test_nothing_twice(void)
{
    static const uint32_t delays[] = {0, 1, 20, 200, 1500};
    for (size_t i = 0; i < DR_ARRAY_COUNT(delays); i++) {
        world_init(&w, 1000000);
        w.delay_ms = delays[i];
        world_boot(&w);
        EXPECT(world_run(&w, 600));
        EXPECT_EQ(w.writes, 245);
        EXPECT_EQ(w.blocks_sent, 245 + 3); /* and head and tail */
    }
}

/* The window follows a delay that grows in mid-download: no storm of repeats. */
static void test_delay_changes(void)
{
    world_init(&w, 2000000);
    world_boot(&w);
    while (w.writes < 100) {
        world_turn(&w);
    }
    w.delay_ms = 900;
    EXPECT(world_run(&w, 600));
    EXPECT_EQ(w.writes, 489);
    EXPECT(w.blocks_sent < 489 + 100);
}

static void test_power_cut_resumes(void)
{
    world_init(&w, 1000000);
    world_boot(&w);
    while (w.writes < 98) {
        world_turn(&w);
    }
    world_boot(&w); /* nothing said goodbye */
    uint32_t before = w.blocks_sent;
    EXPECT(world_run(&w, 600));
    EXPECT_EQ(w.writes, 245);
    EXPECT_EQ(w.blocks_sent - before, 245 - 98 + 3);
    EXPECT_EQ(w.fresh_opens, 0);
}

/* The connection goes and comes: what is there stays, head and tail are not fetched again. */
static void test_connection_lost(void)
{
    struct dr_agent_event down = {.kind = DR_EVENT_LINK_DOWN};
    world_init(&w, 1000000);
    world_boot(&w);
    while (w.writes < 50) {
        world_turn(&w);
    }
    memset(w.mail, 0, sizeof(w.mail));
    world_event(&w, &down);
    EXPECT_STR(state(), "OFFLINE");
    EXPECT(world_run(&w, 600));
    EXPECT_EQ(w.writes, 245);
    EXPECT_EQ(w.admits, 1);
    EXPECT_EQ(w.opens, 1);
}

/* A repeated notification, and a repeated offer of the same job, change nothing. */
static void test_notified_again(void)
{
    struct dr_agent_event notified = {.kind = DR_EVENT_NOTIFIED};
    world_init(&w, 1000000);
    world_boot(&w);
    for (uint32_t i = 0; i < 20; i++) {
        while (w.writes < 10 * (i + 1)) {
            world_turn(&w);
        }
        world_event(&w, &notified);
    }
    EXPECT(world_run(&w, 600));
    EXPECT_EQ(w.writes, 245);
    EXPECT_EQ(w.opens, 1);
    EXPECT_EQ(w.blocks_sent, 245 + 3);
}

/* Another job takes the place of the one that is being fetched. */
static void test_job_replaced(void)
{
    struct dr_agent_event notified = {.kind = DR_EVENT_NOTIFIED};
    world_init(&w, 1000000);
    world_boot(&w);
    while (w.writes < 100) {
        world_turn(&w);
    }
    strcpy(w.job.ref.id, "job-2");
    strcpy(w.job.stream, "stream-2");
    memset(w.job.ref.digest, 0xbb, 32);
    w.status = QUEUED;
    world_event(&w, &notified);
    EXPECT(world_run(&w, 600));
    EXPECT_STR(w.saved.installing.job.id, "job-2");
    EXPECT(w.writes >= 100 + 245); /* what was in flight for the old one came too */
    EXPECT(w.writes <= 100 + 245 + 16);

    /* The same image under another job: what is there stays. */
    world_init(&w, 1000000);
    world_boot(&w);
    while (w.writes < 100) {
        world_turn(&w);
    }
    strcpy(w.job.ref.id, "job-3");
    w.status = QUEUED;
    world_event(&w, &notified);
    EXPECT(world_run(&w, 600));
    EXPECT_STR(w.saved.installing.job.id, "job-3");
    EXPECT_EQ(w.writes, 245);
}

/* Cancelled while it is fetched: dropped, nothing installed. */
static void test_canceled_in_download(void)
{
    struct dr_agent_event notified = {.kind = DR_EVENT_NOTIFIED};
    world_init(&w, 1000000);
    world_boot(&w);
    while (w.writes < 100) {
        world_turn(&w);
    }
    w.status = CANCELED;
    world_event(&w, &notified);
    EXPECT(!world_run(&w, 60));
    EXPECT_STR(state(), "IDLE");
    EXPECT(!w.installed);

    /* Without a notification the next progress message tells. */
    world_init(&w, 2000000);
    w.delay_ms = 1000;
    world_boot(&w);
    while (w.writes < 20) {
        world_turn(&w);
    }
    w.status = CANCELED;
    EXPECT(!world_run(&w, 30));
    EXPECT_STR(state(), "IDLE");
}

static void test_refused_at_head(void)
{
    static const enum dr_reason reasons[] = {DR_REASON_PRODUCT,       DR_REASON_ORDER,
                                             DR_REASON_COUNTER,       DR_REASON_KEY,
                                             DR_REASON_SIZE_MISMATCH, DR_REASON_TRUNCATED};
    for (size_t i = 0; i < DR_ARRAY_COUNT(reasons); i++) {
        world_init(&w, 1000000);
        w.admit_reason = reasons[i];
        world_boot(&w);
        EXPECT(!world_run(&w, 60));
        EXPECT_EQ(w.status, FAILED);
        EXPECT_EQ(w.told_reason, reasons[i]);
        EXPECT_EQ(w.opens, 0); /* the spare is untouched */
        EXPECT_EQ(w.blocks_sent, 3);
        EXPECT_STR(state(), "IDLE");
    }
}

/* Refused by what the document says alone: no byte is fetched, and the job was never begun. */
static void test_refused_before_download(void)
{
    world_init(&w, 1000000);
    w.facts.fate_count = 1;
    memset(w.facts.fates[0].digest, 0xaa, 32);
    w.facts.fates[0].reason = DR_REASON_SELF_TEST;
    w.facts.fates[0].final = true;
    w.facts.fates[0].tries = 1;
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, REJECTED);
    EXPECT_EQ(w.told_reason, DR_REASON_REJECTED_BEFORE);
    EXPECT_STR(w.told_detail, "self_test");
    EXPECT_EQ(w.blocks_sent, 0);

    /* The document does not name the digest: head and tail do. */
    world_init(&w, 1000000);
    w.job.has_digest = false;
    w.facts.fate_count = 1;
    memset(w.facts.fates[0].digest, 0xaa, 32);
    w.facts.fates[0].reason = DR_REASON_HANG;
    w.facts.fates[0].final = true;
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, FAILED);
    EXPECT_EQ(w.told_reason, DR_REASON_REJECTED_BEFORE);
    EXPECT_EQ(w.opens, 0);

    world_init(&w, WORLD_FILE_MAX + 1u);
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, REJECTED);
    EXPECT_EQ(w.told_reason, DR_REASON_TOO_LARGE);

    world_init(&w, 1000);
    w.job.fault = DR_REASON_PROTOCOL;
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.told_reason, DR_REASON_PROTOCOL);
}

/* A failure that was the environment's: an hour, then a day, in uptime added up over boots. */
static void test_waits_after_environment(void)
{
    world_init(&w, 100000);
    w.facts.fate_count = 1;
    memset(w.facts.fates[0].digest, 0xaa, 32);
    w.facts.fates[0].reason = DR_REASON_NO_CLOUD;
    w.facts.fates[0].environment = true;
    w.facts.fates[0].tries = 1;
    world_boot(&w);
    EXPECT(!world_run(&w, 1800));
    EXPECT_STR(state(), "WAITING");
    EXPECT_EQ(w.agent.wait_reason, DR_REASON_WAIT);
    EXPECT_EQ(w.status, QUEUED);
    world_boot(&w); /* half an hour more after a reset */
    EXPECT(!world_run(&w, 1100));
    EXPECT(world_run(&w, 1800));
    EXPECT(w.installed);

    /* It failed in the same way again: a day. The execution has ended, the next one waits. */
    w.facts.fates[0].tries = 2;
    w.facts.journal_sequence++; /* it was installed, ran, and was left */
    w.installed = false;
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.told_reason, DR_REASON_NO_CLOUD);
    w.job.ref.execution = 2;
    w.status = QUEUED;
    EXPECT(!world_run(&w, 80000));
    EXPECT(world_run(&w, 8000));
    EXPECT(w.installed);
}

/* As many waits as the boot journal remembers failures: none is pushed out and begun anew by a
 * reset. */
static void test_eight_waits_survive_a_reset(void)
{
    world_init(&w, 100000);
    w.facts.fate_count = 8;
    for (uint8_t i = 0; i < 8; i++) {
        memset(w.facts.fates[i].digest, i == 0 ? 0xaa : 0x10 + i, 32); /* 0xaa is on offer */
        w.facts.fates[i].reason = DR_REASON_NO_CLOUD;
        w.facts.fates[i].environment = true;
        w.facts.fates[i].tries = 1;
    }
    world_boot(&w);
    EXPECT(!world_run(&w, 1200));
    struct dr_wait before[DR_AGENT_WAITS_MAX];
    memcpy(before, w.agent.record.waits, sizeof(before));
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    for (size_t i = 0; i < 8; i++) {
        EXPECT_EQ(w.agent.record.waits[i].until_s, before[i].until_s);
        EXPECT(memcmp(w.agent.record.waits[i].digest, before[i].digest, 32) == 0);
    }
}

/* The stored image does not verify: once more from zero, then it is over. */
static void test_close_fails(void)
{
    world_init(&w, 400000);
    w.closes_bad = 1;
    w.close_reason = DR_REASON_DIGEST;
    world_boot(&w);
    EXPECT(world_run(&w, 600));
    EXPECT_EQ(w.writes, 2 * 98);
    EXPECT_EQ(w.fresh_opens, 1);

    world_init(&w, 400000);
    w.closes_bad = 2;
    w.close_reason = DR_REASON_DIGEST;
    world_boot(&w);
    EXPECT(!world_run(&w, 600));
    EXPECT_EQ(w.status, FAILED);
    EXPECT_EQ(w.told_reason, DR_REASON_FLASH_OR_SOURCE);
    EXPECT_STR(w.told_detail, "image_digest");

    world_init(&w, 400000);
    w.closes_bad = 1;
    w.close_reason = DR_REASON_SIGNATURE;
    world_boot(&w);
    EXPECT(!world_run(&w, 600));
    EXPECT_EQ(w.told_reason, DR_REASON_SIGNATURE);
    EXPECT_EQ(w.writes, 98);
}

static void test_flash_refuses(void)
{
    world_init(&w, 400000);
    w.write_faults = 2;
    world_boot(&w);
    EXPECT(world_run(&w, 600));
    EXPECT_EQ(w.writes, 98);

    world_init(&w, 400000);
    w.write_faults = 1000;
    world_boot(&w);
    EXPECT(!world_run(&w, 600));
    EXPECT_EQ(w.told_reason, DR_REASON_STORAGE);

    /* The record cannot be persisted: nothing irrevocable happens. */
    world_init(&w, 400000);
    w.save_fails = true;
    world_boot(&w);
    EXPECT(!world_run(&w, 600));
    EXPECT(!w.installed);
    EXPECT_EQ(w.told_reason, DR_REASON_STORAGE);
}

static void test_stream_trouble(void)
{
    world_init(&w, 400000);
    w.stream_refusals = 3;
    world_boot(&w);
    EXPECT(world_run(&w, 600));
    EXPECT_EQ(w.writes, 98);

    world_init(&w, 400000);
    w.stream_gone = true;
    world_boot(&w);
    EXPECT(!world_run(&w, 600));
    EXPECT_EQ(w.told_reason, DR_REASON_STREAM);

    /* The stream says nothing any more: the job is looked at, and given up in the end. */
    world_init(&w, 400000);
    world_boot(&w);
    while (w.writes < 10) {
        world_turn(&w);
    }
    w.stream_silent = true;
    EXPECT(!world_run(&w, 150));
    EXPECT_EQ(w.status, IN_PROGRESS);
    EXPECT(w.asked >= 3);
    EXPECT(!world_run(&w, 300));
    EXPECT_EQ(w.status, FAILED);
    EXPECT_EQ(w.told_reason, DR_REASON_DOWNLOAD);

    /* A silence of two minutes is survived. */
    world_init(&w, 400000);
    world_boot(&w);
    while (w.writes < 10) {
        world_turn(&w);
    }
    w.stream_silent = true;
    EXPECT(!world_run(&w, 120));
    w.stream_silent = false;
    EXPECT(world_run(&w, 120));
    EXPECT_EQ(w.writes, 98);
    EXPECT_EQ(w.admits, 1);
}

static void test_product_has_its_say(void)
{
    world_init(&w, 400000);
    w.may_wait = 3;
    world_boot(&w);
    EXPECT(!world_run(&w, 59));
    EXPECT_EQ(w.blocks_sent, 0);
    EXPECT(world_run(&w, 600));

    world_init(&w, 400000);
    w.may_denied = true;
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, REJECTED);
    EXPECT_EQ(w.told_reason, DR_REASON_CONSENT);

    /* It never says yes: after a day the job is given back. */
    world_init(&w, 400000);
    w.may_wait = 1000000;
    world_boot(&w);
    EXPECT(!world_run(&w, 80000));
    EXPECT_EQ(w.status, QUEUED);
    EXPECT(!world_run(&w, 10000));
    EXPECT_EQ(w.told_reason, DR_REASON_CONSENT);
}

DR_TEST_MAIN(
    test_small_files, test_loss_and_repeats, test_nothing_twice, test_delay_changes,
    test_power_cut_resumes, test_connection_lost, test_notified_again, test_job_replaced,
    test_canceled_in_download, test_refused_at_head, test_refused_before_download,
    test_waits_after_environment, test_eight_waits_survive_a_reset, test_close_fails,
    test_flash_refuses, test_stream_trouble, test_product_has_its_say)

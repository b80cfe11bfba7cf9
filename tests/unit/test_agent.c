/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The agent against a service, a network and a boot ROM of a few lines: agent_world.h. */
#include "tests/unit/agent_world.h"

static struct world w;

static const char *state(void)
{
    return dr_agent_state_name(w.agent.state);
}

/* Download, install, reset. */
static void to_candidate(uint32_t size_bytes)
{
    world_init(&w, size_bytes);
    world_boot(&w);
    EXPECT(world_run(&w, 600));
    EXPECT(w.installed);
    world_boot(&w);
    EXPECT_EQ(w.facts.image, DR_RUNS_CANDIDATE);
}

/* From the offer to sealed, and idle again. */
static void test_good_update(void)
{
    world_init(&w, 1000000);
    world_boot(&w);
    REQUIRE(world_run(&w, 600));
    EXPECT_EQ(w.reset_reason, DR_REASON_INSTALL);
    EXPECT_EQ(w.admits, 1);
    EXPECT_EQ(w.opens, 1);
    EXPECT_EQ(w.writes, 245); /* each block once */
    EXPECT_EQ(w.saved.installing.state, DR_OUTCOME_INSTALLING);
    EXPECT_EQ(w.status, IN_PROGRESS);

    world_boot(&w);
    world_self_test(&w, true, NULL);
    EXPECT(!world_run(&w, 29)); /* soak */
    EXPECT(!w.confirmed);
    EXPECT(w.actives >= 1);
    EXPECT(!world_run(&w, 60));
    EXPECT(w.confirmed);
    EXPECT(!w.sealed);
    EXPECT_EQ(w.status, SUCCEEDED);
    EXPECT_EQ(w.agent.record.outcome.state, DR_OUTCOME_NONE); /* settled */
    EXPECT(world_run(&w, 4000));
    EXPECT(w.sealed);
    EXPECT_EQ(w.reset_reason, DR_REASON_SEAL);

    world_boot(&w);
    EXPECT_EQ(w.facts.image, DR_RUNS_SEALED);
    EXPECT_EQ(w.agent.record.notes[0].reason, DR_REASON_SEAL);
    EXPECT(!world_run(&w, 100));
    EXPECT_STR(state(), "IDLE");
    EXPECT_EQ(w.agent.record.notes[0].reason, DR_REASON_NONE); /* told */
    EXPECT_EQ(w.writes, 245);
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

static void test_self_test_fails(void)
{
    to_candidate(100000);
    world_self_test(&w, false, "sensor-missing");
    EXPECT(w.reset); /* at once */
    EXPECT_EQ(w.reverted, DR_REASON_SELF_TEST);
    EXPECT_EQ(w.saved.outcome.state, DR_OUTCOME_FAILED);
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, FAILED);
    EXPECT_EQ(w.told_reason, DR_REASON_SELF_TEST);
    EXPECT_STR(w.told_detail, "sensor-missing");
}

/* The candidate never said anything: the boot ROM reverted it. */
static void test_reverted_by_rom(void)
{
    to_candidate(100000);
    w.reverted = DR_REASON_HANG;
    w.facts.fates[0].tries = 3;
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, FAILED);
    EXPECT_EQ(w.told_reason, DR_REASON_HANG);
    EXPECT_EQ(w.saved.installing.state, DR_OUTCOME_NONE);
}

/* No health without the cloud, none without the self-test. */
static void test_health_needs_both(void)
{
    to_candidate(100000);
    w.network = false;
    memset(w.mail, 0, sizeof(w.mail));
    struct dr_agent_event down = {.kind = DR_EVENT_LINK_DOWN};
    world_event(&w, &down);
    world_self_test(&w, true, NULL);
    EXPECT(!world_run(&w, 590));
    EXPECT(!w.confirmed);
    w.network = true;
    EXPECT(!world_run(&w, 30));
    EXPECT(w.confirmed);

    to_candidate(100000);
    EXPECT(!world_run(&w, 590));
    EXPECT(!w.confirmed);
}

static void test_confirm_is_repeated(void)
{
    to_candidate(100000);
    w.confirm_fails = true;
    world_self_test(&w, true, NULL);
    EXPECT(!world_run(&w, 100));
    EXPECT_EQ(w.status, IN_PROGRESS);
    w.confirm_fails = false;
    EXPECT(!world_run(&w, 20));
    EXPECT_EQ(w.status, SUCCEEDED);

    /* The request was lost with the power: the hand-off still says candidate. */
    to_candidate(100000);
    world_self_test(&w, true, NULL);
    EXPECT(!world_run(&w, 40));
    EXPECT(w.confirmed);
    w.confirmed = false;
    world_boot(&w);
    EXPECT_EQ(w.facts.image, DR_RUNS_CANDIDATE);
    world_self_test(&w, true, NULL);
    EXPECT(!world_run(&w, 40));
    EXPECT(w.confirmed);
}

/* Before CONFIRM only CANCELED reverts; afterwards nothing does. */
static void test_cancel_on_trial(void)
{
    static const enum world_status others[] = {REMOVED, FAILED, SUCCEEDED};
    to_candidate(100000);
    w.status = CANCELED;
    EXPECT(world_run(&w, 30));
    EXPECT_EQ(w.reverted, DR_REASON_CANCELED);
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_STR(state(), "IDLE");
    EXPECT_EQ(w.agent.record.outcome.state, DR_OUTCOME_NONE);

    for (size_t i = 0; i < DR_ARRAY_COUNT(others); i++) {
        to_candidate(100000);
        w.status = others[i];
        world_self_test(&w, true, NULL);
        EXPECT(!world_run(&w, 120));
        EXPECT(w.confirmed);
        EXPECT_EQ(w.reverted, DR_REASON_NONE);
        EXPECT_EQ(w.agent.record.outcome.state, DR_OUTCOME_NONE); /* settled by the refusal */
        EXPECT(w.actives < 5);
    }

    to_candidate(100000);
    world_self_test(&w, true, NULL);
    EXPECT(!world_run(&w, 60));
    EXPECT(w.confirmed);
    struct dr_agent_event notified = {.kind = DR_EVENT_NOTIFIED};
    w.status = CANCELED;
    world_event(&w, &notified);
    EXPECT(!world_run(&w, 600));
    EXPECT_EQ(w.reverted, DR_REASON_NONE);
}

/* A job that comes before the seal waits, says so, and gets the reset at once when it is due. */
static void test_unsealed(void)
{
    to_candidate(100000);
    world_self_test(&w, true, NULL);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, SUCCEEDED);
    strcpy(w.job.ref.id, "job-2");
    memset(w.job.ref.digest, 0xbb, 32);
    w.status = QUEUED;
    w.may_wait = 1000000; /* the product would rather not reset */
    struct dr_agent_event notified = {.kind = DR_EVENT_NOTIFIED};
    world_event(&w, &notified);
    EXPECT(!world_run(&w, 3400));
    EXPECT_STR(state(), "WAITING");
    EXPECT_EQ(w.agent.wait_reason, DR_REASON_UNSEALED);
    EXPECT_EQ(w.status, QUEUED);
    EXPECT(world_run(&w, 400));
    EXPECT(w.sealed);
    w.may_wait = 0;
    world_boot(&w);
    EXPECT(world_run(&w, 600));
    EXPECT_STR(w.saved.installing.job.id, "job-2");
}

/* Three healthy boots do what an hour does; an unhealthy one does not count by itself. */
static void test_seal_by_boots(void)
{
    to_candidate(100000);
    world_self_test(&w, true, NULL);
    EXPECT(!world_run(&w, 60));
    EXPECT(w.confirmed);
    for (int i = 0; i < 2; i++) {
        world_boot(&w);
        world_self_test(&w, true, NULL);
        EXPECT(!world_run(&w, 60));
        EXPECT(!w.sealed);
    }
    world_boot(&w);
    EXPECT_EQ(w.facts.confirmed_boots, 3);
    EXPECT(!world_run(&w, 60)); /* no self-test yet */
    EXPECT(!w.sealed);
    world_self_test(&w, true, NULL);
    EXPECT(world_run(&w, 60));
    EXPECT(w.sealed);
}

/* The outcome goes on until it is settled, and does not stand in the way of the next job. */
static void test_outcome_is_repeated(void)
{
    world_init(&w, 1000);
    w.admit_reason = DR_REASON_PRODUCT;
    w.updates_refused = 4;
    world_boot(&w);
    EXPECT(!world_run(&w, 600));
    EXPECT_EQ(w.status, FAILED);
    EXPECT_EQ(w.outcomes, 5);
    EXPECT_EQ(w.admits, 1); /* the job was not begun again meanwhile */

    world_init(&w, 1000);
    w.admit_reason = DR_REASON_PRODUCT;
    w.updates_refused = 1000;
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    strcpy(w.job.ref.id, "job-2");
    w.status = QUEUED;
    w.admit_reason = DR_REASON_NONE;
    struct dr_agent_event notified = {.kind = DR_EVENT_NOTIFIED};
    world_event(&w, &notified);
    EXPECT(world_run(&w, 600));
    EXPECT_STR(w.saved.installing.job.id, "job-2");

    /* Seven days are enough: the report has it then. */
    world_init(&w, 1000);
    w.admit_reason = DR_REASON_PRODUCT;
    w.updates_refused = 1000000;
    world_boot(&w);
    EXPECT(!world_run(&w, 7 * 86400 - 1000));
    EXPECT_EQ(w.agent.record.outcome.state, DR_OUTCOME_FAILED);
    uint32_t reports = w.reports;
    w.has_job = false;
    EXPECT(!world_run(&w, 3000));
    EXPECT_EQ(w.agent.record.outcome.state, DR_OUTCOME_NONE);
    EXPECT(w.reports > reports);
}

static void test_version_mismatch(void)
{
    world_init(&w, 100000);
    w.admit_reason = DR_REASON_PRODUCT;
    w.check_version = true;
    world_boot(&w);
    while (w.probes == 0) {
        world_turn(&w);
    }
    w.job.ref.version += 5; /* somebody else wrote */
    EXPECT(!world_run(&w, 5));
    EXPECT_EQ(w.status, FAILED);
    EXPECT_EQ(w.outcomes, 2); /* re-read, sent once more */
}

static void test_invalid_request_is_dropped(void)
{
    struct dr_agent_event refused = {.kind = DR_EVENT_UPDATE_REFUSED};
    world_init(&w, 1000);
    w.admit_reason = DR_REASON_PRODUCT;
    w.updates_refused = 1000000;
    world_boot(&w);
    EXPECT(!world_run(&w, 5));
    EXPECT_EQ(w.agent.record.outcome.state, DR_OUTCOME_FAILED);
    refused.update.job_id = "job-1";
    refused.update.outcome = true;
    refused.update.code = DR_CODE_INVALID_REQUEST;
    w.has_job = false;
    world_event(&w, &refused);
    EXPECT_EQ(w.agent.record.outcome.state, DR_OUTCOME_NONE);
    EXPECT_EQ(w.agent.record.notes[0].reason, DR_REASON_PRODUCT);
}

/* A cut between the record and the request: the job comes again and is carried out. */
static void test_install_never_taken(void)
{
    for (int times = 1; times <= 4; times++) {
        if (times == 1) {
            world_init(&w, 100000);
            world_boot(&w);
        }
        bool reset = world_run(&w, 600);
        if (times <= 3) {
            EXPECT(reset);
            EXPECT_EQ(w.saved.installing.installs, times);
            w.installed = false; /* the request did not reach the flash, or was not taken */
            world_boot(&w);
        } else {
            EXPECT(!reset);
            EXPECT_EQ(w.status, FAILED);
            EXPECT_EQ(w.told_reason, DR_REASON_FLASH_OR_SOURCE);
        }
    }
    EXPECT_EQ(w.writes, 25); /* fetched once */

    /* The boot ROM says why it did not take it. */
    world_init(&w, 100000);
    world_boot(&w);
    EXPECT(world_run(&w, 600));
    w.installed = false;
    w.facts.fate_count = 1;
    memset(w.facts.fates[0].digest, 0xaa, 32);
    w.facts.fates[0].reason = DR_REASON_ORDER;
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.told_reason, DR_REASON_ORDER);
}

/* The vault lost the record; the document names the image that runs. */
static void test_record_lost(void)
{
    to_candidate(100000);
    w.has_saved = false;
    world_boot(&w);
    world_self_test(&w, true, NULL);
    EXPECT(!world_run(&w, 60));
    EXPECT(w.confirmed);
    EXPECT_EQ(w.status, SUCCEEDED);
}

static void test_tls_refusals_are_told(void)
{
    world_init(&w, 1000);
    w.has_job = false;
    w.network = false;
    world_boot(&w);
    struct dr_agent_event down = {.kind = DR_EVENT_LINK_DOWN};
    down.reason = DR_REASON_TLS_UNTRUSTED;
    for (int i = 0; i < 5; i++) {
        while (w.agent.state != DR_AGENT_CONNECTING) {
            struct dr_agent_event tick = {.kind = DR_EVENT_TICK};
            w.now_ms = dr_agent_next_ms(&w.agent);
            world_event(&w, &tick);
        }
        memset(w.mail, 0, sizeof(w.mail));
        world_event(&w, &down);
        EXPECT_STR(state(), "OFFLINE");
    }
    EXPECT_EQ(w.agent.record.notes[0].reason, DR_REASON_TLS_UNTRUSTED);
    EXPECT_EQ(w.agent.record.notes[1].reason, DR_REASON_NONE); /* once */
    EXPECT_EQ(w.saved.notes[0].reason, DR_REASON_TLS_UNTRUSTED);
    w.network = true;
    EXPECT(!world_run(&w, 200));
    EXPECT(w.reports >= 1);
    EXPECT_EQ(w.agent.record.notes[0].reason, DR_REASON_NONE);
}

/* Attempts spread out, and never stop. */
static void test_offline_backs_off(void)
{
    world_init(&w, 1000);
    w.network = false;
    world_boot(&w);
    uint32_t attempts = 0;
    for (uint32_t i = 0; i < 100000 && w.now_ms < 3600000; i++) {
        enum dr_agent_state before = w.agent.state;
        world_turn(&w);
        attempts += before != DR_AGENT_CONNECTING && w.agent.state == DR_AGENT_CONNECTING;
    }
    EXPECT(attempts > 100);
    EXPECT(attempts < 260);
}

/* Recovery mode: no CONFIRM, no SEAL, but a download and an INSTALL. */
static void test_factory_updates(void)
{
    world_init(&w, 100000);
    w.facts.image = DR_RUNS_FACTORY;
    w.facts.recovery = true;
    w.facts.slot = 3;
    world_boot(&w);
    world_self_test(&w, true, NULL);
    EXPECT(world_run(&w, 600));
    EXPECT(w.installed);
    EXPECT(!w.confirmed);
}

static void test_retry_from_lower_rung(void)
{
    world_init(&w, 1000);
    w.has_job = false;
    w.facts.lower_rung = true;
    world_boot(&w);
    EXPECT(!world_run(&w, 86000));
    EXPECT(world_run(&w, 1000));
    EXPECT_EQ(w.reset_reason, DR_REASON_LADDER);
}

/* Thousands of agents share nothing but the facts. */
static void test_thousands(void)
{
    enum { COUNT = 2000 };
    struct dr_agent *agents = calloc(COUNT, sizeof(*agents));
    struct dr_agent_actions actions;
    uint32_t first_ms[COUNT];
    REQUIRE(agents != NULL);
    world_init(&w, 1000);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct dr_agent_event event = {.kind = DR_EVENT_START};
        struct dr_agent_facts facts = w.facts;
        facts.entropy = i * 2654435761u;
        dr_agent_init(&agents[i], &facts, NULL);
        dr_agent_step(&agents[i], &event, 1, &actions);
        EXPECT_EQ(actions.list[0].act, DR_ACT_CONNECT);
        event.kind = DR_EVENT_LINK_DOWN;
        dr_agent_step(&agents[i], &event, 5, &actions);
        first_ms[i] = (uint32_t)dr_agent_next_ms(&agents[i]);
        agents[i].facts = &w.facts;
    }
    uint32_t low = UINT32_MAX;
    uint32_t high = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        low = first_ms[i] < low ? first_ms[i] : low;
        high = first_ms[i] > high ? first_ms[i] : high;
    }
    EXPECT(high - low > 300); /* they do not come back together */
    free(agents);
}

DR_TEST_MAIN(
    test_good_update, test_small_files, test_loss_and_repeats, test_nothing_twice,
    test_delay_changes, test_power_cut_resumes, test_connection_lost, test_notified_again,
    test_job_replaced, test_canceled_in_download, test_refused_at_head,
    test_refused_before_download, test_waits_after_environment, test_close_fails,
    test_flash_refuses, test_stream_trouble, test_product_has_its_say, test_self_test_fails,
    test_reverted_by_rom, test_health_needs_both, test_confirm_is_repeated, test_cancel_on_trial,
    test_unsealed, test_seal_by_boots, test_outcome_is_repeated, test_version_mismatch,
    test_invalid_request_is_dropped, test_install_never_taken, test_record_lost,
    test_tls_refusals_are_told, test_offline_backs_off, test_factory_updates,
    test_retry_from_lower_rung, test_thousands)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The agent and the image that runs: test boot, CONFIRM, SEAL, reverts (agent_world.h). */
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
    w.facts.journal_sequence++; /* the refusal stands in the journal */
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.told_reason, DR_REASON_ORDER);
}

/* The same cut, of an image that had reverted before for a reason that was nobody's fault: what the
 * journal remembers of the first time does not end the second. */
static void test_install_never_taken_of_an_old_acquaintance(void)
{
    world_init(&w, 100000);
    w.facts.fate_count = 2;
    memset(w.facts.fates[0].digest, 0xaa, 32); /* how it was left */
    w.facts.fates[0].reason = DR_REASON_NO_CLOUD;
    w.facts.fates[1] = w.facts.fates[0]; /* the ring */
    w.facts.fates[1].environment = true;
    w.facts.fates[1].tries = 1;
    world_boot(&w);
    EXPECT(world_run(&w, 5000)); /* an hour's wait is in it */
    w.installed = false;
    world_boot(&w);
    EXPECT(world_run(&w, 600));
    EXPECT_EQ(w.told_reason, DR_REASON_NONE);
    EXPECT_EQ(w.saved.installing.installs, 2);
    EXPECT_EQ(w.writes, 25); /* fetched once */
    world_boot(&w);
    EXPECT_EQ(w.facts.image, DR_RUNS_CANDIDATE);
    w.reverted = DR_REASON_NO_CLOUD; /* again, and now it is told */
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, FAILED);
    EXPECT_EQ(w.told_reason, DR_REASON_NO_CLOUD);
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

    /* Back again: the faults of the retried image put it there. It counts from the start. */
    world_boot(&w);
    EXPECT(!world_run(&w, 86000));
    EXPECT(world_run(&w, 1000));
}

/* A day is a day, in however many boots. */
static void test_retry_counts_all_boots(void)
{
    world_init(&w, 1000);
    w.has_job = false;
    w.facts.lower_rung = true;
    for (int i = 0; i < 5; i++) {
        world_boot(&w);
        EXPECT(!world_run(&w, 16000));
    }
    world_boot(&w);
    EXPECT(world_run(&w, 10000)); /* each power cut cost ten minutes at most */
    EXPECT_EQ(w.reset_reason, DR_REASON_LADDER);

    /* Time on rung normal does not count. */
    world_init(&w, 1000);
    w.has_job = false;
    w.facts.lower_rung = true;
    world_boot(&w);
    EXPECT(!world_run(&w, 80000));
    w.facts.lower_rung = false;
    world_boot(&w);
    EXPECT(!world_run(&w, 80000));
    w.facts.lower_rung = true;
    world_boot(&w);
    EXPECT(!world_run(&w, 80000));
}

DR_TEST_MAIN(
    test_good_update, test_self_test_fails, test_reverted_by_rom, test_health_needs_both,
    test_confirm_is_repeated, test_cancel_on_trial, test_unsealed, test_seal_by_boots,
    test_install_never_taken, test_record_lost, test_factory_updates, test_retry_from_lower_rung,
    test_install_never_taken_of_an_old_acquaintance, test_retry_counts_all_boots)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The agent where it hardly ever comes: answers that come late or for something else, jobs that
 * change under way, images that the journal or the record knows other things about
 * (agent_world.h). */
#include "device/agent/command.h"
#include "tests/unit/agent_world.h"

static struct world w;
static const struct dr_agent_event notified = {.kind = DR_EVENT_NOTIFIED};

static bool turn_until(enum dr_agent_state state)
{
    for (unsigned turns = 0; turns < 10000 && w.agent.state != state; turns++) {
        world_turn(&w);
    }
    return w.agent.state == state;
}

static void done(enum dr_agent_act act, enum dr_status status, enum dr_reason reason, uint32_t wait)
{
    struct dr_agent_event event = {.kind = DR_EVENT_DONE};
    event.done.act = act;
    event.done.status = status;
    event.done.reason = reason;
    event.done.wait_s = wait;
    world_event(&w, &event);
}

static void to_candidate(void)
{
    world_init(&w, 100000);
    world_boot(&w);
    EXPECT(world_run(&w, 600));
    world_boot(&w);
    EXPECT_EQ(w.facts.image, DR_RUNS_CANDIDATE);
}

/* A day and more between two steps: a clock that leaps does not overflow a countdown. */
static void test_leap(void)
{
    world_init(&w, 1000);
    w.has_job = false;
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    uint32_t before_s = w.agent.total_s;
    struct dr_agent_event tick = {.kind = DR_EVENT_TICK};
    w.now_ms += 1000ull * 86400u * 365u;
    world_event(&w, &tick);
    EXPECT(w.agent.total_s > before_s + 20u * 86400u);
    EXPECT(w.agent.total_s < before_s + 30u * 86400u);
    EXPECT(!world_run(&w, 60)); /* and goes on */
    EXPECT(w.asked >= 2);
}

/* The same job, with another file: what was fetched belongs to the old one. */
static void test_job_changes_under_way(void)
{
    for (int change = 0; change < 4; change++) {
        world_init(&w, 400000);
        world_boot(&w);
        REQUIRE(turn_until(DR_AGENT_LOADING));
        uint32_t probes = w.probes;
        if (change == 1) {
            w.job.size_bytes = 300000;
        } else if (change == 2) {
            w.job.file = 5;
        } else if (change == 3) {
            strcpy(w.job.stream, "stream-2");
        }
        world_event(&w, &notified);
        EXPECT(world_run(&w, 600));
        EXPECT(w.installed);
        EXPECT_EQ(w.agent.job.size_bytes, w.job.size_bytes);
        EXPECT_EQ(w.agent.job.file, w.job.file);
        EXPECT_STR(w.agent.job.stream, w.job.stream);
        EXPECT_EQ(w.probes > probes, change != 0); /* head and tail again */
        EXPECT_EQ(w.writes, change == 1 ? w.writes : 98);
    }
}

/* Blocks of another file, results nobody waits for, a store that is busy for a moment. */
static void test_out_of_turn(void)
{
    static const uint8_t data[4096];
    world_init(&w, 400000);
    world_boot(&w);
    REQUIRE(turn_until(DR_AGENT_LOADING));
    uint32_t writes = w.writes;
    struct dr_agent_event event = {.kind = DR_EVENT_BLOCK};
    event.block.data = data;
    event.block.size_bytes = sizeof data;
    event.block.index = 50;
    event.block.file = 9;
    world_event(&w, &event);
    EXPECT_EQ(w.writes, writes);
    event.block.file = w.job.file;
    world_event(&w, &event);
    EXPECT_EQ(w.writes, writes + 1);
    done(DR_ACT_WRITE, DR_E_BUSY, DR_REASON_NONE, 0);
    EXPECT_EQ(w.agent.state, DR_AGENT_LOADING);
    done(DR_ACT_CLOSE, DR_E_CORRUPT, DR_REASON_DIGEST, 0);
    EXPECT_EQ(w.agent.state, DR_AGENT_LOADING);
    EXPECT(world_run(&w, 600));
    EXPECT(w.installed);
    EXPECT_EQ(w.writes, 98);

    /* "You may", when nobody asks any more. */
    world_init(&w, 400000);
    w.has_job = false;
    world_boot(&w);
    REQUIRE(turn_until(DR_AGENT_IDLE));
    done(DR_ACT_ASK, DR_OK, DR_REASON_INSTALL, 0);
    EXPECT_EQ(w.agent.state, DR_AGENT_IDLE);
}

/* Somebody calls for a question at every word: it is asked at a bounded pace, and the last change
 * is not missed. */
static void test_notified_at_every_word(void)
{
    static const enum dr_agent_event_kind calls[] = {DR_EVENT_NOTIFIED, DR_EVENT_UPDATE_REFUSED};
    for (size_t i = 0; i < DR_ARRAY_COUNT(calls); i++) {
        struct dr_agent_event call = {.kind = calls[i]};
        call.update.job_id = "another";
        world_init(&w, 1900000);
        w.facts.window_bytes = 16384;
        w.delay_ms = 400; /* a download of about a minute */
        world_boot(&w);
        REQUIRE(turn_until(DR_AGENT_LOADING));
        uint32_t asked = w.asked;
        uint64_t end_ms = w.now_ms + 20000u;
        while (w.now_ms < end_ms) {
            world_turn(&w);
            world_event(&w, &call);
        }
        EXPECT_EQ(w.agent.state, DR_AGENT_LOADING);
        EXPECT(w.asked > asked + 20u);
        EXPECT(w.asked <= asked + 20000u / (400u + 100u) + 1u); /* an answer, a while, and again */
        w.status = CANCELED;
        world_event(&w, &call);
        EXPECT(!world_run(&w, 10));
        EXPECT_EQ(w.agent.state, DR_AGENT_IDLE);

        /* Nothing is there: the same. */
        asked = w.asked;
        call.kind = DR_EVENT_NOTIFIED;
        for (unsigned words = 0; words < 1000; words++) {
            w.now_ms += 10u;
            world_event(&w, &call);
        }
        EXPECT(w.asked <= asked + 3u); /* no answer in ten seconds */
    }
}

/* The product puts off the reboot: the job waits, which is no news for the report. */
static void test_reboot_later(void)
{
    world_init(&w, 100000);
    world_boot(&w);
    REQUIRE(turn_until(DR_AGENT_LOADING));
    w.may_wait = 1;
    EXPECT(!world_run(&w, 30));
    EXPECT_EQ(w.agent.state, DR_AGENT_WAITING);
    EXPECT_EQ(w.agent.wait_reason, DR_REASON_CONSENT);
    EXPECT_EQ(w.agent.record.notes[0].reason, DR_REASON_NONE);
    EXPECT(world_run(&w, 600));
    EXPECT(w.installed);
    EXPECT_EQ(w.writes, 25); /* fetched once */
}

/* Large blocks are not what head and tail are asked in; a file of too many blocks is refused. */
static void test_block_sizes(void)
{
    world_init(&w, 100000);
    w.facts.block_bytes = 16384;
    world_boot(&w);
    EXPECT(world_run(&w, 600));
    EXPECT_EQ(w.writes, 7);
    EXPECT_EQ(w.probes, 3);

    world_init(&w, 1024u * DR_WINDOW_BLOCKS_MAX + 1u);
    w.facts.spare_bytes = w.job.size_bytes;
    w.facts.block_bytes = 1024;
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, REJECTED);
    EXPECT_EQ(w.told_reason, DR_REASON_TOO_LARGE);
    EXPECT_EQ(w.opens, 0);
}

/* What the slot holds does not fit: once more from zero, whichever of them is the reason; anything
 * else is the image's own fault. */
static void test_not_closed(void)
{
    static const struct {
        enum dr_reason reason;
        bool again;
    } rows[] = {
        {DR_REASON_DIGEST, true},
        {DR_REASON_FLASH_OR_SOURCE, true},
        {DR_REASON_STORAGE, true},
        {DR_REASON_KEY, false},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        for (uint32_t bad = 1; bad <= 2; bad++) {
            world_init(&w, 100000);
            w.closes_bad = bad;
            w.close_reason = rows[i].reason;
            world_boot(&w);
            EXPECT_EQ(world_run(&w, 600), rows[i].again && bad == 1);
            EXPECT_EQ(w.fresh_opens, rows[i].again);
            EXPECT_EQ(
                w.told_reason, w.installed     ? DR_REASON_NONE
                               : rows[i].again ? DR_REASON_FLASH_OR_SOURCE
                                               : rows[i].reason);
        }
    }
}

/* What is remembered of other images is not held against this one. */
static void test_memories_of_others(void)
{
    world_init(&w, 100000);
    w.facts.fate_count = 1;
    memset(w.facts.fates[0].digest, 0xbb, 32);
    w.facts.fates[0].final = true;
    w.has_saved = true;
    w.saved.waits[0].until_s = 100000;
    w.saved.waits[0].failures = 1;
    memset(w.saved.waits[0].digest, 0xcc, 32);
    world_boot(&w);
    EXPECT(world_run(&w, 600));
    EXPECT(w.installed);

    /* And of the journal's fates only its own explains why it does not run. */
    w.installed = false;
    w.facts.fates[0].reason = DR_REASON_ORDER;
    w.facts.journal_sequence++;
    world_boot(&w);
    EXPECT(world_run(&w, 600)); /* asked for again */
    EXPECT_EQ(w.saved.installing.installs, 2);
    EXPECT_EQ(w.told_reason, DR_REASON_NONE);
}

/* Another job while the image of the last one is on trial waits for the seal. */
static void test_next_job_on_trial(void)
{
    to_candidate();
    strcpy(w.job.ref.id, "job-2");
    memset(w.job.ref.digest, 0xbb, 32);
    w.status = QUEUED;
    world_event(&w, &notified);
    EXPECT(!world_run(&w, 30));
    EXPECT_EQ(w.agent.wait_reason, DR_REASON_UNSEALED);
    EXPECT_EQ(w.opens, 1); /* of the first one */
    EXPECT_STR(w.agent.record.installing.job.id, "job-1");
}

/* The service has forgotten the job: it is not told any more that its image runs. */
static void test_job_gone_on_trial(void)
{
    to_candidate();
    w.status = REMOVED;
    EXPECT(!world_run(&w, 60));
    EXPECT(w.agent.health.job_gone);
    uint32_t actives = w.actives;
    for (int i = 0; i < 5; i++) {
        world_event(&w, &notified);
        EXPECT(!world_run(&w, 10));
    }
    EXPECT_EQ(w.actives, actives);
    EXPECT_EQ(w.reverted, DR_REASON_NONE);
}

/* The record is lost, and the job at the service is another one, or does not name its image. */
static void test_record_lost_and_no_match(void)
{
    for (int named = 0; named < 2; named++) {
        to_candidate();
        w.has_saved = false;
        w.job.has_digest = named != 0;
        memset(w.job.ref.digest, 0xbb, 32);
        world_boot(&w);
        world_self_test(&w, true, NULL);
        EXPECT(!world_run(&w, 60));
        EXPECT(w.confirmed); /* the image is good, whoever sent it */
        EXPECT_EQ(w.status, IN_PROGRESS);
        EXPECT_EQ(w.actives, 0);
    }
}

/* Another image is on trial than the record speaks of: it is not confirmed under that job. */
static void test_trial_of_another_image(void)
{
    to_candidate();
    memset(w.saved.installing.job.digest, 0xbb, 32);
    world_boot(&w);
    world_self_test(&w, true, NULL);
    EXPECT(!world_run(&w, 120));
    EXPECT(!w.confirmed);
    EXPECT_EQ(w.status, IN_PROGRESS);
}

/* Times that were over before this boot began. */
static void test_times_already_over(void)
{
    to_candidate();
    world_self_test(&w, true, NULL);
    EXPECT(!world_run(&w, 60));
    EXPECT(w.confirmed);
    w.saved.uptime_s = w.saved.confirmed_s + w.facts.seal_s;
    world_boot(&w);
    EXPECT_EQ(w.facts.confirmed_boots, 1);
    world_self_test(&w, true, NULL);
    EXPECT(world_run(&w, 60)); /* sealed and reset within a minute */
    EXPECT(w.sealed);

    world_init(&w, 1000); /* the day on a lower rung */
    w.has_job = false;
    w.facts.lower_rung = true;
    w.has_saved = true;
    w.saved.lower_s = 1;
    w.saved.uptime_s = 86400;
    world_boot(&w);
    EXPECT(world_run(&w, 60));
    EXPECT_EQ(w.reset_reason, DR_REASON_LADDER);
}

/* On a lower rung an image on trial leads away from it, not RETRY. */
static void test_trial_on_a_lower_rung(void)
{
    world_init(&w, 1000);
    w.has_job = false;
    w.facts.image = DR_RUNS_CONFIRMED;
    w.facts.may_install = false;
    w.facts.lower_rung = true;
    w.facts.seal_s = 200000;
    w.has_saved = true;
    w.saved.lower_s = 1;
    w.saved.uptime_s = 86400;
    world_boot(&w);
    EXPECT_EQ(w.agent.record.lower_s, 0);
    EXPECT(!world_run(&w, 3600));
}

/* A product that refuses the reset after the seal is asked again after an hour, and one that names
 * a time beyond all bounds after a day. */
static void test_reset_put_off(void)
{
    static const struct {
        enum dr_status status;
        uint32_t wait_s;
        uint32_t waited_s;
    } rows[] = {
        {DR_E_DENIED, 0, 3601},
        {DR_E_AGAIN, 60, 61},
        {DR_E_AGAIN, UINT32_MAX, 86400},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        world_init(&w, 1000);
        w.has_job = false;
        world_boot(&w);
        EXPECT(!world_run(&w, 10));
        done(DR_ACT_ASK, rows[i].status, DR_REASON_SEAL, rows[i].wait_s);
        EXPECT_EQ(w.agent.timers[DR_TIMER_REQUEST], 1000u * rows[i].waited_s);
        EXPECT(!w.reset);
    }
}

/* A command that the journal does not know to be obeyed: not for that image, or not by command. */
static void test_command_of_others(void)
{
    world_init(&w, 1000);
    w.facts.obey = dr_agent_obey;
    w.facts.fate_count = 3;
    memset(w.facts.fates[0].digest, 0x33, 32);
    w.facts.fates[0].reason = DR_REASON_HANG;
    memset(w.facts.fates[1].digest, 0x44, 32);
    w.facts.fates[1].reason = DR_REASON_COMMAND;
    w.job.command = 2;
    w.job.has_digest = false;
    memset(w.job.ref.digest, 0x33, 32);
    w.status = IN_PROGRESS;
    world_boot(&w);
    EXPECT(!world_run(&w, 60));
    EXPECT_EQ(w.status, FAILED);
    EXPECT_EQ(w.told_reason, DR_REASON_COMMAND_TARGET);
}

/* Two mismatches of the outcome's version: the second one waits for its time. */
static void test_two_mismatches(void)
{
    world_init(&w, 1000);
    w.admit_reason = DR_REASON_PRODUCT;
    w.updates_refused = 1000;
    world_boot(&w);
    EXPECT(!world_run(&w, 10));
    REQUIRE(w.agent.record.outcome.state == DR_OUTCOME_FAILED);
    struct dr_agent_event event = {.kind = DR_EVENT_UPDATE_REFUSED};
    event.update.job_id = w.agent.record.outcome.job.id;
    event.update.outcome = true;
    event.update.code = DR_CODE_VERSION_MISMATCH;
    event.update.version = 40;
    uint32_t outcomes = w.outcomes;
    world_event(&w, &event);
    EXPECT_EQ(w.outcomes, outcomes + 1); /* at once */
    event.update.version = 41;
    world_event(&w, &event);
    EXPECT_EQ(w.outcomes, outcomes + 1);
    EXPECT_EQ(w.agent.record.outcome.job.version, 41);
}

DR_TEST_MAIN(
    test_leap, test_job_changes_under_way, test_out_of_turn, test_notified_at_every_word,
    test_reboot_later, test_block_sizes, test_not_closed, test_memories_of_others,
    test_next_job_on_trial, test_job_gone_on_trial, test_record_lost_and_no_match,
    test_trial_of_another_image, test_times_already_over, test_trial_on_a_lower_rung,
    test_reset_put_off, test_command_of_others, test_two_mismatches)

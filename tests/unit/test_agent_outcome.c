/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The agent telling how a job ended, and what it noticed (agent_world.h). */
#include "tests/unit/agent_world.h"

static struct world w;

static const char *state(void)
{
    return dr_agent_state_name(w.agent.state);
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
    test_outcome_is_repeated, test_version_mismatch, test_invalid_request_is_dropped,
    test_tls_refusals_are_told, test_offline_backs_off, test_thousands)

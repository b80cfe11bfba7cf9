/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The table of the agent is total, and every pair can be stepped without harm. */
#include "device/agent/agent.h"
#include "tests/unit/check.h"

static void test_every_pair_has_an_answer(void)
{
    for (int state = 0; state < DR_AGENT_STATE_COUNT; state++) {
        for (int event = 0; event < DR_EVENT_COUNT; event++) {
            EXPECT(
                dr_agent_reaction((enum dr_agent_state)state, (enum dr_agent_event_kind)event) !=
                0);
        }
        EXPECT(strcmp(dr_agent_state_name((enum dr_agent_state)state), "?") != 0);
    }
    EXPECT(dr_agent_reaction(DR_AGENT_STATE_COUNT, DR_EVENT_TICK) != 0);
    EXPECT(dr_agent_reaction(DR_AGENT_IDLE, DR_EVENT_COUNT) != 0);
    EXPECT_STR(dr_agent_state_name(DR_AGENT_STATE_COUNT), "?");
    EXPECT_STR(dr_agent_act_name(DR_ACT_RESET), "RESET");
    EXPECT_STR(dr_agent_act_name(DR_ACT_COUNT), "?");
    EXPECT_STR(dr_agent_event_name(DR_EVENT_DONE), "DONE");
    EXPECT_STR(dr_agent_event_name(DR_EVENT_COUNT), "?");
}

static const struct dr_agent_facts facts = {
    .image = DR_RUNS_SEALED,
    .may_install = true,
    .slot = 1,
    .spare_bytes = 1u << 20,
    .block_bytes = 4096,
    .window_bytes = 65536,
};

/* An event of each kind, well-formed but meaning nothing to most states. */
static void make_event(
    struct dr_agent_event *event, enum dr_agent_event_kind kind, const struct dr_agent_job *job,
    uint32_t variant)
{
    static const uint8_t data[4096];
    memset(event, 0, sizeof(*event));
    event->kind = kind;
    switch (kind) {
    case DR_EVENT_JOB:
        event->job = job;
        return;
    case DR_EVENT_UPDATE_ACCEPTED:
    case DR_EVENT_UPDATE_REFUSED:
        event->update.job_id = variant % 2u != 0 ? job->ref.id : "another";
        event->update.code = (enum dr_agent_code)(variant % 6u);
        event->update.outcome = variant % 3u == 0;
        event->update.canceled = variant % 5u == 0;
        return;
    case DR_EVENT_BLOCK:
        event->block.data = data;
        event->block.size_bytes = variant % 2u != 0 ? 4096u : 100u;
        event->block.index = variant % 5u == 0 ? variant : 0;
        return;
    case DR_EVENT_STREAM_REFUSED:
    case DR_EVENT_ASK_REFUSED:
        event->code = variant % 2u != 0 ? DR_CODE_STREAM_FINAL : DR_CODE_OTHER;
        return;
    case DR_EVENT_DONE:
        event->done.act = (enum dr_agent_act)(variant % DR_ACT_COUNT);
        event->done.status = variant % 3u == 0 ? DR_E_IO : DR_OK;
        event->done.reason = variant % 3u == 0 ? DR_REASON_DIGEST : DR_REASON_INSTALL;
        event->done.data = event->done.act == DR_ACT_ADMIT ? data : NULL;
        return;
    case DR_EVENT_LINK_DOWN:
        event->reason = DR_REASON_TLS_NAME;
        return;
    case DR_EVENT_SELF_TEST:
        event->self_test.passed = variant % 2u != 0;
        return;
    case DR_EVENT_START:
    case DR_EVENT_TICK:
    case DR_EVENT_LINK_UP:
    case DR_EVENT_NO_JOB:
    case DR_EVENT_NOTIFIED:
    case DR_EVENT_REPORT_ACCEPTED:
    case DR_EVENT_COUNT:
        return;
    }
}

static void check_agent(const struct dr_agent *agent, const struct dr_agent_actions *actions)
{
    EXPECT(actions->count <= DR_AGENT_ACTIONS_MAX);
    EXPECT((unsigned)agent->state < DR_AGENT_STATE_COUNT);
    EXPECT(dr_agent_next_ms(agent) >= agent->now_ms);
    for (uint8_t i = 0; i < actions->count; i++) {
        EXPECT((unsigned)actions->list[i].act < DR_ACT_COUNT);
    }
}

/* Every state, put into it by hand, with and without a job and a connection, against every event.
 */
static void test_every_pair_can_be_stepped(void)
{
    struct dr_agent_actions actions;
    struct dr_agent_event event;
    struct dr_agent_job job = {
        .ref = {.id = "j", .execution = 1, .version = 1}, .stream = "s", .size_bytes = 20000};
    for (uint32_t i = 0; i < DR_AGENT_STATE_COUNT * DR_EVENT_COUNT * 64u; i++) {
        static struct dr_agent agent;
        uint32_t variant = i / (DR_AGENT_STATE_COUNT * DR_EVENT_COUNT);
        dr_agent_init(&agent, &facts, NULL);
        agent.job = job;
        agent.begun = dr_window_init(&agent.window, job.size_bytes, 4096, 65536);
        dr_window_want_all(&agent.window, NULL);
        agent.link_up = (variant & 1u) != 0;
        agent.admitted = (variant & 2u) != 0;
        agent.closes = (uint8_t)(variant >> 5);
        agent.state = (enum dr_agent_state)(i % DR_AGENT_STATE_COUNT);
        make_event(
            &event, (enum dr_agent_event_kind)(i / DR_AGENT_STATE_COUNT % DR_EVENT_COUNT), &job,
            variant);
        dr_agent_step(&agent, &event, 1000u * (uint64_t)variant, &actions);
        check_agent(&agent, &actions);
    }
}

/* Any event at any time, for long. */
static void test_any_order_of_events(void)
{
    static struct dr_agent agent;
    static const uint8_t digest[32];
    struct dr_agent_actions actions;
    struct dr_agent_event event;
    struct dr_agent_job job = {
        .ref = {.id = "j", .execution = 1, .version = 1}, .stream = "s", .size_bytes = 100};
    for (uint32_t seed = 1; seed <= 400; seed++) {
        uint32_t random = seed * 2654435761u;
        uint64_t now_ms = 1;
        dr_agent_init(&agent, &facts, NULL);
        make_event(&event, DR_EVENT_START, &job, 0);
        dr_agent_step(&agent, &event, now_ms, &actions);
        for (int i = 0; i < 500; i++) {
            random = random * 1664525u + 1013904223u;
            uint32_t variant = random >> 16;
            bool expected = actions.count > 0 && variant % 4u != 0;
            if (variant % 7u == 0) {
                job.ref.id[0] = (char)('a' + variant % 3u);
                job.ref.execution = variant % 2u;
            }
            now_ms += variant % 3u == 0 ? variant : 1u;
            make_event(
                &event,
                expected ? DR_EVENT_DONE
                         : (enum dr_agent_event_kind)((random >> 8) % DR_EVENT_COUNT),
                &job, variant);
            if (expected) { /* mostly the answer that is waited for */
                event.done.act = actions.list[(variant >> 3) % actions.count].act;
                event.done.data = event.done.act == DR_ACT_ADMIT ? digest : NULL;
            }
            dr_agent_step(&agent, &event, now_ms, &actions);
            check_agent(&agent, &actions);
        }
    }
}

DR_TEST_MAIN(
    test_every_pair_has_an_answer, test_every_pair_can_be_stepped, test_any_order_of_events)

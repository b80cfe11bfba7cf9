/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/agent.h"

#include "base/check.h"
#include "device/agent/agent_priv.h"

#include <string.h>

DR_STATIC_ASSERT(sizeof(struct dr_agent) <= 4096u, "an agent is at most 4 KB");

void dr_agent_init(
    struct dr_agent *agent, const struct dr_agent_facts *facts,
    const struct dr_agent_record *record)
{
    memset(agent, 0, sizeof(*agent));
    agent->state = DR_AGENT_OFFLINE;
    agent->facts = facts;
    agent->random = facts->entropy | 1u;
    agent->report_wanted = true;
    agent->timers[DR_TIMER_SAVE] = SAVE_MS;
    agent->timers[DR_TIMER_SEAL] = NEVER;
    if (record != NULL) {
        agent->record = *record;
        agent->base_s = record->uptime_s;
        agent->total_s = record->uptime_s;
    }
}

struct dr_agent_action *dr_step_push(struct dr_step *step, enum dr_agent_act act)
{
    DR_CHECK(step->out->count < DR_AGENT_ACTIONS_MAX);
    struct dr_agent_action *action = &step->out->list[step->out->count++];
    memset(action, 0, sizeof(*action));
    action->act = act;
    return action;
}

void dr_step_send(struct dr_step *step, enum dr_agent_message message)
{
    if (step->agent->link_up) {
        dr_step_push(step, DR_ACT_SEND)->send.message = message;
    }
}

void dr_step_save(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    agent->record.uptime_s = agent->total_s;
    agent->timers[DR_TIMER_SAVE] = SAVE_MS;
    for (uint8_t i = 0; i < step->out->count; i++) {
        if (step->out->list[i].act == DR_ACT_SAVE) {
            return; /* it will find the record as it is at the end of this step */
        }
    }
    (void)dr_step_push(step, DR_ACT_SAVE);
}

void dr_step_note(struct dr_step *step, enum dr_reason reason, const char *detail)
{
    struct dr_agent *agent = step->agent;
    agent->report_wanted = true;
    if (dr_agent_note(&agent->record, reason, detail, agent->total_s)) {
        dr_step_save(step); /* a repetition is not worth a write */
    }
}

void dr_step_question(struct dr_step *step, enum dr_agent_question question, enum dr_reason reason)
{
    struct dr_agent *agent = step->agent;
    struct dr_agent_action *action = dr_step_push(step, DR_ACT_ASK);
    action->ask.question = question;
    action->ask.reason = reason;
    if (reason == DR_REASON_INSTALL) {
        if (agent->ask_until_s == 0) {
            agent->ask_until_s = agent->total_s + CONSENT_S;
        }
        action->ask.deadline_s =
            agent->ask_until_s > agent->total_s ? agent->ask_until_s - agent->total_s : 1u;
    }
}

uint32_t dr_agent_jitter(struct dr_agent *agent, uint32_t span_ms)
{
    uint32_t random = agent->random;
    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    agent->random = random;
    return span_ms / 2u + random % (span_ms / 2u + 1u);
}

void dr_agent_back_off(
    struct dr_agent *agent, enum dr_agent_timer timer, uint32_t max_ms, uint8_t *attempt)
{
    uint32_t span_ms = *attempt < 16u ? RETRY_MS_MIN << *attempt : max_ms;
    *attempt = (uint8_t)(*attempt + (*attempt < 16u));
    agent->timers[timer] = dr_agent_jitter(agent, span_ms < max_ms ? span_ms : max_ms);
}

bool dr_digest_equal(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, 32) == 0;
}

bool dr_job_equal(const struct dr_job_ref *a, const struct dr_job_ref *b)
{
    return a->execution == b->execution && strcmp(a->id, b->id) == 0;
}

/* Let time pass: countdowns run down to 0, seconds add up. */
static void advance(struct dr_agent *agent, uint64_t now_ms)
{
    uint64_t long_ms = now_ms > agent->now_ms ? now_ms - agent->now_ms : 0;
    uint32_t elapsed_ms = long_ms < NEVER / 2u ? (uint32_t)long_ms : NEVER / 2u;
    agent->now_ms = now_ms;
    for (size_t i = 0; i < DR_TIMER_COUNT; i++) {
        uint32_t left_ms = agent->timers[i];
        if (left_ms != NEVER) {
            agent->timers[i] = left_ms > elapsed_ms ? left_ms - elapsed_ms : 0;
        }
    }
    agent->part_ms += elapsed_ms;
    agent->total_s += agent->part_ms / 1000u;
    agent->part_ms %= 1000u;
}

void dr_agent_step(
    struct dr_agent *agent, const struct dr_agent_event *event, uint64_t now_ms,
    struct dr_agent_actions *ret_actions)
{
    struct dr_step step = {.agent = agent, .event = event, .out = ret_actions};
    ret_actions->count = 0;
    advance(agent, now_ms);
    if (event->kind == DR_EVENT_START) {
        dr_trial_start(&step);
    }
    dr_trial_see(&step);
    dr_outcome_see(&step);
    dr_job_react(&step, (enum dr_reaction)dr_agent_reaction(agent->state, event->kind));
    dr_job_turn(&step);
    dr_trial_turn(&step);
    dr_outcome_turn(&step);
}

/* A countdown that stands at 0 has been acted on in the last step, or waits for an event; only the
 * table's own needs a TICK. */
uint64_t dr_agent_next_ms(const struct dr_agent *agent)
{
    bool fetching = agent->state == DR_AGENT_PROBING || agent->state == DR_AGENT_LOADING;
    uint32_t wait_ms = fetching ? DR_WINDOW_TICK_MS : SAVE_MS;
    for (size_t i = DR_TIMER_STATE + 1u; i < DR_TIMER_COUNT; i++) {
        uint32_t left_ms = agent->timers[i];
        if (left_ms < wait_ms && left_ms != 0) {
            wait_ms = left_ms;
        }
    }
    uint32_t state_ms = agent->timers[DR_TIMER_STATE];
    return agent->now_ms + (state_ms < wait_ms ? state_ms : wait_ms);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/agent.h"

#include "base/check.h"
#include "device/agent/agent_priv.h"

#include <string.h>

DR_STATIC_ASSERT(sizeof(struct dr_agent) <= 4096u, "an agent is at most 4 KB");

/* 1024 ms are 1 s and 24 ms more. */
uint32_t dr_agent_seconds(uint64_t ms)
{
    uint32_t total_s = 0;
    while (ms >= 1024u) { /* bound: each turn leaves less than a fortieth */
        uint32_t chunks = (uint32_t)(ms >> 10);
        total_s += chunks;
        ms = (ms & 1023u) + (uint64_t)chunks * 24u;
    }
    return total_s + (ms >= 1000u ? 1u : 0u);
}

void dr_agent_init(
    struct dr_agent *agent, const struct dr_agent_facts *facts,
    const struct dr_agent_record *record)
{
    memset(agent, 0, sizeof(*agent));
    agent->state = DR_AGENT_OFFLINE;
    agent->facts = facts;
    agent->random = facts->entropy | 1u;
    agent->report_wanted = true;
    agent->save_ms = SAVE_MS;
    if (record != NULL) {
        agent->record = *record;
        agent->base_s = record->uptime_s;
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
    step->agent->record.uptime_s = step->total_s;
    step->agent->save_ms = step->now_ms + SAVE_MS;
    for (uint8_t i = 0; i < step->out->count; i++) {
        if (step->out->list[i].act == DR_ACT_SAVE) {
            return; /* it will find the record as it is at the end of this step */
        }
    }
    (void)dr_step_push(step, DR_ACT_SAVE);
}

void dr_step_note(struct dr_step *step, enum dr_reason reason, const char *detail)
{
    step->agent->report_wanted = true;
    if (dr_agent_note(&step->agent->record, reason, detail, step->total_s)) {
        dr_step_save(step); /* a repetition is not worth a write */
    }
}

void dr_step_question(struct dr_step *step, enum dr_agent_question question, enum dr_reason reason)
{
    struct dr_agent_action *action = dr_step_push(step, DR_ACT_ASK);
    action->ask.question = question;
    action->ask.reason = reason;
    if (reason == DR_REASON_INSTALL) {
        struct dr_agent *agent = step->agent;
        if (agent->ask_until_s == 0) {
            agent->ask_until_s = step->total_s + CONSENT_S;
        }
        action->ask.deadline_s =
            agent->ask_until_s > step->total_s ? agent->ask_until_s - step->total_s : 1u;
    }
}

uint32_t dr_step_backoff(struct dr_step *step, uint32_t min_ms, uint32_t max_ms, uint8_t attempt)
{
    uint32_t random = step->agent->random;
    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    step->agent->random = random;
    uint32_t span_ms = min_ms;
    for (uint8_t i = 0; i < attempt && span_ms < max_ms; i++) {
        span_ms *= 2u;
    }
    span_ms = span_ms < max_ms ? span_ms : max_ms;
    return span_ms / 2u + random % (span_ms / 2u + 1u);
}

bool dr_agent_unsealed(const struct dr_agent *agent)
{
    return agent->facts->image == DR_RUNS_CANDIDATE || agent->facts->image == DR_RUNS_CONFIRMED;
}

void dr_agent_step(
    struct dr_agent *agent, const struct dr_agent_event *event, uint64_t now_ms,
    struct dr_agent_actions *ret_actions)
{
    struct dr_step step = {
        .agent = agent,
        .event = event,
        .out = ret_actions,
        .now_ms = now_ms,
        .total_s = agent->base_s + dr_agent_seconds(now_ms),
    };
    ret_actions->count = 0;
    if (event->kind == DR_EVENT_START) {
        dr_trial_start(&step);
    }
    dr_trial_see(&step);
    dr_outcome_see(&step);
    dr_job_react(&step, (enum dr_reaction)dr_agent_reaction(agent->state, event->kind));
    if (agent->state != DR_AGENT_RESETTING) {
        dr_trial_turn(&step);
    }
    if (agent->state != DR_AGENT_RESETTING) {
        dr_outcome_turn(&step);
    }
}

/* The earlier of two times, 0 = never. */
static uint64_t earlier(uint64_t a_ms, uint64_t b_ms)
{
    if (a_ms == 0 || b_ms == 0) {
        return a_ms + b_ms;
    }
    return a_ms < b_ms ? a_ms : b_ms;
}

uint64_t dr_agent_next_ms(const struct dr_agent *agent)
{
    uint64_t next_ms = agent->next_ms;
    if (agent->state != DR_AGENT_RESETTING) {
        next_ms = earlier(next_ms, dr_trial_next_ms(agent));
        next_ms = earlier(next_ms, dr_outcome_next_ms(agent));
    }
    if (agent->state == DR_AGENT_PROBING || agent->state == DR_AGENT_LOADING) {
        next_ms = earlier(next_ms, dr_window_due_ms(&agent->window));
    }
    return next_ms != 0 ? next_ms : 1u;
}

uint32_t dr_agent_block_bytes(const struct dr_agent *agent)
{
    uint32_t block_bytes = agent->facts->block_bytes;
    while (agent->job.size_bytes / block_bytes >= DR_WINDOW_BLOCKS_MAX &&
           block_bytes < DR_WINDOW_REQUEST_BYTES_MAX) {
        block_bytes *= 2u;
    }
    return block_bytes;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* How the last job ended, told until the service has settled it, and the device report. */
#include "device/agent/agent_priv.h"

#include <string.h>

static bool is_final(const struct dr_outcome *outcome)
{
    return outcome->state >= DR_OUTCOME_SUCCEEDED;
}

void dr_outcome_set(
    struct dr_step *step, enum dr_outcome_state state, const struct dr_outcome *from,
    enum dr_reason reason, const char *detail)
{
    struct dr_agent *agent = step->agent;
    struct dr_outcome *outcome = &agent->record.outcome;
    if (is_final(outcome) && strcmp(outcome->job_id, from->job_id) != 0) {
        /* It never blocks a newer job: the report tells what the job's record will not. */
        dr_step_note(step, outcome->reason, outcome->job_id);
    }
    *outcome = *from;
    outcome->state = state;
    outcome->reason = reason;
    outcome->since_s = step->total_s;
    dr_agent_copy_text(outcome->detail, sizeof(outcome->detail), detail);
    agent->outcome_resent = false;
    agent->outcome_attempt = 0;
    agent->outcome_ms = step->now_ms;
    agent->report_wanted = true;
    dr_step_save(step);
}

static void settle(struct dr_step *step)
{
    memset(&step->agent->record.outcome, 0, sizeof(step->agent->record.outcome));
    dr_step_save(step);
}

static void refused(struct dr_step *step, struct dr_outcome *outcome)
{
    struct dr_agent *agent = step->agent;
    switch (step->event->update.code) {
    case DR_CODE_INVALID_TRANSITION:
    case DR_CODE_TERMINAL:
    case DR_CODE_NOT_FOUND:
        settle(step);
        return;
    case DR_CODE_INVALID_REQUEST:
        /* Saying it again would not help; the report keeps a trace. */
        dr_step_note(step, outcome->reason, outcome->job_id);
        settle(step);
        return;
    case DR_CODE_VERSION_MISMATCH:
        outcome->version = step->event->update.version;
        if (!agent->outcome_resent) {
            agent->outcome_resent = true;
            agent->outcome_ms = step->now_ms;
        }
        return;
    case DR_CODE_OTHER:
    case DR_CODE_STREAM_FINAL:
        return; /* the back-off is running */
    }
}

/* A report was accepted: what it told need not be told again, unless there is more by now. */
static void reported(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    if (!agent->report_flying) {
        return;
    }
    agent->report_flying = false;
    agent->report_attempt = 0;
    agent->report_ms = step->now_ms;
    if (!agent->report_wanted && agent->record.notes[0].reason != DR_REASON_NONE) {
        memset(agent->record.notes, 0, sizeof(agent->record.notes));
        dr_step_save(step);
    }
}

void dr_outcome_see(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    const struct dr_agent_event *event = step->event;
    struct dr_outcome *outcome = &agent->record.outcome;
    if (event->kind == DR_EVENT_LINK_UP) {
        agent->outcome_ms = step->now_ms;
        agent->report_ms = step->now_ms;
        agent->outcome_attempt = 0;
        agent->report_attempt = 0;
        agent->report_wanted = true;
    } else if (event->kind == DR_EVENT_REPORT_ACCEPTED) {
        reported(step);
    } else if (
        (event->kind == DR_EVENT_UPDATE_ACCEPTED || event->kind == DR_EVENT_UPDATE_REFUSED) &&
        event->update.outcome && is_final(outcome) &&
        strcmp(event->update.job_id, outcome->job_id) == 0) {
        if (event->kind == DR_EVENT_UPDATE_ACCEPTED) {
            settle(step);
        } else {
            refused(step, outcome);
        }
    } else if (
        event->kind == DR_EVENT_UPDATE_ACCEPTED && !event->update.outcome &&
        strcmp(event->update.job_id, agent->job.id) == 0) {
        agent->job.version =
            event->update.version != 0 ? event->update.version : agent->job.version + 1u;
    }
}

void dr_outcome_turn(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_outcome *outcome = &agent->record.outcome;
    if (agent->link_up && is_final(outcome) && step->now_ms >= agent->outcome_ms) {
        if (step->total_s - outcome->since_s > OUTCOME_S_MAX) {
            dr_step_note(step, outcome->reason, outcome->job_id);
            settle(step);
        } else {
            dr_step_send(step, DR_SEND_OUTCOME);
            agent->outcome_ms = step->now_ms + dr_step_backoff(
                                                   step, 2u * RETRY_MS_MIN, 8u * RETRY_MS_MAX,
                                                   agent->outcome_attempt++);
        }
    }
    if (agent->link_up && (agent->report_wanted || agent->report_flying) &&
        step->now_ms >= agent->report_ms) {
        dr_step_send(step, DR_SEND_REPORT);
        agent->report_wanted = false;
        agent->report_flying = true;
        agent->report_ms =
            step->now_ms +
            dr_step_backoff(step, 2u * RETRY_MS_MIN, 8u * RETRY_MS_MAX, agent->report_attempt++);
    }
    if (step->now_ms >= agent->save_ms) {
        dr_step_save(step);
    }
}

uint64_t dr_outcome_next_ms(const struct dr_agent *agent)
{
    uint64_t next_ms = agent->save_ms;
    if (agent->link_up && is_final(&agent->record.outcome) && agent->outcome_ms < next_ms) {
        next_ms = agent->outcome_ms;
    }
    if (agent->link_up && (agent->report_wanted || agent->report_flying) &&
        agent->report_ms < next_ms) {
        next_ms = agent->report_ms;
    }
    return next_ms;
}

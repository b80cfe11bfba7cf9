/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* How the last job ended, told until the service has settled it, and the device report. */
#include "device/agent/agent_priv.h"

#include <string.h>

static bool is_final(const struct dr_outcome *outcome)
{
    return outcome->state >= DR_OUTCOME_SUCCEEDED;
}

/* It is not told under its job any more: the report keeps a trace. */
static void hand_over(struct dr_step *step)
{
    const struct dr_outcome *outcome = &step->agent->record.outcome;
    dr_step_note(step, (enum dr_reason)outcome->reason, outcome->job.id);
}

static void settle(struct dr_step *step)
{
    step->agent->record.outcome.state = DR_OUTCOME_NONE;
    dr_step_save(step);
}

void dr_outcome_set(
    struct dr_step *step, enum dr_outcome_state state, const struct dr_job_ref *job,
    enum dr_reason reason, const char *detail)
{
    struct dr_agent *agent = step->agent;
    struct dr_outcome *outcome = &agent->record.outcome;
    if (is_final(outcome)) {
        hand_over(step); /* it never stands in the way of a newer job */
    }
    outcome->job = *job;
    outcome->state = (uint8_t)state;
    outcome->reason = (uint8_t)reason;
    outcome->tries = 0;
    outcome->since_s = agent->total_s;
    dr_agent_copy_text(outcome->detail, sizeof(outcome->detail), detail);
    agent->record.installing.state = DR_OUTCOME_NONE;
    agent->outcome_resent = false;
    agent->outcome_attempt = 0;
    agent->timers[DR_TIMER_OUTCOME] = 0;
    agent->report_wanted = true;
    dr_step_save(step);
}

static void refused(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    switch (step->event->update.code) {
    case DR_CODE_INVALID_REQUEST:
        hand_over(step); /* saying it again would not help */
        settle(step);
        return;
    case DR_CODE_GONE:
        settle(step);
        return;
    case DR_CODE_VERSION_MISMATCH:
        agent->record.outcome.job.version = step->event->update.version;
        if (!agent->outcome_resent) {
            agent->outcome_resent = true;
            agent->timers[DR_TIMER_OUTCOME] = 0;
        }
        return;
    case DR_CODE_OTHER:
    case DR_CODE_STREAM_FINAL:
        return; /* the back-off is running */
    }
}

static void see_update(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    const struct dr_agent_event *event = step->event;
    bool accepted = event->kind == DR_EVENT_UPDATE_ACCEPTED;
    if (!event->update.outcome) {
        if (accepted && strcmp(event->update.job_id, agent->job.ref.id) == 0) {
            agent->job.ref.version++;
        }
    } else if (
        is_final(&agent->record.outcome) &&
        strcmp(event->update.job_id, agent->record.outcome.job.id) == 0) {
        if (accepted) {
            settle(step);
        } else {
            refused(step);
        }
    }
}

/* A report was accepted: what it told need not be told again, unless there is more by now. */
static void reported(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_note *notes = agent->record.notes;
    agent->report_flying = false;
    agent->report_attempt = 0;
    agent->timers[DR_TIMER_REPORT] = 0;
    if (!agent->report_wanted && notes[0].reason != DR_REASON_NONE) {
        memset(notes, 0, sizeof(agent->record.notes));
        dr_step_save(step);
    }
}

void dr_outcome_see(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    enum dr_agent_event_kind kind = step->event->kind;
    if (kind == DR_EVENT_LINK_UP) {
        agent->timers[DR_TIMER_OUTCOME] = 0;
        agent->timers[DR_TIMER_REPORT] = 0;
        agent->outcome_attempt = 0;
        agent->report_attempt = 0;
        agent->report_wanted = true;
    } else if (kind == DR_EVENT_REPORT_ACCEPTED && agent->report_flying) {
        reported(step);
    } else if (kind == DR_EVENT_UPDATE_ACCEPTED || kind == DR_EVENT_UPDATE_REFUSED) {
        see_update(step);
    }
}

void dr_outcome_turn(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    if (agent->timers[DR_TIMER_SAVE] == 0) {
        dr_step_save(step);
    }
    if (!agent->link_up || agent->state == DR_AGENT_RESETTING) {
        return;
    }
    if (is_final(&agent->record.outcome) && agent->timers[DR_TIMER_OUTCOME] == 0) {
        dr_agent_back_off(agent, DR_TIMER_OUTCOME, RETRY_MS_MAX_TELLING, &agent->outcome_attempt);
        if (agent->total_s - agent->record.outcome.since_s > OUTCOME_S_MAX) {
            hand_over(step);
            settle(step);
        } else {
            dr_step_send(step, DR_SEND_OUTCOME);
        }
    }
    if ((agent->report_wanted || agent->report_flying) && agent->timers[DR_TIMER_REPORT] == 0) {
        dr_agent_back_off(agent, DR_TIMER_REPORT, RETRY_MS_MAX_TELLING, &agent->report_attempt);
        agent->report_wanted = false;
        agent->report_flying = true;
        dr_step_send(step, DR_SEND_REPORT);
    }
}

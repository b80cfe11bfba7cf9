/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The image that runs: what became of the last INSTALL, the test boot, CONFIRM, SEAL. */
#include "device/agent/agent_priv.h"

#include <string.h>

static bool same_digest(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, 32) == 0;
}

/* On trial in this boot: CONFIRM is not written yet, so a cancelled job still reverts. */
static bool on_trial(const struct dr_agent *agent)
{
    return agent->facts->image == DR_RUNS_CANDIDATE && !agent->health.confirm_written;
}

/* Failures that were nobody's fault start a wait when they are first seen, and a longer one when
 * they are seen again. */
static void learn_waits(struct dr_step *step)
{
    struct dr_agent_record *record = &step->agent->record;
    for (uint8_t i = 0; i < step->agent->facts->rejection_count; i++) {
        const struct dr_agent_fate *fate = &step->agent->facts->rejections[i];
        if (!fate->environment) {
            continue;
        }
        struct dr_wait *slot = &record->waits[0];
        for (size_t k = 0; k < DR_AGENT_WAITS_MAX; k++) {
            struct dr_wait *wait = &record->waits[k];
            if (same_digest(wait->digest, fate->digest)) {
                slot = wait;
                break;
            }
            if (wait->until_s < slot->until_s) {
                slot = wait;
            }
        }
        if (same_digest(slot->digest, fate->digest) && slot->failures >= fate->tries) {
            continue;
        }
        memcpy(slot->digest, fate->digest, sizeof(slot->digest));
        slot->failures = fate->tries;
        slot->until_s = step->total_s + (fate->tries <= 1u ? WAIT_FIRST_S : WAIT_LATER_S);
        dr_step_save(step);
    }
}

static const struct dr_agent_fate *
fate_of(const struct dr_agent_facts *facts, const uint8_t digest[32])
{
    if (same_digest(facts->last.digest, digest)) {
        return &facts->last;
    }
    if (same_digest(facts->refused.digest, digest)) {
        return &facts->refused;
    }
    for (uint8_t i = 0; i < facts->rejection_count; i++) {
        if (same_digest(facts->rejections[i].digest, digest)) {
            return &facts->rejections[i];
        }
    }
    return NULL;
}

/* An INSTALL was written, or was about to be: what came of it? */
static void resolve(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    const struct dr_agent_facts *facts = agent->facts;
    struct dr_outcome *installing = &agent->record.installing;
    if (same_digest(facts->digest, installing->digest)) {
        if (facts->image != DR_RUNS_CANDIDATE) {
            dr_outcome_set(step, DR_OUTCOME_SUCCEEDED, installing, DR_REASON_NONE, NULL);
            memset(installing, 0, sizeof(*installing));
        }
        return;
    }
    const struct dr_agent_fate *fate = fate_of(facts, installing->digest);
    enum dr_reason reason = fate != NULL ? fate->reason : DR_REASON_FLASH_OR_SOURCE;
    if (fate == NULL && installing->installs < INSTALLS_MAX) {
        return; /* never taken, a power cut was in between: the same job will come again */
    }
    installing->tries = fate != NULL ? fate->tries : 0;
    dr_outcome_set(step, DR_OUTCOME_FAILED, installing, reason, NULL);
    memset(installing, 0, sizeof(*installing));
}

void dr_trial_start(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_agent_record *record = &agent->record;
    const struct dr_agent_facts *facts = agent->facts;
    learn_waits(step);
    if (record->installing.state == DR_OUTCOME_INSTALLING) {
        resolve(step);
    }
    bool known = same_digest(record->confirmed, facts->digest);
    if (facts->image == DR_RUNS_CONFIRMED && !known) {
        memcpy(record->confirmed, facts->digest, sizeof(record->confirmed));
        record->confirmed_s = step->total_s;
        dr_step_save(step);
    } else if (facts->image == DR_RUNS_SEALED && known) {
        memset(record->confirmed, 0, sizeof(record->confirmed));
        dr_step_note(step, DR_REASON_SEAL, NULL);
    }
}

bool dr_trial_is_ours(const struct dr_agent *agent, const struct dr_agent_job *job)
{
    const struct dr_outcome *installing = &agent->record.installing;
    return installing->state == DR_OUTCOME_INSTALLING && strcmp(installing->job_id, job->id) == 0 &&
           installing->execution == job->execution;
}

static void see_self_test(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_outcome *installing = &agent->record.installing;
    if (step->event->self_test.passed) {
        agent->health.self_test_passed = true;
        agent->health.soak_from_ms = step->now_ms;
        return;
    }
    if (!on_trial(agent)) {
        dr_step_note(step, DR_REASON_SELF_TEST, step->event->self_test.detail);
        return;
    }
    /* The words are kept here: the journal knows only the reason. */
    dr_outcome_set(
        step, DR_OUTCOME_FAILED, installing, DR_REASON_SELF_TEST, step->event->self_test.detail);
    memset(installing, 0, sizeof(*installing));
    dr_step_save(step);
    agent->health.reverting = DR_REASON_SELF_TEST;
}

/* The service still offers jobs while an image is on trial. Whatever it says, ask about our own:
 * only the answer to an update tells whether it was cancelled. */
static void see_offer(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_outcome *installing = &agent->record.installing;
    const struct dr_agent_event *event = step->event;
    if (!on_trial(agent)) {
        return;
    }
    if (installing->state != DR_OUTCOME_INSTALLING && event->kind == DR_EVENT_JOB &&
        event->job->has_digest && same_digest(event->job->digest, agent->facts->digest)) {
        /* The record was lost, but this is the job that brought us here. */
        installing->state = DR_OUTCOME_INSTALLING;
        dr_agent_copy_text(installing->job_id, sizeof(installing->job_id), event->job->id);
        installing->execution = event->job->execution;
        installing->version = event->job->version;
        memcpy(installing->digest, event->job->digest, sizeof(installing->digest));
        dr_step_save(step);
    }
    if (installing->state == DR_OUTCOME_INSTALLING && !agent->health.job_gone) {
        dr_step_send(step, DR_SEND_ACTIVE);
    }
}

static void see_update(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_outcome *installing = &agent->record.installing;
    const struct dr_agent_event *event = step->event;
    if (event->update.outcome || installing->state != DR_OUTCOME_INSTALLING ||
        strcmp(event->update.job_id, installing->job_id) != 0) {
        return;
    }
    if (event->kind == DR_EVENT_UPDATE_ACCEPTED) {
        installing->version =
            event->update.version != 0 ? event->update.version : installing->version + 1u;
    } else if (event->update.canceled && on_trial(agent)) {
        memset(installing, 0, sizeof(*installing));
        dr_step_save(step);
        agent->health.reverting = DR_REASON_CANCELED;
    } else if (
        event->update.code == DR_CODE_NOT_FOUND || event->update.code == DR_CODE_TERMINAL ||
        event->update.code == DR_CODE_INVALID_TRANSITION) {
        agent->health.job_gone = true;
    }
}

static void confirmed(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_outcome *installing = &agent->record.installing;
    agent->health.confirm_written = true;
    memcpy(agent->record.confirmed, agent->facts->digest, sizeof(agent->record.confirmed));
    agent->record.confirmed_s = step->total_s;
    if (installing->state == DR_OUTCOME_INSTALLING) {
        dr_outcome_set(step, DR_OUTCOME_SUCCEEDED, installing, DR_REASON_NONE, NULL);
        memset(installing, 0, sizeof(*installing));
    }
    agent->report_wanted = true;
    dr_step_save(step);
}

static void reset(struct dr_step *step, enum dr_reason reason)
{
    dr_step_save(step);
    dr_step_push(step, DR_ACT_RESET)->reason = reason;
    step->agent->state = DR_AGENT_RESETTING;
    step->agent->next_ms = step->now_ms + REBOOT_MS;
}

static void see_done(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    const struct dr_agent_event *event = step->event;
    bool well = event->done.status == DR_OK;
    enum dr_agent_act act = event->done.act;
    if (act == DR_ACT_ASK) {
        if (event->done.reason == DR_REASON_INSTALL) {
            return; /* the job's question */
        }
        if (well) {
            reset(step, event->done.reason);
        } else {
            uint32_t wait_s = event->done.status == DR_E_AGAIN ? event->done.wait_s : WAIT_FIRST_S;
            agent->health.retry_ms = step->now_ms + 1000u * (uint64_t)(wait_s + 1u);
        }
    } else if (act == DR_ACT_CONFIRM || act == DR_ACT_SEAL || act == DR_ACT_RETRY) {
        agent->health.retry_ms = well ? 0 : step->now_ms + REQUEST_MS;
        if (well && act == DR_ACT_CONFIRM) {
            confirmed(step);
        }
        agent->health.seal_written |= well && act == DR_ACT_SEAL;
        agent->health.retry_written |= well && act == DR_ACT_RETRY;
    } else if (act == DR_ACT_REVERT) {
        if (well) {
            reset(step, agent->health.reverting);
        } else {
            agent->health.retry_ms = step->now_ms + RETRY_MS_MIN;
        }
    }
}

void dr_trial_see(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    switch (step->event->kind) {
    case DR_EVENT_SELF_TEST:
        see_self_test(step);
        return;
    case DR_EVENT_DONE:
        see_done(step);
        return;
    case DR_EVENT_JOB:
    case DR_EVENT_NO_JOB:
        agent->health.round_trip = true;
        see_offer(step);
        return;
    case DR_EVENT_UPDATE_ACCEPTED:
    case DR_EVENT_UPDATE_REFUSED:
        agent->health.round_trip = true;
        see_update(step);
        return;
    case DR_EVENT_NOTIFIED:
    case DR_EVENT_ASK_REFUSED:
    case DR_EVENT_BLOCK:
    case DR_EVENT_STREAM_REFUSED:
    case DR_EVENT_REPORT_ACCEPTED:
        agent->health.round_trip = true; /* whatever it says, the service said it */
        return;
    case DR_EVENT_START:
    case DR_EVENT_TICK:
    case DR_EVENT_LINK_UP:
    case DR_EVENT_LINK_DOWN:
    case DR_EVENT_COUNT:
        return;
    }
}

/* Uptime at which this image may be sealed, once it is healthy. */
static uint64_t seal_ms(const struct dr_agent *agent)
{
    const struct dr_agent_facts *facts = agent->facts;
    uint32_t at_s = agent->record.confirmed_s + facts->seal_s;
    if ((facts->image == DR_RUNS_CONFIRMED && facts->confirmed_boots >= SEAL_BOOTS) ||
        at_s <= agent->base_s) {
        return 1u;
    }
    return 1000u * (uint64_t)(at_s - agent->base_s);
}

static uint64_t later(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms > b_ms ? a_ms : b_ms;
}

/* Is there a job that waits for the seal? */
static bool job_waits(const struct dr_agent *agent)
{
    return agent->state == DR_AGENT_WAITING && agent->wait_reason == DR_REASON_UNSEALED;
}

/* What the running image waits for, and when that is due: the one place that orders the steps from
 * test boot to sealed, read both by the turn and by the timer. */
enum due { DUE_NOTHING, DUE_REVERT, DUE_HEALTHY, DUE_CONFIRM, DUE_SEAL, DUE_RETRY, DUE_RESET };

static enum due next_due(const struct dr_agent *agent, uint64_t *ret_ms)
{
    const struct dr_agent_facts *facts = agent->facts;
    const struct dr_agent_health *health = &agent->health;
    bool match = agent->record.installing.state != DR_OUTCOME_INSTALLING ||
                 facts->image != DR_RUNS_CANDIDATE ||
                 same_digest(agent->record.installing.digest, facts->digest);
    *ret_ms = later(health->retry_ms, 1u);
    if (health->reverting != DR_REASON_NONE) {
        return DUE_REVERT;
    }
    if (health->seal_written || health->retry_written) {
        if (job_waits(agent)) {
            *ret_ms = 1u; /* at once, whatever the product said before */
        }
        return DUE_RESET;
    }
    if (facts->lower_rung && !dr_agent_unsealed(agent)) {
        *ret_ms = later(*ret_ms, RETRY_RUNG_MS);
        return DUE_RETRY;
    }
    if (!dr_agent_unsealed(agent) || facts->recovery || !health->self_test_passed ||
        !health->round_trip || !match) {
        return DUE_NOTHING;
    }
    if (!health->healthy) {
        *ret_ms = health->soak_from_ms + 1000u * (uint64_t)facts->soak_s;
        return DUE_HEALTHY;
    }
    if (facts->image == DR_RUNS_CANDIDATE && !health->confirm_written) {
        return DUE_CONFIRM;
    }
    *ret_ms = later(*ret_ms, seal_ms(agent));
    return DUE_SEAL;
}

void dr_trial_turn(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    uint64_t due_ms = 0;
    enum due due = next_due(agent, &due_ms);
    if (due == DUE_HEALTHY && step->now_ms >= due_ms) {
        agent->health.healthy = true;
        due = next_due(agent, &due_ms);
    }
    if (step->now_ms < due_ms) {
        return;
    }
    /* Until the result of a request is known, it is not written again. */
    agent->health.retry_ms = step->now_ms + REQUEST_MS;
    switch (due) {
    case DUE_NOTHING:
    case DUE_HEALTHY:
        agent->health.retry_ms = 0;
        return;
    case DUE_REVERT:
        dr_step_push(step, DR_ACT_REVERT)->reason = agent->health.reverting;
        return;
    case DUE_CONFIRM:
        (void)dr_step_push(step, DR_ACT_CONFIRM);
        return;
    case DUE_SEAL:
        (void)dr_step_push(step, DR_ACT_SEAL);
        return;
    case DUE_RETRY:
        (void)dr_step_push(step, DR_ACT_RETRY);
        return;
    case DUE_RESET:
        if (job_waits(agent)) {
            reset(step, DR_REASON_SEAL);
        } else {
            dr_step_question(
                step, DR_MAY_REBOOT,
                agent->health.seal_written ? DR_REASON_SEAL : DR_REASON_LADDER);
        }
        return;
    }
}

uint64_t dr_trial_next_ms(const struct dr_agent *agent)
{
    uint64_t due_ms = 0;
    return next_due(agent, &due_ms) == DUE_NOTHING ? 0 : due_ms;
}

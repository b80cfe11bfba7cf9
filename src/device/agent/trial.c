/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The image that runs: what became of the last INSTALL, the test boot, CONFIRM, SEAL. */
#include "device/agent/agent_priv.h"

#include <string.h>

/* On trial in this boot: CONFIRM is not written yet, so a cancelled job still reverts. */
static bool on_trial(const struct dr_agent *agent)
{
    return agent->facts->image == DR_RUNS_CANDIDATE && !agent->health.confirm_written;
}

/* A job that was installed and has no end yet. */
static bool is_installing(const struct dr_agent *agent)
{
    return agent->record.installing.state == DR_OUTCOME_INSTALLING;
}

/* A failure that was nobody's fault starts a wait when it is first seen, and a longer one when it
 * is seen again. */
static void learn_wait(struct dr_step *step, const struct dr_agent_fate *fate)
{
    struct dr_agent *agent = step->agent;
    struct dr_wait *slot = agent->record.waits;
    for (struct dr_wait *wait = slot; wait < agent->record.waits + DR_AGENT_WAITS_MAX; wait++) {
        if (dr_digest_equal(wait->digest, fate->digest)) {
            slot = wait;
            break;
        }
        slot = wait->until_s < slot->until_s ? wait : slot; /* the one that ends first goes */
    }
    if (dr_digest_equal(slot->digest, fate->digest) && slot->failures >= fate->tries) {
        return;
    }
    memcpy(slot->digest, fate->digest, sizeof(slot->digest));
    slot->failures = fate->tries;
    slot->until_s =
        agent->total_s + agent->facts->health_s * (fate->tries <= 1u ? WAIT_FIRST : WAIT_LATER);
    dr_step_save(step);
}

/* The first fate of this image, NULL when the journal knows none. */
static const struct dr_agent_fate *
fate_of(const struct dr_agent_facts *facts, const uint8_t *digest)
{
    const struct dr_agent_fate *end = facts->fates + facts->fate_count;
    for (const struct dr_agent_fate *fate = facts->fates; fate < end; fate++) {
        if (dr_digest_equal(fate->digest, digest)) {
            return fate;
        }
    }
    return NULL;
}

/* An INSTALL was written, or was about to be: what came of it? */
static void resolve(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_outcome *installing = &agent->record.installing;
    if (dr_digest_equal(agent->facts->digest, installing->job.digest)) {
        if (agent->facts->image != DR_RUNS_CANDIDATE) {
            dr_outcome_set(step, DR_OUTCOME_SUCCEEDED, &installing->job, DR_REASON_NONE, NULL);
        }
        return;
    }
    /* What the journal says was there before this INSTALL, if it has not moved since. */
    const struct dr_agent_fate *fate = agent->facts->journal_sequence != installing->since_s
                                           ? fate_of(agent->facts, installing->job.digest)
                                           : NULL;
    if (fate != NULL) {
        dr_outcome_set(step, DR_OUTCOME_FAILED, &installing->job, fate->reason, NULL);
        agent->record.outcome.tries = fate->tries;
    } else if (installing->installs >= INSTALLS_MAX) {
        dr_outcome_set(step, DR_OUTCOME_FAILED, &installing->job, DR_REASON_FLASH_OR_SOURCE, NULL);
    }
    /* Otherwise it was never taken, a power cut was in between: the same job will come again. */
}

/* The day on a lower rung that ends with RETRY, added up over boots; kept when uptime is. */
static void start_day(struct dr_agent *agent)
{
    uint32_t *lower_s = &agent->record.lower_s;
    if (*lower_s == 0) {
        *lower_s = agent->total_s + 1u;
    }
    uint32_t spent_s = agent->total_s + 1u - *lower_s;
    agent->timers[DR_TIMER_SEAL] = spent_s < RETRY_RUNG_S ? 1000u * (RETRY_RUNG_S - spent_s) : 0;
}

void dr_trial_start(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_agent_record *record = &agent->record;
    const struct dr_agent_facts *facts = agent->facts;
    uint32_t *seal_ms = &agent->timers[DR_TIMER_SEAL];
    bool known = dr_digest_equal(record->confirmed, facts->digest);
    const struct dr_agent_fate *end = facts->fates + facts->fate_count;
    for (const struct dr_agent_fate *fate = facts->fates; fate < end; fate++) {
        if (fate->environment) {
            learn_wait(step, fate);
        }
    }
    if (is_installing(agent)) {
        resolve(step);
    }
    if (facts->image == DR_RUNS_CONFIRMED) {
        if (!known) {
            memcpy(record->confirmed, facts->digest, sizeof(record->confirmed));
            record->confirmed_s = agent->total_s;
            dr_step_save(step);
        }
        uint32_t since_s = agent->total_s - record->confirmed_s;
        *seal_ms = since_s >= facts->seal_s || facts->confirmed_boots >= SEAL_BOOTS
                       ? 0
                       : 1000u * (facts->seal_s - since_s);
    } else if (facts->image == DR_RUNS_SEALED && known) {
        memset(record->confirmed, 0, sizeof(record->confirmed));
        dr_step_note(step, DR_REASON_SEAL, NULL);
    }
    if (facts->lower_rung && !dr_agent_unsealed(agent)) {
        start_day(agent);
    } else {
        record->lower_s = 0;
    }
}

static void see_self_test(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    const char *detail = step->event->self_test.detail;
    if (step->event->self_test.passed) {
        agent->health.self_test_passed = true;
        agent->timers[DR_TIMER_SOAK] = 1000u * agent->facts->soak_s;
    } else if (!on_trial(agent)) {
        dr_step_note(step, DR_REASON_SELF_TEST, detail);
    } else {
        agent->health.reverting = DR_REASON_SELF_TEST;
        if (is_installing(agent)) {
            /* The words are kept here: the journal knows only the reason. */
            dr_outcome_set(
                step, DR_OUTCOME_FAILED, &agent->record.installing.job, DR_REASON_SELF_TEST,
                detail);
        }
    }
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
    if (!is_installing(agent) && event->kind == DR_EVENT_JOB && event->job->has_digest &&
        dr_digest_equal(event->job->ref.digest, agent->facts->digest)) {
        /* The record was lost, but this is the job that brought us here. */
        installing->state = DR_OUTCOME_INSTALLING;
        installing->job = event->job->ref;
        dr_step_save(step);
    }
    if (is_installing(agent) && !agent->health.job_gone) {
        dr_step_send(step, DR_SEND_ACTIVE);
    }
}

static void see_update(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_outcome *installing = &agent->record.installing;
    const struct dr_agent_event *event = step->event;
    if (event->update.outcome || !is_installing(agent) ||
        strcmp(event->update.job_id, installing->job.id) != 0) {
        return;
    }
    if (event->kind == DR_EVENT_UPDATE_ACCEPTED) {
        installing->job.version++;
    } else if (event->update.canceled && on_trial(agent)) {
        installing->state = DR_OUTCOME_NONE;
        agent->health.reverting = DR_REASON_CANCELED;
        dr_step_save(step);
    } else if (event->update.code == DR_CODE_GONE) {
        agent->health.job_gone = true;
    }
}

static void confirmed(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    agent->health.confirm_written = true;
    agent->timers[DR_TIMER_SEAL] = 1000u * agent->facts->seal_s;
    memcpy(agent->record.confirmed, agent->facts->digest, sizeof(agent->record.confirmed));
    agent->record.confirmed_s = agent->total_s;
    agent->report_wanted = true;
    dr_step_save(step);
    if (is_installing(agent)) {
        dr_outcome_set(
            step, DR_OUTCOME_SUCCEEDED, &agent->record.installing.job, DR_REASON_NONE, NULL);
    }
}

static void reset(struct dr_step *step, enum dr_reason reason)
{
    dr_step_save(step);
    dr_step_push(step, DR_ACT_RESET)->reason = reason;
    step->agent->state = DR_AGENT_RESETTING;
    step->agent->timers[DR_TIMER_STATE] = REBOOT_MS;
}

static void see_done(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    struct dr_agent_health *health = &agent->health;
    const struct dr_agent_event *event = step->event;
    enum dr_agent_act act = event->done.act;
    bool well = event->done.status == DR_OK;
    if (act == DR_ACT_ASK && event->done.reason != DR_REASON_INSTALL) {
        if (well) {
            reset(step, event->done.reason);
        } else {
            uint32_t wait_s =
                event->done.status == DR_E_AGAIN ? event->done.wait_s : RESET_REFUSED_S;
            agent->timers[DR_TIMER_REQUEST] =
                1000u * (wait_s < RESET_LATER_S ? wait_s + 1u : RESET_LATER_S);
        }
    } else if (well && act >= DR_ACT_CONFIRM && act <= DR_ACT_RETRY) {
        agent->timers[DR_TIMER_REQUEST] = 0;
        if (act == DR_ACT_CONFIRM) {
            confirmed(step);
        } else if (act == DR_ACT_SEAL) {
            health->seal_written = true;
        } else if (act == DR_ACT_RETRY) {
            health->retry_written = true;
            agent->record.lower_s = 0; /* saved before the reset */
        } else {
            reset(step, health->reverting);
        }
    }
}

void dr_trial_see(struct dr_step *step)
{
    enum dr_agent_event_kind kind = step->event->kind;
    if (kind >= DR_EVENT_JOB && kind <= DR_EVENT_REPORT_ACCEPTED) {
        step->agent->health.round_trip = true; /* whatever it says, the service said it */
    }
    if (kind == DR_EVENT_SELF_TEST) {
        see_self_test(step);
    } else if (kind == DR_EVENT_DONE) {
        see_done(step);
    } else if (kind == DR_EVENT_JOB || kind == DR_EVENT_NO_JOB) {
        see_offer(step);
    } else if (kind == DR_EVENT_UPDATE_ACCEPTED || kind == DR_EVENT_UPDATE_REFUSED) {
        see_update(step);
    }
}

/* The next thing to do about the running image; DR_ACT_COUNT: nothing now. The one place that
 * orders the way from test boot to sealed. */
static enum dr_agent_act next_act(struct dr_agent *agent)
{
    struct dr_agent_health *health = &agent->health;
    bool on_time = agent->timers[DR_TIMER_SEAL] == 0;
    if (health->reverting != DR_REASON_NONE) {
        return DR_ACT_REVERT;
    }
    if (health->seal_written || health->retry_written) {
        return DR_ACT_RESET;
    }
    if (!dr_agent_unsealed(agent)) {
        return on_time ? DR_ACT_RETRY : DR_ACT_COUNT;
    }
    if (!health->self_test_passed || !health->round_trip || agent->timers[DR_TIMER_SOAK] != 0) {
        return DR_ACT_COUNT;
    }
    if (on_trial(agent)) {
        /* It must be the very image that was installed. */
        bool match = !is_installing(agent) ||
                     dr_digest_equal(agent->record.installing.job.digest, agent->facts->digest);
        return match ? DR_ACT_CONFIRM : DR_ACT_COUNT;
    }
    return on_time ? DR_ACT_SEAL : DR_ACT_COUNT;
}

void dr_trial_turn(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    uint32_t *wait_ms = &agent->timers[DR_TIMER_REQUEST];
    enum dr_agent_act act = next_act(agent);
    bool job_waits = agent->state == DR_AGENT_WAITING && agent->wait_reason == DR_REASON_UNSEALED;
    if (act == DR_ACT_COUNT || agent->state == DR_AGENT_RESETTING) {
        return;
    }
    if (act == DR_ACT_RESET && job_waits) {
        reset(step, DR_REASON_SEAL); /* at once, whatever the product said before */
        return;
    }
    if (*wait_ms != 0) {
        return;
    }
    *wait_ms = REQUEST_MS; /* until the result is known it is not written again */
    if (act == DR_ACT_RESET) {
        dr_step_question(
            step, DR_MAY_REBOOT, agent->health.seal_written ? DR_REASON_SEAL : DR_REASON_LADDER);
    } else {
        dr_step_push(step, act)->reason = agent->health.reverting;
    }
}

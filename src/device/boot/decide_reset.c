/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Whose fault the reset was, and what follows from it: tries, late revert, ladder. */
#include "device/boot/decide_priv.h"

#include <string.h>

enum dr_reset_cause dr_decide_cause(const struct dr_decide_input *input)
{
    const struct dr_retained *retained = &input->retained;
    if (input->strap == DR_STRAP_POWER) {
        return DR_RESET_POWER;
    }
    if (input->strap == DR_STRAP_LOCKUP) {
        return DR_RESET_LOCKUP;
    }
    if (!input->retained_valid) {
        return DR_RESET_FAULT;
    }
    if (retained->in_rom) {
        return DR_RESET_ROM;
    }
    if (retained->mark == DR_MARK_SLEEP ||
        (retained->mark == DR_MARK_PROVISIONED && retained->slot == DR_SLOT_FACTORY) ||
        (retained->mark == DR_MARK_RESET &&
         (input->request_count > 0 || retained->uptime_ms >= input->policy->planned_uptime_ms))) {
        return DR_RESET_PLANNED;
    }
    return DR_RESET_FAULT;
}

/* A wanted reset that the watchdog had to finish left a crash record: that was a hang. */
enum dr_reason dr_decide_fault(const struct dr_decide_input *input, enum dr_reset_cause cause)
{
    if (cause == DR_RESET_LOCKUP) {
        return DR_REASON_LOCKUP;
    }
    if (cause != DR_RESET_FAULT) {
        return DR_REASON_NONE;
    }
    if (input->crash_reason == DR_CRASH_FAULT || input->crash_reason == DR_CRASH_CHECK) {
        return DR_REASON_CRASH;
    }
    bool wanted = input->crash_reason == DR_CRASH_NONE && input->retained_valid &&
                  input->retained.mark == DR_MARK_RESET;
    return wanted ? DR_REASON_RESTART : DR_REASON_HANG;
}

/* Faults in a row before this reset, if the retained block speaks of the same image on the same
 * rung. The journal's count stands in where a dying image destroys the block each time. */
static uint8_t earlier_faults(const struct dr_deciding *deciding)
{
    const struct dr_retained *retained = &deciding->in->retained;
    const struct dr_boot_state *state = deciding->state;
    bool same = deciding->in->retained_valid && retained->rung == state->rung;
    if (state->trial.state == DR_IMAGE_CONFIRMED) {
        same = same && retained->state == DR_IMAGE_CONFIRMED && retained->slot == state->trial.slot;
    } else { /* whichever image of the ladder ran */
        same = same && (retained->state == DR_IMAGE_SEALED || retained->state == DR_IMAGE_FACTORY);
    }
    return same && retained->faults > state->lost_faults ? retained->faults : state->lost_faults;
}

static void forget_lost(struct dr_deciding *deciding)
{
    struct dr_decision *out = deciding->out;
    if (out->state.lost_faults != 0) {
        out->state.lost_faults = 0;
        out->changed = true;
    }
}

/* Count one more fault on top of `earlier`; with the block destroyed, in the journal. */
static uint8_t one_more(struct dr_deciding *deciding, uint8_t earlier)
{
    uint8_t faults = (uint8_t)(earlier + (earlier < UINT8_MAX));
    if (!deciding->in->retained_valid && !deciding->in->frozen) {
        deciding->state->lost_faults = faults;
        deciding->out->changed = true;
    }
    return faults;
}

static bool is_fault(const struct dr_deciding *deciding)
{
    return deciding->out->fault != DR_REASON_NONE;
}

/* Is the run that ended the trial's? Another image may have run in its place, in a boot that could
 * not write the journal. A destroyed block speaks for nobody: it counts against the trial. */
static bool trial_ran(const struct dr_deciding *deciding)
{
    return !deciding->in->retained_valid ||
           deciding->in->retained.slot == deciding->state->trial.slot;
}

static void charge_candidate(struct dr_deciding *deciding)
{
    struct dr_decision *out = deciding->out;
    struct dr_boot_trial *trial = &out->state.trial;
    if (!is_fault(deciding) || deciding->trial_moved || !trial_ran(deciding)) {
        return;
    }
    trial->faults++;
    out->changed = true;
    if (trial->faults >= deciding->in->policy->candidate_faults) {
        dr_decide_drop_trial(&out->state, DR_TRANSITION_REVERT, out->fault, DR_REJECTION_IMAGE);
    }
}

/* A confirmed image gives up, or is given up: back to the previous image if that one is good, else
 * there is no way back, which is what sealed means. */
static void late_revert(struct dr_deciding *deciding, uint8_t reason, enum dr_transition_kind kind)
{
    struct dr_decision *out = deciding->out;
    struct dr_boot_state *state = deciding->state;
    const struct dr_anchor_view *anchor = deciding->anchor;
    if (deciding->in->frozen || deciding->in->pin != DR_PIN_NOTHING) {
        return; /* cannot be recorded; or the person decides */
    }
    enum dr_answer answer = dr_decide_ask(deciding, dr_decide_base(state, anchor));
    if (answer == DR_ANSWER_UNKNOWN) {
        return;
    }
    state->trial.faults = out->faults;
    if (answer == DR_ANSWER_YES) {
        dr_decide_drop_trial(state, kind, reason, dr_decide_class(reason));
    } else {
        dr_decide_seal(state, anchor, DR_REASON_LATE_REVERT);
    }
    out->faults = 0;
    out->changed = true;
}

static void charge_confirmed(struct dr_deciding *deciding)
{
    struct dr_decision *out = deciding->out;
    uint8_t faults = earlier_faults(deciding);
    if (out->cause == DR_RESET_POWER) {
        faults = 0;
        forget_lost(deciding);
    } else if (is_fault(deciding) && trial_ran(deciding)) {
        faults = one_more(deciding, faults);
    }
    out->faults = faults;
    if (deciding->revert_asked) {
        late_revert(deciding, deciding->revert_reason, DR_TRANSITION_REVERT);
    } else if (faults >= deciding->in->policy->confirmed_faults) {
        late_revert(deciding, out->fault, DR_TRANSITION_LATE_REVERT);
    }
}

static uint8_t next_rung(const struct dr_deciding *deciding)
{
    const struct dr_boot_state *state = deciding->state;
    switch (state->rung) {
    case DR_RUNG_NORMAL:
        return state->retry_rung != DR_RUNG_NORMAL ? state->retry_rung : (uint8_t)DR_RUNG_SAFE;
    case DR_RUNG_SAFE:
        return dr_decide_previous(state, deciding->anchor) != DR_SLOT_FACTORY
                   ? (uint8_t)DR_RUNG_PREVIOUS
                   : (uint8_t)DR_RUNG_FACTORY;
    case DR_RUNG_PREVIOUS:
        return DR_RUNG_FACTORY;
    default:
        return DR_RUNG_NORMAL; /* the ladder is tried again, after a pause */
    }
}

static uint8_t ladder_limit(const struct dr_deciding *deciding)
{
    const struct dr_boot_policy *policy = deciding->in->policy;
    if (deciding->state->rung != DR_RUNG_NORMAL) {
        return policy->lower_faults;
    }
    return deciding->state->retry_rung != DR_RUNG_NORMAL ? policy->retry_faults
                                                         : policy->normal_faults;
}

/* The image that a RETRY went back to has run for long: it has the usual number of faults again. */
static void end_probation(struct dr_deciding *deciding)
{
    struct dr_boot_state *state = deciding->state;
    if (state->retry_rung != DR_RUNG_NORMAL && deciding->out->cause != DR_RESET_POWER &&
        deciding->in->retained.rung == state->rung && !deciding->in->frozen) {
        state->retry_rung = DR_RUNG_NORMAL;
        deciding->out->changed = true;
    }
}

/* Consecutive faults of whatever the ladder booted; one after a long run begins no series. */
static void charge_home(struct dr_deciding *deciding)
{
    struct dr_decision *out = deciding->out;
    const struct dr_retained *retained = &deciding->in->retained;
    bool known = deciding->in->retained_valid;
    bool stable = known && retained->uptime_ms >= deciding->in->policy->stable_ms;
    bool other = deciding->trial_moved || (known && retained->state == DR_IMAGE_CANDIDATE);
    uint8_t faults = earlier_faults(deciding);
    if (stable) {
        end_probation(deciding);
    }
    if (out->cause == DR_RESET_POWER || out->cause == DR_RESET_PLANNED || other ||
        (is_fault(deciding) && stable)) {
        faults = 0;
        forget_lost(deciding);
    } else if (is_fault(deciding)) {
        faults = one_more(deciding, faults);
    }
    out->faults = faults;
    if (deciding->in->frozen || faults < ladder_limit(deciding)) {
        return;
    }
    uint8_t left = out->state.rung;
    out->state.rung = next_rung(deciding);
    out->state.retry_rung = DR_RUNG_NORMAL;
    out->state.lost_faults = 0;
    out->faults = 0;
    out->pause = left == DR_RUNG_FACTORY;
    dr_decide_note(&out->state.last, DR_TRANSITION_RUNG, DR_REASON_LADDER, out->state.home, NULL);
    out->state.last.faults = faults;
    out->changed = true;
}

void dr_decide_charge(struct dr_deciding *deciding)
{
    if (deciding->state->trial.state == DR_IMAGE_CANDIDATE) {
        charge_candidate(deciding);
    } else if (deciding->state->trial.state == DR_IMAGE_CONFIRMED) {
        charge_confirmed(deciding);
    } else {
        charge_home(deciding);
    }
}

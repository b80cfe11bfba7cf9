/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/decide_priv.h"

#include <string.h>

enum dr_pin dr_pin_stage(const struct dr_boot_policy *policy, uint32_t held_ms)
{
    if (held_ms < policy->pin_previous_ms || held_ms >= policy->pin_cancel_ms) {
        return DR_PIN_NOTHING;
    }
    if (held_ms < policy->pin_factory_ms) {
        return DR_PIN_PREVIOUS;
    }
    return held_ms < policy->pin_erase_ms ? DR_PIN_FACTORY : DR_PIN_ERASE;
}

bool dr_decide_floor(
    const struct dr_boot_state *state, const struct dr_image_facts *issuer,
    struct dr_order *ret_floor)
{
    if (state->floor_known) {
        *ret_floor = state->floor;
        return true;
    }
    if (issuer == NULL || !issuer->known) {
        return false;
    }
    *ret_floor = issuer->order;
    return true;
}

uint8_t dr_decide_spare(const struct dr_boot_state *state, uint8_t slot, uint8_t image_state)
{
    if (state->trial.state == DR_IMAGE_CONFIRMED) {
        return DR_SLOT_NONE;
    }
    if (image_state == DR_IMAGE_FACTORY) {
        return state->last_sealed == DR_SLOT_A ? DR_SLOT_B : DR_SLOT_A;
    }
    if (image_state == DR_IMAGE_SEALED) {
        return slot == DR_SLOT_A ? DR_SLOT_B : DR_SLOT_A;
    }
    return DR_SLOT_NONE;
}

enum dr_boot_mode dr_decide_mode(
    const struct dr_boot_state *state, const struct dr_boot_choice *choice,
    const struct dr_image_facts *facts, const struct dr_anchor_view *anchor, bool unrevoked)
{
    if (choice->slot == DR_SLOT_FACTORY) {
        if (anchor->life == DR_LIFE_OPEN) {
            return DR_MODE_PROVISIONING;
        }
        bool users_own = state->sealed_ever && state->sealed_epoch >= anchor->epoch;
        if (users_own || !unrevoked || facts->counter < dr_decide_security(state, anchor)) {
            return DR_MODE_RECOVERY;
        }
    }
    return choice->rung == DR_RUNG_SAFE ? DR_MODE_SAFE : DR_MODE_NORMAL;
}

/* No record to stand on: the first of a new device, or the first after the journal was lost. */
static void begin_state(struct dr_deciding *deciding)
{
    const struct dr_anchor_view *anchor = deciding->anchor;
    struct dr_boot_state *state = deciding->state;
    bool lost = anchor->life != DR_LIFE_OPEN;
    state->home = DR_SLOT_FACTORY;
    state->journal_lost = lost;
    /* Whatever ran before may have left the user's data: factory must not see it. */
    state->sealed_ever = lost;
    state->sealed_epoch = anchor->epoch;
    state->target_security = anchor->security;
    state->target_revocation = anchor->revocation;
    state->target_epoch = anchor->epoch;
    dr_decide_note(
        &state->last, lost ? DR_TRANSITION_JOURNAL_LOST : DR_TRANSITION_FIRST_BOOT,
        lost ? DR_REASON_JOURNAL_LOST : DR_REASON_FIRST_BOOT, DR_SLOT_FACTORY, NULL);
    deciding->out->changed = true;
}

/* Another image than home runs: it kept crashing. */
static bool is_away(const struct dr_boot_state *state)
{
    return state->rung == DR_RUNG_PREVIOUS || state->rung == DR_RUNG_FACTORY;
}

/* Which image a person who asks for "the previous one" means; factory: none. */
static uint8_t pin_previous(const struct dr_deciding *deciding)
{
    const struct dr_boot_state *state = deciding->state;
    const struct dr_anchor_view *anchor = deciding->anchor;
    if (is_away(state) && dr_decide_sealed(state, anchor, state->home) != NULL) {
        return state->home;
    }
    return dr_decide_previous(state, anchor);
}

/* A candidate goes unasked: what it came from ran a moment ago. A confirmed image has run for a
 * while and may be the only good one left. */
static void take_pin_previous(struct dr_deciding *deciding)
{
    struct dr_decision *out = deciding->out;
    struct dr_boot_state *state = deciding->state;
    bool trial = state->trial.slot != DR_SLOT_NONE;
    uint8_t slot = trial ? dr_decide_base(state, deciding->anchor) : pin_previous(deciding);
    enum dr_answer answer = DR_ANSWER_YES;
    if (!trial && slot == DR_SLOT_FACTORY) {
        answer = DR_ANSWER_NO;
    } else if (state->trial.state != DR_IMAGE_CANDIDATE) {
        answer = dr_decide_ask(deciding, slot);
    }
    out->pin_refused = answer == DR_ANSWER_NO;
    if (answer != DR_ANSWER_YES) {
        return;
    }
    if (trial) {
        dr_decide_drop_trial(state, DR_TRANSITION_PREVIOUS, DR_REASON_PIN, DR_REJECTION_NONE);
    } else {
        dr_decide_note(&state->last, DR_TRANSITION_PREVIOUS, DR_REASON_PIN, state->home, NULL);
        dr_decide_move_home(state, slot);
    }
    out->changed = true;
}

static void take_pin_factory(struct dr_deciding *deciding, bool erase)
{
    struct dr_decision *out = deciding->out;
    struct dr_boot_state *state = deciding->state;
    const struct dr_anchor_view *anchor = deciding->anchor;
    uint8_t left = state->trial.slot != DR_SLOT_NONE ? state->trial.slot : state->home;
    memset(&state->trial, 0, sizeof state->trial);
    dr_decide_move_home(state, DR_SLOT_FACTORY);
    dr_decide_note(
        &state->last, erase ? DR_TRANSITION_ERASE : DR_TRANSITION_FACTORY, DR_REASON_PIN, left,
        NULL);
    if (erase && state->target_epoch <= anchor->epoch) {
        state->target_epoch = anchor->epoch + 1u;
    }
    out->erase_user = erase;
    out->changed = true;
}

static void take_pin(struct dr_deciding *deciding)
{
    enum dr_pin pin = deciding->in->pin;
    if (pin == DR_PIN_NOTHING) {
        return;
    }
    if (pin == DR_PIN_PREVIOUS) {
        take_pin_previous(deciding);
    } else {
        take_pin_factory(deciding, pin == DR_PIN_ERASE);
    }
    deciding->out->faults = 0;
    deciding->out->pause = false;
}

/* Boots are counted before the jump: the count is part of the record this boot rests on. */
static void count_boot(struct dr_deciding *deciding)
{
    struct dr_decision *out = deciding->out;
    struct dr_boot_trial *trial = &out->state.trial;
    if (trial->state == DR_IMAGE_CANDIDATE) {
        if (trial->boots >= deciding->in->policy->candidate_boots) {
            dr_decide_drop_trial(
                &out->state, DR_TRANSITION_REVERT, DR_REASON_BOOTS, DR_REJECTION_ENVIRONMENT);
        } else {
            trial->boots++;
        }
        out->changed = true;
    } else if (
        trial->state == DR_IMAGE_CONFIRMED &&
        trial->confirmed_boots < deciding->in->policy->seal_boots) {
        trial->confirmed_boots++;
        out->changed = true;
    }
}

static void choose(struct dr_deciding *deciding, uint8_t slot, enum dr_rung rung)
{
    struct dr_decision *out = deciding->out;
    const uint8_t *digest = deciding->anchor->factory_digest;
    uint8_t image_state = DR_IMAGE_FACTORY;
    for (uint8_t i = 0; i < out->choice_count; i++) {
        if (out->choice[i].slot == slot) {
            return;
        }
    }
    if (slot == out->state.trial.slot) {
        digest = out->state.trial.digest;
        image_state = out->state.trial.state;
    } else if (slot != DR_SLOT_FACTORY) {
        const struct dr_boot_sealed *sealed = dr_decide_sealed(&out->state, deciding->anchor, slot);
        if (sealed == NULL) {
            return;
        }
        digest = sealed->digest;
        image_state = DR_IMAGE_SEALED;
    }
    out->choice[out->choice_count++] = (struct dr_boot_choice){
        .slot = slot, .state = image_state, .rung = (uint8_t)rung, .digest = digest};
}

static void choose_all(struct dr_deciding *deciding)
{
    const struct dr_boot_state *state = deciding->state;
    uint8_t previous = dr_decide_previous(state, deciding->anchor);
    if (state->trial.slot != DR_SLOT_NONE) {
        choose(deciding, state->trial.slot, DR_RUNG_NORMAL);
    }
    if (state->rung == DR_RUNG_PREVIOUS) {
        choose(deciding, previous, DR_RUNG_PREVIOUS);
    }
    if (is_away(state)) {
        choose(deciding, DR_SLOT_FACTORY, DR_RUNG_FACTORY);
    }
    choose(deciding, state->home, state->rung == DR_RUNG_SAFE ? DR_RUNG_SAFE : DR_RUNG_NORMAL);
    choose(deciding, previous, DR_RUNG_PREVIOUS);
    choose(deciding, DR_SLOT_FACTORY, DR_RUNG_FACTORY);
}

void dr_decide(const struct dr_decide_input *input, struct dr_decision *ret_decision)
{
    struct dr_deciding deciding = {
        .in = input,
        .anchor = input->anchor,
        .out = ret_decision,
        .state = &ret_decision->state,
    };
    memset(ret_decision, 0, sizeof *ret_decision);
    enum dr_reset_cause cause = dr_decide_cause(input);
    ret_decision->cause = (uint8_t)cause;
    ret_decision->fault = (uint8_t)dr_decide_fault(input, cause);
    if (input->state == NULL) {
        begin_state(&deciding);
    } else {
        ret_decision->state = *input->state;
    }
    if (input->frozen && ret_decision->state.trial.state == DR_IMAGE_CANDIDATE) {
        memset(&ret_decision->state.trial, 0, sizeof ret_decision->state.trial);
    }
    for (size_t i = 0; i < input->request_count && !input->frozen; i++) {
        dr_decide_request(&deciding, &input->requests[i]);
    }
    dr_decide_charge(&deciding);
    if (!ret_decision->ask_previous) {
        take_pin(&deciding);
    }
    if (!input->frozen && !input->again) {
        count_boot(&deciding);
    }
    choose_all(&deciding);
    ret_decision->moved =
        input->state == NULL ||
        memcmp(&ret_decision->state.last, &input->state->last, sizeof input->state->last) != 0;
}

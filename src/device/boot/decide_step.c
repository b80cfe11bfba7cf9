/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/decide_priv.h"

#include <string.h>

uint32_t dr_decide_security(const struct dr_boot_state *state, const struct dr_anchor_view *anchor)
{
    return state->target_security > anchor->security ? state->target_security : anchor->security;
}

uint8_t dr_decide_revoked(const struct dr_boot_state *state, const struct dr_anchor_view *anchor)
{
    uint32_t revoked = state->target_revocation > anchor->revocation ? state->target_revocation
                                                                     : anchor->revocation;
    return (uint8_t)(revoked < DR_TRUST_KEYS_MAX ? revoked : DR_TRUST_KEYS_MAX);
}

const struct dr_boot_sealed *dr_decide_sealed(
    const struct dr_boot_state *state, const struct dr_anchor_view *anchor, uint8_t slot)
{
    if (slot != DR_SLOT_A && slot != DR_SLOT_B) {
        return NULL;
    }
    const struct dr_boot_sealed *image = &state->sealed[slot - DR_SLOT_A];
    return image->valid && image->facts.counter >= dr_decide_security(state, anchor) ? image : NULL;
}

uint8_t dr_decide_previous(const struct dr_boot_state *state, const struct dr_anchor_view *anchor)
{
    uint8_t slot = state->last_sealed;
    if (state->home != DR_SLOT_FACTORY) {
        slot = state->home == DR_SLOT_A ? DR_SLOT_B : DR_SLOT_A;
    }
    return dr_decide_sealed(state, anchor, slot) != NULL ? slot : (uint8_t)DR_SLOT_FACTORY;
}

uint8_t dr_decide_base(const struct dr_boot_state *state, const struct dr_anchor_view *anchor)
{
    if (state->rung == DR_RUNG_FACTORY) {
        return DR_SLOT_FACTORY;
    }
    return state->rung == DR_RUNG_PREVIOUS ? dr_decide_previous(state, anchor) : state->home;
}

enum dr_answer dr_decide_ask(const struct dr_deciding *deciding, uint8_t slot)
{
    struct dr_decision *out = deciding->out;
    enum dr_answer answer = deciding->in->previous_verifies;
    if (slot != DR_SLOT_FACTORY &&
        dr_decide_sealed(deciding->state, deciding->anchor, slot) == NULL) {
        return DR_ANSWER_NO;
    }
    if (answer == DR_ANSWER_UNKNOWN) {
        out->ask_previous = true;
        out->asked = slot;
    }
    return answer;
}

void dr_decide_note(
    struct dr_transition *transition, enum dr_transition_kind kind, uint8_t reason, uint8_t slot,
    const uint8_t *digest)
{
    memset(transition, 0, sizeof *transition);
    transition->kind = (uint8_t)kind;
    transition->reason = reason;
    transition->slot = slot <= DR_SLOT_FACTORY ? slot : (uint8_t)DR_SLOT_NONE;
    if (digest != NULL) {
        memcpy(transition->digest, digest, sizeof transition->digest);
    }
}

void dr_decide_note_trial(
    const struct dr_boot_state *state, struct dr_transition *transition,
    enum dr_transition_kind kind, uint8_t reason)
{
    const struct dr_boot_trial *trial = &state->trial;
    dr_decide_note(transition, kind, reason, trial->slot, trial->digest);
    transition->faults = trial->faults;
    transition->boots = trial->boots;
}

enum dr_rejection_class dr_decide_class(uint8_t reason)
{
    switch (reason) {
    case DR_REASON_NO_CLOUD:
    case DR_REASON_POWER:
    case DR_REASON_CANCELED:
    case DR_REASON_COMMAND:
    case DR_REASON_BOOTS:
        return DR_REJECTION_ENVIRONMENT;
    case DR_REASON_FLASH_OR_SOURCE:
    case DR_REASON_PIN:
        return DR_REJECTION_NONE;
    default: /* a number from outside: blame the image */
        return DR_REJECTION_IMAGE;
    }
}

static void
reject(struct dr_boot_state *state, const uint8_t *digest, uint8_t reason, uint8_t class)
{
    struct dr_rejections *list = &state->rejections;
    size_t at = 0;
    while (at < DR_BOOT_REJECTIONS &&
           (list->entry[at].class == DR_REJECTION_NONE ||
            memcmp(list->entry[at].digest, digest, DR_IMAGE_DIGEST_BYTES) != 0)) {
        at++;
    }
    if (at == DR_BOOT_REJECTIONS) {
        at = state->rejection_next;
        state->rejection_next = (uint8_t)((at + 1u) % DR_BOOT_REJECTIONS);
        memcpy(list->entry[at].digest, digest, DR_IMAGE_DIGEST_BYTES);
        list->entry[at].class = DR_REJECTION_NONE;
        list->count[at] = 0;
    }
    if (list->entry[at].class != DR_REJECTION_IMAGE) { /* once final, it stays final */
        list->entry[at].class = (enum dr_rejection_class) class;
        list->reason[at] = reason;
    }
    list->count[at] = (uint8_t)(list->count[at] + (list->count[at] < UINT8_MAX));
}

void dr_decide_drop_trial(
    struct dr_boot_state *state, enum dr_transition_kind kind, uint8_t reason,
    enum dr_rejection_class class)
{
    dr_decide_note_trial(state, &state->last, kind, reason);
    if (class != DR_REJECTION_NONE) {
        reject(state, state->trial.digest, reason, (uint8_t) class);
    }
    memset(&state->trial, 0, sizeof state->trial);
    state->lost_faults = 0;
}

void dr_decide_drop_unverified(struct dr_boot_state *state, enum dr_reason reason)
{
    dr_decide_drop_trial(state, DR_TRANSITION_REVERT, (uint8_t)reason, DR_REJECTION_NONE);
}

void dr_decide_move_home(struct dr_boot_state *state, uint8_t slot)
{
    state->home = slot;
    state->rung = DR_RUNG_NORMAL;
    state->retry_rung = DR_RUNG_NORMAL;
    state->lost_faults = 0;
    if (slot != DR_SLOT_FACTORY) {
        state->last_sealed = slot;
    }
}

void dr_decide_seal(
    struct dr_boot_state *state, const struct dr_anchor_view *anchor, uint8_t reason)
{
    const struct dr_boot_trial *trial = &state->trial;
    struct dr_boot_sealed *sealed = &state->sealed[trial->slot - DR_SLOT_A];
    dr_decide_note_trial(state, &state->last, DR_TRANSITION_SEAL, reason);
    sealed->valid = true;
    sealed->facts = trial->facts;
    memcpy(sealed->digest, trial->digest, sizeof sealed->digest);
    if (!state->floor_known || dr_order_compare(&trial->facts.order, &state->floor) > 0) {
        state->floor_known = true;
        state->floor = trial->facts.order;
        memcpy(state->floor_digest, trial->digest, sizeof state->floor_digest);
    }
    if (trial->facts.counter > state->target_security) {
        state->target_security = trial->facts.counter;
    }
    if (trial->facts.revocation > state->target_revocation) {
        state->target_revocation = trial->facts.revocation;
    }
    state->sealed_ever = true;
    state->sealed_epoch = state->target_epoch > anchor->epoch ? state->target_epoch : anchor->epoch;
    state->journal_lost = false;
    dr_decide_move_home(state, trial->slot);
    memset(&state->trial, 0, sizeof state->trial);
}

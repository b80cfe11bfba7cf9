/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What each request does to the state. Requests are genuine here, but their author may be hostile:
 * everything is checked against who ran and what the state allows. */
#include "device/boot/decide_priv.h"
#include "device/boot/record_priv.h"

#include <string.h>

static bool same_digest(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, DR_IMAGE_DIGEST_BYTES) == 0;
}

static bool is_zero(const uint8_t *digest)
{
    return dr_record_blank(digest, DR_IMAGE_DIGEST_BYTES, 0);
}

/* Does the image on trial speak, about itself? */
static bool from_trial(const struct dr_boot_state *state, const struct dr_request *request)
{
    return state->trial.slot != DR_SLOT_NONE && request->slot == state->trial.slot &&
           same_digest(request->issuer, state->trial.digest);
}

/* The state of the image that speaks: sealed, factory, or 0 for any other. */
static uint8_t settled_issuer(const struct dr_deciding *deciding, const struct dr_request *request)
{
    const struct dr_boot_state *state = deciding->state;
    if (request->slot == DR_SLOT_FACTORY) {
        return same_digest(request->issuer, deciding->anchor->factory_digest)
                   ? (uint8_t)DR_IMAGE_FACTORY
                   : 0;
    }
    if (request->slot != DR_SLOT_A && request->slot != DR_SLOT_B) {
        return 0;
    }
    const struct dr_boot_sealed *sealed = &state->sealed[request->slot - DR_SLOT_A];
    return sealed->valid && same_digest(request->issuer, sealed->digest) ? (uint8_t)DR_IMAGE_SEALED
                                                                         : 0;
}

static void
refuse(struct dr_deciding *deciding, const struct dr_request *request, enum dr_reason reason)
{
    dr_decide_note(
        &deciding->state->refused, DR_TRANSITION_REFUSED, (uint8_t)reason, request->target,
        request->digest);
    deciding->out->changed = true;
}

static bool
rejected_for_good(const struct dr_boot_state *state, const uint8_t digest[DR_IMAGE_DIGEST_BYTES])
{
    for (size_t i = 0; i < DR_BOOT_REJECTIONS; i++) {
        const struct dr_rejection *entry = &state->rejections.entry[i];
        if (entry->class == DR_REJECTION_IMAGE && same_digest(entry->digest, digest)) {
            return true;
        }
    }
    return false;
}

/* Why this INSTALL is not taken, DR_REASON_NONE if it is. */
static enum dr_reason
install_refusal(const struct dr_deciding *deciding, const struct dr_request *request)
{
    const struct dr_boot_state *state = deciding->state;
    uint8_t issuer = settled_issuer(deciding, request);
    if (issuer == 0 || state->trial.state == DR_IMAGE_CONFIRMED) {
        return DR_REASON_UNSEALED;
    }
    if (request->mode == DR_MODE_PROVISIONING) {
        return DR_REASON_RESERVED_FEATURE;
    }
    if (is_zero(request->digest)) {
        return DR_REASON_NONE;
    }
    if (request->target == DR_SLOT_NONE ||
        request->target != dr_decide_spare(state, request->slot, issuer)) {
        return DR_REASON_STORAGE;
    }
    return rejected_for_good(state, request->digest) ? DR_REASON_REJECTED_BEFORE : DR_REASON_NONE;
}

static void install(struct dr_deciding *deciding, const struct dr_request *request)
{
    struct dr_boot_state *state = deciding->state;
    enum dr_reason refusal = install_refusal(deciding, request);
    if (refusal != DR_REASON_NONE) {
        refuse(deciding, request, refusal);
        return;
    }
    if (is_zero(request->digest)) { /* withdraw */
        if (state->trial.slot != DR_SLOT_NONE) {
            dr_decide_drop_trial(
                state, DR_TRANSITION_REVERT, DR_REASON_CANCELED, DR_REJECTION_NONE);
            deciding->trial_moved = true;
            deciding->out->changed = true;
        }
        return;
    }
    /* What the spare held is gone. If the device called that its home, the issuer is it now. */
    state->sealed[request->target - DR_SLOT_A].valid = false;
    if (state->last_sealed == request->target) {
        state->last_sealed = DR_SLOT_NONE;
    }
    if (state->home == request->target) {
        dr_decide_move_home(state, request->slot);
    }
    memset(&state->trial, 0, sizeof state->trial);
    state->trial.slot = request->target;
    state->trial.state = DR_IMAGE_CANDIDATE;
    memcpy(state->trial.digest, request->digest, sizeof state->trial.digest);
    dr_decide_note_trial(state, &state->last, DR_TRANSITION_INSTALL, DR_REASON_INSTALL);
    deciding->trial_moved = true;
    deciding->out->changed = true;
}

static void confirm(struct dr_deciding *deciding, const struct dr_request *request)
{
    struct dr_boot_state *state = deciding->state;
    if (!from_trial(state, request) || state->trial.state != DR_IMAGE_CANDIDATE ||
        !state->trial.facts.known) {
        return; /* a repetition, or nothing to confirm */
    }
    state->trial.state = DR_IMAGE_CONFIRMED;
    state->trial.faults = 0;
    dr_decide_note_trial(state, &state->last, DR_TRANSITION_CONFIRM, DR_REASON_NONE);
    deciding->out->changed = true;
}

static void seal(struct dr_deciding *deciding, const struct dr_request *request)
{
    struct dr_boot_state *state = deciding->state;
    if (from_trial(state, request) && state->trial.state == DR_IMAGE_CONFIRMED) {
        dr_decide_seal(state, deciding->anchor, DR_REASON_SEAL);
        deciding->revert_asked = false;
        deciding->out->changed = true;
    }
}

static void revert(struct dr_deciding *deciding, const struct dr_request *request)
{
    struct dr_boot_state *state = deciding->state;
    if (!from_trial(state, request)) {
        return;
    }
    if (state->trial.state == DR_IMAGE_CONFIRMED) {
        deciding->revert_asked = true;
        deciding->revert_reason = request->reason;
        return;
    }
    dr_decide_drop_trial(
        state, DR_TRANSITION_REVERT, request->reason, dr_decide_class(request->reason));
    deciding->trial_moved = true;
    deciding->out->changed = true;
}

static void retry(struct dr_deciding *deciding, const struct dr_request *request)
{
    struct dr_boot_state *state = deciding->state;
    if (state->trial.slot != DR_SLOT_NONE || state->rung == DR_RUNG_NORMAL ||
        settled_issuer(deciding, request) == 0) {
        return;
    }
    dr_decide_note(&state->last, DR_TRANSITION_RETRY, DR_REASON_NONE, request->slot, NULL);
    state->retry_rung = state->rung;
    state->rung = DR_RUNG_NORMAL;
    state->lost_faults = 0;
    deciding->out->changed = true;
}

static void factory(struct dr_deciding *deciding, const struct dr_request *request)
{
    struct dr_boot_state *state = deciding->state;
    if (!from_trial(state, request) && settled_issuer(deciding, request) == 0) {
        return;
    }
    memset(&state->trial, 0, sizeof state->trial);
    dr_decide_move_home(state, DR_SLOT_FACTORY);
    dr_decide_note(
        &state->last, DR_TRANSITION_FACTORY, request->reason, request->slot, request->issuer);
    deciding->trial_moved = true;
    deciding->revert_asked = false;
    deciding->out->changed = true;
}

void dr_decide_request(struct dr_deciding *deciding, const struct dr_request *request)
{
    switch (request->kind) {
    case DR_REQUEST_INSTALL:
        install(deciding, request);
        break;
    case DR_REQUEST_CONFIRM:
        confirm(deciding, request);
        break;
    case DR_REQUEST_SEAL:
        seal(deciding, request);
        break;
    case DR_REQUEST_REVERT:
        revert(deciding, request);
        break;
    case DR_REQUEST_RETRY:
        retry(deciding, request);
        break;
    case DR_REQUEST_FACTORY:
        factory(deciding, request);
        break;
    default: /* from a newer firmware than this ROM */
        refuse(deciding, request, DR_REASON_RESERVED_FEATURE);
        break;
    }
}

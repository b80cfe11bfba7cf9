/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Shared by the parts of the decision: requests (decide_request.c), resets (decide_reset.c), the
 * steps both take (decide_step.c) and their order (decide.c). */
#ifndef DR_DEVICE_BOOT_DECIDE_PRIV_H
#define DR_DEVICE_BOOT_DECIDE_PRIV_H

#include "device/boot/decide.h"

/* One decision in the making. */
struct dr_deciding {
    const struct dr_decide_input *in;
    const struct dr_anchor_view *anchor; /* in->anchor */
    struct dr_decision *out;
    struct dr_boot_state *state; /* &out->state */
    bool trial_moved;  /* a request installed or dropped the trial: its run is not charged to us */
    bool revert_asked; /* a confirmed image gives up; carried out once the previous one verifies */
    uint8_t revert_reason;
};

/* The sealed image in slot, or NULL when there is none that may boot. */
const struct dr_boot_sealed *dr_decide_sealed(
    const struct dr_boot_state *state, const struct dr_anchor_view *anchor, uint8_t slot);

/* Section 5, "Previous"; DR_SLOT_FACTORY when nothing better is left. */
uint8_t dr_decide_previous(const struct dr_boot_state *state, const struct dr_anchor_view *anchor);

/* The image that boots when nothing is on trial. */
uint8_t dr_decide_base(const struct dr_boot_state *state, const struct dr_anchor_view *anchor);

/* Does the image in the slot, factory or a sealed one, verify? NO at once when it may not boot;
 * UNKNOWN puts the question to the loader, and dr_decide runs again with its answer. */
enum dr_answer dr_decide_ask(const struct dr_deciding *deciding, uint8_t slot);

/* Note what happened. digest NULL: zero. slot may be any number from outside. */
void dr_decide_note(
    struct dr_transition *transition, enum dr_transition_kind kind, uint8_t reason, uint8_t slot,
    const uint8_t *digest);

/* As dr_decide_note for the trial, with what it has spent. */
void dr_decide_note_trial(
    const struct dr_boot_state *state, struct dr_transition *transition,
    enum dr_transition_kind kind, uint8_t reason);

/* End the trial without a seal; remembered as class, unless that is NONE. */
void dr_decide_drop_trial(
    struct dr_boot_state *state, enum dr_transition_kind kind, uint8_t reason,
    enum dr_rejection_class class);

enum dr_rejection_class dr_decide_class(uint8_t reason);

/* The confirmed trial becomes the image the device lives on. */
void dr_decide_seal(
    struct dr_boot_state *state, const struct dr_anchor_view *anchor, uint8_t reason);

/* Live on `slot`, rung normal. */
void dr_decide_move_home(struct dr_boot_state *state, uint8_t slot);

void dr_decide_request(struct dr_deciding *deciding, const struct dr_request *request);

/* What a reset is called if it is a fault, else DR_REASON_NONE. */
enum dr_reason dr_decide_fault(const struct dr_decide_input *input, enum dr_reset_cause cause);

enum dr_reset_cause dr_decide_cause(const struct dr_decide_input *input);
void dr_decide_charge(struct dr_deciding *deciding);

#endif

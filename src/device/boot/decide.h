/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Which image boots, and what is remembered: the rules, and nothing but the rules.
 *
 * Pure: a value goes in, a value comes out; no flash, no clock, no randomness. The boot ROM, the
 * simulator and the table of tests call the same function. Order of the rules: requests in the
 * order written, then the charge for the reset, then the pin, then the count of boots.
 * A fault is charged to the state that results from the requests, so that a CONFIRM that was
 * written counts; but never to an image that has not run yet, nor for one that has just left.
 *
 * Rules: docs/boot.md, where the states are drawn.
 */
#ifndef DR_DEVICE_BOOT_DECIDE_H
#define DR_DEVICE_BOOT_DECIDE_H

#include "device/boot/policy.h"
#include "device/boot/request.h"
#include "device/boot/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the strap that the board sets before it starts the machine said. */
enum dr_strap {
    DR_STRAP_NONE = 0,
    DR_STRAP_POWER = 1,
    DR_STRAP_LOCKUP = 2,
};

/* What the pin asked for when it was released. */
enum dr_pin {
    DR_PIN_NOTHING = 0,
    DR_PIN_PREVIOUS = 1,
    DR_PIN_FACTORY = 2,
    DR_PIN_ERASE = 3,
};

/* The stage a hold of held_ms has reached; DR_PIN_NOTHING below the first and beyond the last. */
enum dr_pin dr_pin_stage(const struct dr_boot_policy *policy, uint32_t held_ms);

enum dr_life {
    DR_LIFE_OPEN = 1,   /* blank or provisioning: the identity is still being made */
    DR_LIFE_LOCKED = 2, /* for good */
};

/* The anchor's state, as read (and authenticated) in this boot. */
struct dr_anchor_view {
    uint8_t life; /* enum dr_life */
    uint32_t security;
    uint32_t revocation;
    uint32_t epoch;
    uint8_t factory_digest[DR_IMAGE_DIGEST_BYTES];
};

/* A question the rules put to the loader: does the image to go back to verify? */
enum dr_answer {
    DR_ANSWER_UNKNOWN = 0,
    DR_ANSWER_YES = 1,
    DR_ANSWER_NO = 2,
};

struct dr_decide_input {
    const struct dr_boot_policy *policy;
    const struct dr_boot_state *state; /* NULL: the journal has no valid record */
    const struct dr_request *requests; /* genuine ones, in order */
    size_t request_count;
    enum dr_strap strap;
    bool retained_valid;
    struct dr_retained retained;
    uint8_t crash_reason; /* enum dr_crash_reason of the record found, or NONE */
    enum dr_pin pin;
    const struct dr_anchor_view *anchor;
    enum dr_answer previous_verifies;
    bool again;  /* not the first attempt since the reset: this boot is counted already */
    bool frozen; /* a record could not be appended: nothing may rest on one */
};

/* One image to try, in order of preference. */
struct dr_boot_choice {
    uint8_t slot;
    uint8_t state; /* enum dr_image_state */
    uint8_t rung;
    const uint8_t *digest; /* that it must have; points into the decision or into *anchor */
};

#define DR_BOOT_CHOICES_MAX 4u

struct dr_decision {
    bool changed;      /* state has to be appended */
    bool ask_previous; /* nothing is decided: load `asked`, call again with the answer */
    uint8_t asked;     /* enum dr_slot_id */
    bool moved;        /* state.last happened in this boot */
    bool pause;        /* every rung has failed: wait before the ladder is tried again */
    bool pin_refused;  /* the person asked for something that is not allowed */
    bool erase_user;   /* frozen: the epoch is still advanced, to state.target_epoch */
    uint8_t cause;     /* enum dr_reset_cause */
    uint8_t fault;     /* enum dr_reason: what the reset is called if it is a fault, else NONE */
    uint8_t faults;    /* consecutive faults of the first choice, for the retained block */
    uint8_t choice_count;
    struct dr_boot_choice choice[DR_BOOT_CHOICES_MAX];
    struct dr_boot_state state;
};

/* The input is borrowed for the call. The decision's digests point into the decision itself and
 * into *input->anchor, so neither may move while they are used. */
void dr_decide(const struct dr_decide_input *input, struct dr_decision *ret_decision);

/* Drop the candidate because its stored bytes do not verify or may not run here. Not remembered. */
void dr_decide_drop_unverified(struct dr_boot_state *state, enum dr_reason reason);

/* The counter and the number of revoked keys in force: the anchor's, or the targets it has yet to
 * reach. */
uint32_t dr_decide_security(const struct dr_boot_state *state, const struct dr_anchor_view *anchor);
uint8_t dr_decide_revoked(const struct dr_boot_state *state, const struct dr_anchor_view *anchor);

/* The floor that an offer must be above: the highest order sealed, else the order of the image that
 * runs (issuer; may be NULL when it is not known). False: nothing is known, nothing is below. */
bool dr_decide_floor(
    const struct dr_boot_state *state, const struct dr_image_facts *issuer,
    struct dr_order *ret_floor);

/* The slot that the running image may overwrite (docs/boot.md, "The spare"). slot and image_state
 * are those of the image that runs. */
uint8_t dr_decide_spare(const struct dr_boot_state *state, uint8_t slot, uint8_t image_state);

/* The mode an image runs in. unrevoked: one of its signatures is by a key not revoked. */
enum dr_boot_mode dr_decide_mode(
    const struct dr_boot_state *state, const struct dr_boot_choice *choice,
    const struct dr_image_facts *facts, const struct dr_anchor_view *anchor, bool unrevoked);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The whole boot state: what one journal record holds.
 *
 * Only the boot ROM writes it, always as a whole, so there is no order of partial updates to get
 * wrong. `home` is the image the device lives on, `rung` how far the ladder has led away from it,
 * `trial` an image on probation; what boots follows from the three (device/boot/decide.h).
 *
 * Rules: docs/boot.md.
 */
#ifndef DR_DEVICE_BOOT_STATE_H
#define DR_DEVICE_BOOT_STATE_H

#include "base/status.h"
#include "device/boot/info.h"

#include <stdbool.h>
#include <stdint.h>

/* What the ROM read from an image's verified bytes. */
struct dr_image_facts {
    bool known;
    uint8_t revocation;
    uint32_t counter;
    struct dr_order order;
};

/* An image in slot A or B that was sealed there. */
struct dr_boot_sealed {
    bool valid;
    uint8_t digest[DR_IMAGE_DIGEST_BYTES];
    struct dr_image_facts facts;
};

/* An image on probation. */
struct dr_boot_trial {
    uint8_t slot;  /* enum dr_slot_id; NONE: nothing is on trial and the rest is zero */
    uint8_t state; /* DR_IMAGE_CANDIDATE or DR_IMAGE_CONFIRMED */
    uint8_t faults;
    uint8_t boots;           /* as candidate, counted before the jump */
    uint8_t confirmed_boots; /* since CONFIRM; saturates */
    uint8_t digest[DR_IMAGE_DIGEST_BYTES];
    struct dr_image_facts facts; /* from its first verified load */
};

struct dr_boot_state {
    uint32_t sequence; /* of the record it came from; 0: never stored */

    uint8_t home;           /* DR_SLOT_A, DR_SLOT_B or DR_SLOT_FACTORY */
    uint8_t rung;           /* enum dr_rung */
    uint8_t retry_rung;     /* the rung a RETRY left; DR_RUNG_NORMAL: none */
    uint8_t last_sealed;    /* the slot that is not erased while factory runs; NONE: no such */
    uint8_t lost_faults;    /* faults whose retained block was destroyed (docs/boot.md) */
    uint8_t rejection_next; /* entry of rejections that the next new one takes */
    bool journal_lost;      /* factory was entered because there was no record */
    bool floor_known;
    bool sealed_ever;

    struct dr_boot_trial trial;

    /* Whenever the anchor is below one of these, the ROM advances it. */
    uint32_t target_security;
    uint32_t target_revocation;
    uint32_t target_epoch;

    /* Epoch of the user data at the last seal; factory runs in normal mode only in a later one. */
    uint32_t sealed_epoch;

    /* The highest order ever sealed here, and the image that had it. */
    struct dr_order floor;
    uint8_t floor_digest[DR_IMAGE_DIGEST_BYTES];

    struct dr_boot_sealed sealed[2]; /* index 0: slot A */
    struct dr_image_facts factory;   /* from its first verified load */
    struct dr_transition last;
    struct dr_transition refused;
    struct dr_rejections rejections;
};

#define DR_BOOT_STATE_BYTES 628u /* encoded, constant within a version; zero-padded */

/* Fills out. */
void dr_boot_state_encode(const struct dr_boot_state *state, uint8_t out[DR_BOOT_STATE_BYTES]);

/* DR_E_RANGE: a field has a value that this code never writes. On failure *ret_state is undefined.
 */
DR_MUST_USE enum dr_status
dr_boot_state_decode(const uint8_t data[DR_BOOT_STATE_BYTES], struct dr_boot_state *ret_state);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The anchor in memory: device/anchor/core over a persisted image that can lose power.
 *
 * Each persist is one operation of the power supply. Cut with NOTHING, PREFIX or HALF the old image
 * stays, with ALL_BUT or COMPLETE the new one does (persist is atomic); either way the device is
 * off and gets no answer. Keys are real P-256 keys made from the model's own generator.
 */
#ifndef DR_SIM_ANCHOR_MEM_H
#define DR_SIM_ANCHOR_MEM_H

#include "device/anchor/anchor.h"
#include "device/anchor/core.h"
#include "sim/power.h"

#include <stdbool.h>
#include <stdint.h>

struct dr_anchor_mem {
    const struct dr_crypto *crypto;         /* kept */
    struct dr_sim_power *power;             /* borrowed for the model's life */
    uint64_t random;                        /* the anchor's own generator */
    uint8_t secret[DR_DEVICE_SECRET_BYTES]; /* what the ROM gets */
    uint8_t image[DR_ANCHOR_STATE_BYTES];   /* what survives */
    struct dr_anchor_core core;
    uint64_t now_ms;       /* set by the test */
    uint32_t silent;       /* this many requests go unanswered (DR_E_TIMEOUT, not carried out) */
    uint32_t answers_left; /* 0: any number; else silent once they are used up */
    uint32_t lose_answer;  /* this many answers are lost (DR_E_TIMEOUT, carried out) */
    bool running;
    const uint8_t *next_image; /* during a persist: what is about to be written */
};

/* A blank anchor with a secret made from seed, powered up. */
void dr_anchor_mem_init(
    struct dr_anchor_mem *mem, const struct dr_crypto *crypto, struct dr_sim_power *power,
    uint64_t seed);

/* Power up again from the image; also what a reset of the device does to the anchor. */
DR_MUST_USE enum dr_status dr_anchor_mem_start(struct dr_anchor_mem *mem);

struct dr_anchor_port dr_anchor_mem_port(struct dr_anchor_mem *mem);

/* From the supply's hook only: the image that survives if the power goes at this very operation. */
void dr_anchor_mem_cut_here(
    const struct dr_anchor_mem *mem, enum dr_sim_torn kind, uint8_t image[DR_ANCHOR_STATE_BYTES]);

/* A copy of *mem is a snapshot, or a second anchor; call this on the copy, since the core points
 * into what it was copied from. */
void dr_anchor_mem_rebind(struct dr_anchor_mem *mem, struct dr_sim_power *power);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One power supply for every part of a simulated device.
 *
 * Counts the operations that change something (flash program, erase, sync; anchor persist) in one
 * sequence, and fails the supply at a chosen one in a chosen way. A case is (operation, kind, seed)
 * and nothing else, so it can be replayed.
 */
#ifndef DR_SIM_POWER_H
#define DR_SIM_POWER_H

#include <stdbool.h>
#include <stdint.h>

/* How the operation at the cut happened. Unsynced operations before it: NOTHING loses all of them,
 * COMPLETE keeps all, the others keep a random part.
 *
 *           program                        erase
 * NOTHING   -                              -
 * PREFIX    the first part                 the first part of the sectors' units
 * HALF      random half of the bits        random half of the bits back to erased
 * ALL_BUT   all but one byte               all but one unit
 * COMPLETE  all                            all
 */
enum dr_sim_torn {
    DR_SIM_TORN_NOTHING = 0,
    DR_SIM_TORN_PREFIX = 1,
    DR_SIM_TORN_HALF = 2,
    DR_SIM_TORN_ALL_BUT = 3,
    DR_SIM_TORN_COMPLETE = 4,
};
#define DR_SIM_TORN_KINDS 5u

struct dr_sim_power {
    /* Called as an operation begins, before it does anything; may be NULL. A harness can look from
     * here at every way the operation might be cut (dr_nor_cut_here, dr_anchor_mem_cut_here) and
     * try each on a model of its own while this one stands still. */
    void (*hook)(void *context);
    void *hook_context;
    uint64_t operations;   /* so far, since init */
    uint64_t cut_at;       /* the operation number (from 1) that is cut; 0: none */
    enum dr_sim_torn kind; /* of that cut */
    bool off;              /* everything fails until dr_sim_power_on */
    uint64_t random;       /* state of the generator; seeds a case */
};

void dr_sim_power_init(struct dr_sim_power *power, uint64_t seed);
void dr_sim_power_on(struct dr_sim_power *power); /* clears off and cut_at */

/* An operation begins: counts it. true: this is the one that is cut; the caller applies the torn
 * kind, then the supply is off. */
bool dr_sim_power_step(struct dr_sim_power *power);

/* splitmix64. */
uint64_t dr_sim_random(uint64_t *state);

#endif

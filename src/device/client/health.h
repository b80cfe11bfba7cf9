/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The health supervisor's one decision: may the watchdog be fed?
 *
 * docs/boot.md: every registered task has checked in within its own period, and either the image
 * need not prove itself any more (CONFIRM written and read back, or no candidate), or the health
 * deadline is still ahead. A pure function; nobody feeds the watchdog who has not asked it.
 */
#ifndef DR_DEVICE_CLIENT_HEALTH_H
#define DR_DEVICE_CLIENT_HEALTH_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define DR_HEALTH_TASKS_MAX 8u

struct dr_health_task {
    uint32_t period_ms; /* must check in at least this often; 0: slot free */
    uint64_t seen_ms;
};

struct dr_health_state {
    bool on_trial;        /* the hand-off says candidate */
    bool confirmed;       /* CONFIRM was written and read back in this boot */
    bool given_up;        /* REVERT was written, or nothing is left to hope for */
    uint64_t deadline_ms; /* uptime */
    struct dr_health_task tasks[DR_HEALTH_TASKS_MAX];
};

void dr_health_init(struct dr_health_state *state, bool on_trial, uint64_t deadline_ms);

/* A task that must check in every period_ms from now on. DR_E_SPACE, DR_E_ARGUMENT (period 0). */
DR_MUST_USE enum dr_status dr_health_register(
    struct dr_health_state *state, uint32_t period_ms, uint64_t now_ms, uint8_t *ret_task);

/* The task lives. Unknown numbers are ignored. */
void dr_health_check_in(struct dr_health_state *state, uint8_t task, uint64_t now_ms);

/* Has every registered task checked in within its period? Also a condition of CONFIRM. */
bool dr_health_tasks_alive(const struct dr_health_state *state, uint64_t now_ms);

bool dr_health_may_feed(const struct dr_health_state *state, uint64_t now_ms);

/* Has the deadline passed without a CONFIRM? Then REVERT is to be written. */
bool dr_health_expired(const struct dr_health_state *state, uint64_t now_ms);

#endif

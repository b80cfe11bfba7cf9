/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The CMSDK watchdog: first expiry NMI, second reset.
 *
 * A firmware can stop it (this machine has no lock against that); it guards against faults, not
 * against malice.
 */
#ifndef DR_BOARDS_MPS2_WATCHDOG_H
#define DR_BOARDS_MPS2_WATCHDOG_H

#include <stdint.h>

#define DR_WATCHDOG_MS_MAX 120000u
#define DR_WATCHDOG_GRACE_MS 100u

/* Start, or change the period (at most DR_WATCHDOG_MS_MAX; longer ones are cut to it). NMI after
 * period_ms without a feed. */
void dr_watchdog_arm(uint32_t period_ms);

void dr_watchdog_feed(void);

/* For a handler that wrote its crash record. In the NMI the reset comes in DR_WATCHDOG_GRACE_MS
 * instead of after another whole period; in any other handler at once, so that no NMI writes over
 * the record. */
_Noreturn void dr_watchdog_end(void);

/* SYSRESETREQ. */
_Noreturn void dr_system_reset(void);

#endif

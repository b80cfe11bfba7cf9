/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/policy.h"

const struct dr_boot_policy dr_boot_policy_default = {
    .candidate_faults = 3,
    .candidate_boots = 10,
    .confirmed_faults = 3,
    .normal_faults = 5,
    .lower_faults = 3,
    .retry_faults = 2,
    .seal_boots = 3,
    .stable_ms = 600000,
    .planned_uptime_ms = 60000,
    .pin_previous_ms = 2000,
    .pin_factory_ms = 5000,
    .pin_erase_ms = 10000,
    .pin_cancel_ms = 20000,
    .pin_refused_ms = 2000,
    .load_copies = 3,
    .anchor_tries = 3,
    .anchor_timeout_ms = 1000,
    .halt_wait_ms = 60000,
    .rom_watchdog_ms = 10000,
    .poll_ms = 50,
    /* Three tries of a task that stops (5 s until it is missed) and their boots fit into a minute:
     * tests/unit/test_recovery.c measures it. */
    .limits = {.hang_s = 10, .health_s = 600, .soak_s = 60, .seal_s = 3600},
    .limits_min = {.hang_s = 1, .health_s = 1, .soak_s = 0, .seal_s = 0},
    .limits_max = {.hang_s = 60, .health_s = 3600, .soak_s = 3600, .seal_s = 43200},
    .rom_version = 1,
};

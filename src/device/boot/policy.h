/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Every number of the boot rules, in one place.
 *
 * Shipping devices use dr_boot_policy_default as it stands. A board may change times to fit its
 * hardware; tests and the demo compress them. Counts are part of the promises in docs/boot.md.
 * Times are milliseconds of uptime unless the name says seconds.
 */
#ifndef DR_DEVICE_BOOT_POLICY_H
#define DR_DEVICE_BOOT_POLICY_H

#include "format/image.h"

#include <stdint.h>

struct dr_boot_policy {
    /* Candidate: faults and boots it may spend before it is dropped. */
    uint8_t candidate_faults;
    uint8_t candidate_boots;
    /* Confirmed: faults before the late revert. */
    uint8_t confirmed_faults;
    /* Sealed and factory: consecutive faults that leave rung normal, that leave a lower rung, and
     * that end a RETRY. */
    uint8_t normal_faults;
    uint8_t lower_faults;
    uint8_t retry_faults;
    /* Third healthy boot since CONFIRM seals; the ROM counts the boots. */
    uint8_t seal_boots;

    uint32_t stable_ms;         /* a run this long ends a series of faults */
    uint32_t planned_uptime_ms; /* a marked reset after this long needs no other excuse */

    /* The pin: end of each stage, counted from the ROM's first look at it. */
    uint32_t pin_previous_ms; /* below: nothing */
    uint32_t pin_factory_ms;  /* below: previous image */
    uint32_t pin_erase_ms;    /* below: factory */
    uint32_t pin_cancel_ms;   /* below: factory and erase; from here on: cancelled */
    uint32_t pin_refused_ms;  /* how long the LED says no */

    uint8_t load_copies;  /* fresh copies of an image that does not verify */
    uint8_t anchor_tries; /* reads of the anchor before a halt */
    uint32_t anchor_timeout_ms;
    uint32_t halt_wait_ms;    /* between two attempts while nothing boots */
    uint32_t rom_watchdog_ms; /* from entry to the jump */
    uint32_t poll_ms;         /* how often a held pin is looked at and the watchdog fed */

    struct dr_image_limits limits;     /* for images without limits of their own */
    struct dr_image_limits limits_min; /* no image may ask for less */
    struct dr_image_limits limits_max; /* nor for more */
    uint32_t rom_version;              /* compared with an image's minimum boot ROM */
};

extern const struct dr_boot_policy dr_boot_policy_default;

#endif

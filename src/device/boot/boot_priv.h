/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Parts of the boot ROM's order: pin.c watches the pin, handoff.c ends it. */
#ifndef DR_DEVICE_BOOT_BOOT_PRIV_H
#define DR_DEVICE_BOOT_BOOT_PRIV_H

#include "device/boot/boot.h"

/* Watch the pin until it is released or held too long; LED and watchdog are served meanwhile. */
enum dr_pin dr_boot_watch_pin(const struct dr_boot_platform *platform);

/* Wait, the watchdog fed; ends early when the pin is pressed. */
void dr_boot_wait(const struct dr_boot_platform *platform, uint32_t wait_ms);

/* Fill the hand-off for the image in ret_result->loaded, latch its mode in the anchor, arm its
 * watchdog, write the retained block. DR_E_TIMEOUT: the anchor did not take the mode. */
DR_MUST_USE enum dr_status dr_boot_hand_off(
    const struct dr_boot_platform *platform, struct dr_boot_work *work,
    const struct dr_boot_choice *choice, struct dr_boot_result *ret_result);

/* The retained block as this decision leaves it, for the image in choice. A later attempt finds the
 * same in work->input, so that nothing is charged twice. */
void dr_boot_retain(
    const struct dr_boot_platform *platform, struct dr_boot_work *work,
    const struct dr_boot_choice *choice, bool in_rom);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/boot_priv.h"

static enum dr_boot_led stage_led(enum dr_pin stage)
{
    switch (stage) {
    case DR_PIN_PREVIOUS:
        return DR_BOOT_LED_PIN_PREVIOUS;
    case DR_PIN_FACTORY:
        return DR_BOOT_LED_PIN_FACTORY;
    case DR_PIN_ERASE:
        return DR_BOOT_LED_PIN_ERASE;
    case DR_PIN_NOTHING:
        break;
    }
    return DR_BOOT_LED_PIN_HELD;
}

enum dr_pin dr_boot_watch_pin(const struct dr_boot_platform *platform)
{
    const struct dr_boot_policy *policy = platform->policy;
    uint32_t from_ms = platform->now_ms(platform->context);
    uint32_t held_ms = 0;
    /* bound: pin_cancel_ms; a stuck button must not keep the device from booting. */
    while (platform->pin_held(platform->context)) {
        held_ms = platform->now_ms(platform->context) - from_ms;
        if (held_ms >= policy->pin_cancel_ms) {
            platform->led(platform->context, DR_BOOT_LED_PIN_CANCELED);
            return DR_PIN_NOTHING;
        }
        platform->led(platform->context, stage_led(dr_pin_stage(policy, held_ms)));
        platform->watchdog_feed(platform->context);
        platform->wait(platform->context, policy->poll_ms);
    }
    return dr_pin_stage(policy, held_ms);
}

void dr_boot_wait(const struct dr_boot_platform *platform, uint32_t wait_ms)
{
    uint32_t from_ms = platform->now_ms(platform->context);
    /* bound: wait_ms. A button that was stuck all along does not end the wait. */
    bool stuck = platform->pin_held(platform->context);
    while (platform->now_ms(platform->context) - from_ms < wait_ms) {
        bool held = platform->pin_held(platform->context);
        if (held && !stuck) {
            return;
        }
        stuck = stuck && held;
        platform->watchdog_feed(platform->context);
        platform->wait(platform->context, platform->policy->poll_ms);
    }
}

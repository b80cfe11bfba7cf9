/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* device/boot's platform on this machine. */
#include "base/check.h"
#include "boards/mps2_an385/common/board_panel.h"
#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/common/retained.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/map.h"
#include "boards/mps2_an385/rom/rom.h"

#include <string.h>

DR_STATIC_ASSERT((int)DR_BOOT_LED_HALT_FLASH == (int)DR_LED_HALT_FLASH, "the panel's numbers");
DR_STATIC_ASSERT((int)DR_BOOT_LED_PIN_REFUSED == (int)DR_LED_PIN_REFUSED, "the panel's numbers");

static void watchdog_arm(void *context, uint32_t period_ms)
{
    (void)context;
    dr_watchdog_arm(period_ms);
}

static void watchdog_feed(void *context)
{
    (void)context;
    dr_watchdog_feed();
}

static void retained_read(void *context, uint8_t out[DR_RETAINED_BYTES])
{
    (void)context;
    dr_retained_block_read(out);
}

static void retained_write(void *context, const uint8_t data[DR_RETAINED_BYTES])
{
    (void)context;
    dr_retained_block_write(data);
}

static void crash_take(void *context, uint8_t out[DR_CRASH_BYTES])
{
    static const uint8_t zero[DR_CRASH_BYTES] = {0};
    (void)context;
    dr_retained_crash_read(out);
    dr_retained_crash_write(zero);
}

static enum dr_strap strap_take(void *context)
{
    (void)context;
    uint32_t strap = dr_board_panel_read(DR_PANEL_STRAP_AT);
    dr_board_panel_write(DR_PANEL_STRAP_AT, DR_PANEL_STRAP_NONE);
    if (strap == DR_PANEL_STRAP_POWER) {
        return DR_STRAP_POWER;
    }
    return strap == DR_PANEL_STRAP_LOCK_UP ? DR_STRAP_LOCKUP : DR_STRAP_NONE;
}

static bool pin_held(void *context)
{
    (void)context;
    return (dr_board_panel_read(DR_PANEL_PINS_AT) & DR_PANEL_PIN_FACTORY) != 0;
}

static void led(void *context, enum dr_boot_led value)
{
    (void)context;
    dr_board_panel_write(DR_PANEL_LED_AT, (uint32_t)value);
}

/* Noise of this power-up, the number of the reset, and what only this device knows. */
static void seed(void *context, uint8_t out[32])
{
    const struct dr_boot_platform *platform = context;
    uint32_t noise_at = DR_MPS2_STORE_AT + DR_MPS2_RETAINED_AT + DR_MPS2_RETAINED_NOISE_AT;
    uint32_t resets_at = noise_at + DR_MPS2_NOISE_BYTES;
    struct dr_sha256 sha;
    dr_reg_write(resets_at, dr_reg_read(resets_at) + 1u);
    platform->crypto->sha256_begin(&sha);
    platform->crypto->sha256_update(
        &sha, (const uint8_t *)(uintptr_t)noise_at, DR_MPS2_NOISE_BYTES + 4u);
    platform->crypto->sha256_update(&sha, platform->secret, DR_MPS2_SECRET_BYTES);
    platform->crypto->sha256_finish(&sha, out);
}

static uint32_t now_ms(void *context)
{
    (void)context;
    return dr_clock_ms();
}

static void wait_ms(void *context, uint32_t duration_ms)
{
    (void)context;
    dr_clock_wait(duration_ms);
}

void dr_rom_port(struct dr_boot_platform *platform)
{
    platform->context = platform;
    platform->watchdog_arm = watchdog_arm;
    platform->watchdog_feed = watchdog_feed;
    platform->retained_read = retained_read;
    platform->retained_write = retained_write;
    platform->crash_take = crash_take;
    platform->strap_take = strap_take;
    platform->pin_held = pin_held;
    platform->led = led;
    platform->seed = seed;
    platform->now_ms = now_ms;
    platform->wait = wait_ms;
}

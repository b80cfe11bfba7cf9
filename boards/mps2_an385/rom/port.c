/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* device/boot's platform on this machine. */
#include "base/check.h"
#include "boards/mps2_an385/common/board_panel.h"
#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/common/nor.h"
#include "boards/mps2_an385/common/part.h"
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/common/retained.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/map.h"
#include "boards/mps2_an385/rom/rom.h"

#include <string.h>

#define NOISE_AT (DR_MPS2_STORE_AT + DR_MPS2_RETAINED_AT + DR_MPS2_RETAINED_NOISE_AT)
#define RESETS_AT (NOISE_AT + DR_MPS2_NOISE_BYTES)
#define SECRET ((const uint8_t *)(uintptr_t)DR_MPS2_SECRET_AT)

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
    (void)context;
    dr_retained_crash_read(out);
    dr_retained_crash_clear();
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

/* Of the noise of this power-up and the number of the reset, under what only this device knows. */
static void seed(void *context, uint8_t out[32])
{
    (void)context;
    const struct dr_bytes secret = {SECRET, DR_MPS2_SECRET_BYTES};
    const struct dr_bytes fresh = {(const uint8_t *)(uintptr_t)NOISE_AT, DR_MPS2_NOISE_BYTES + 4u};
    dr_reg_write(RESETS_AT, dr_reg_read(RESETS_AT) + 1u);
    dr_hmac_sha256(&dr_crypto_rom, secret, &fresh, 1, out);
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

static uint8_t *window_begin(void *context)
{
    (void)context;
    return (uint8_t *)(uintptr_t)DR_MPS2_LOAD_AT;
}

static const uint8_t *window_freeze(void *context, uint32_t size_bytes)
{
    (void)size_bytes;
    return window_begin(context);
}

struct dr_rom_memory dr_rom_memory;

const struct dr_boot_platform dr_rom_platform = {
    .watchdog_arm = watchdog_arm,
    .watchdog_feed = watchdog_feed,
    .retained_read = retained_read,
    .retained_write = retained_write,
    .crash_take = crash_take,
    .strap_take = strap_take,
    .pin_held = pin_held,
    .led = led,
    .seed = seed,
    .now_ms = now_ms,
    .wait = wait_ms,
    .policy = &dr_rom_memory.policy,
    .crypto = &dr_crypto_rom,
    .flash = &dr_nor_flash_rom,
    .map = &dr_mps2_flash_map,
    .trust = &dr_rom_memory.trust.trust,
    .product = dr_rom_memory.trust.product,
    .secret = SECRET,
    .anchor = {.context = &dr_rom_memory.anchor, .transact = dr_anchor_uart_transact},
    .window = {
        .begin = window_begin,
        .freeze = window_freeze,
        .address = DR_MPS2_LOAD_AT,
        .size_bytes = DR_MPS2_LOAD_BYTES,
        .vectors = true}};

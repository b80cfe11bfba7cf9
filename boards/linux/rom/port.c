/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* device/boot's platform over the channel. When the board is gone the machine is without power, and
 * the process ends. */
#include "boards/linux/map.h"
#include "boards/linux/rom/rom.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

DR_STATIC_ASSERT(DR_RETAINED_BYTES <= DR_LINUX_CRASH_AT, "the retained block fits its place");
DR_STATIC_ASSERT(DR_CRASH_BYTES <= DR_LINUX_CRASH_BYTES, "the crash record fits its place");
DR_STATIC_ASSERT((int)DR_BOOT_LED_HALT_FLASH == (int)DR_LED_HALT_FLASH, "the panel's numbers");
DR_STATIC_ASSERT((int)DR_BOOT_LED_PIN_REFUSED == (int)DR_LED_PIN_REFUSED, "the panel's numbers");

static void need(enum dr_status status)
{
    if (status != DR_OK) {
        _exit(1);
    }
}

static void watchdog_arm(void *context, uint32_t period_ms)
{
    need(dr_channel_watchdog_arm(context, period_ms));
}

static void watchdog_feed(void *context)
{
    need(dr_channel_watchdog_feed(context));
}

static void retained_read(void *context, uint8_t out[DR_RETAINED_BYTES])
{
    need(dr_channel_retained_read(context, 0, out, DR_RETAINED_BYTES));
}

static void retained_write(void *context, const uint8_t data[DR_RETAINED_BYTES])
{
    need(dr_channel_retained_write(context, 0, data, DR_RETAINED_BYTES));
}

static void crash_take(void *context, uint8_t out[DR_CRASH_BYTES])
{
    static const uint8_t zero[DR_CRASH_BYTES] = {0};
    need(dr_channel_retained_read(context, DR_LINUX_CRASH_AT, out, DR_CRASH_BYTES));
    need(dr_channel_retained_write(context, DR_LINUX_CRASH_AT, zero, sizeof zero));
}

static enum dr_strap strap_take(void *context)
{
    enum dr_panel_strap strap = DR_PANEL_STRAP_NONE;
    need(dr_channel_strap_take(context, &strap));
    switch (strap) {
    case DR_PANEL_STRAP_POWER:
        return DR_STRAP_POWER;
    case DR_PANEL_STRAP_LOCK_UP:
        return DR_STRAP_LOCKUP;
    case DR_PANEL_STRAP_NONE:
        break;
    }
    return DR_STRAP_NONE;
}

static bool pin_held(void *context)
{
    uint32_t pins = 0;
    need(dr_channel_pins(context, &pins));
    return (pins & DR_PANEL_PIN_FACTORY) != 0;
}

static void led(void *context, enum dr_boot_led value)
{
    need(dr_channel_led(context, (enum dr_led)value));
}

static void seed(void *context, uint8_t out[32])
{
    (void)context;
    if (getrandom(out, 32, 0) != 32) {
        _exit(1);
    }
}

static uint32_t now_ms(void *context)
{
    return (uint32_t)dr_channel_uptime_ms(context);
}

static void wait_ms(void *context, uint32_t duration_ms)
{
    (void)context;
    struct timespec left = {
        .tv_sec = (time_t)(duration_ms / 1000u), .tv_nsec = (long)(duration_ms % 1000u) * 1000000L};
    while (nanosleep(&left, &left) != 0) { /* bound: the time left shrinks */
    }
}

void dr_rom_port(struct dr_boot_platform *platform, struct dr_channel *channel)
{
    platform->context = channel;
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

static enum dr_status transact(void *context, struct dr_anchor_exchange *exchange)
{
    struct dr_channel_exchange over_channel = {
        .request = exchange->request,
        .request_bytes = exchange->request_bytes,
        .response = exchange->response,
        .capacity_bytes = exchange->response_capacity_bytes,
        .timeout_ms = exchange->timeout_ms};
    return dr_channel_anchor(context, &over_channel, &exchange->response_bytes);
}

struct dr_anchor_port dr_rom_anchor_port(struct dr_channel *channel)
{
    return (struct dr_anchor_port){.context = channel, .transact = transact};
}

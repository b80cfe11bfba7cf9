/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "sim/device.h"

#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void dr_sim_fail(struct dr_sim_device *device, enum dr_sim_verdict verdict, const char *format, ...)
{
    va_list arguments;
    if (device->verdict != DR_SIM_FINE || device->power.off) {
        return; /* what fails because the power went is no failure */
    }
    device->verdict = verdict;
    va_start(arguments, format);
    vsnprintf(device->why, sizeof device->why, format, arguments);
    va_end(arguments);
    dr_sim_say(device, "FAILED: %s", device->why);
}

void dr_sim_say(const struct dr_sim_device *device, const char *format, ...)
{
    va_list arguments;
    if (!device->verbose) {
        return;
    }
    printf("  %6llu  ", (unsigned long long)device->power.operations);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

/* The flash port of the device under test: the model's, except for the one lie. */

static enum dr_status flash_read(void *context, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    struct dr_sim_device *device = context;
    return dr_flash_read(dr_nor_port(device->nor), address, out, size_bytes);
}

static enum dr_status
flash_program(void *context, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    struct dr_sim_device *device = context;
    uint8_t half[1024];
    const struct dr_flash *nor = dr_nor_port(device->nor);
    device->programs++;
    if (device->lied || device->programs != device->lie_at) {
        return dr_flash_program(nor, address, data, size_bytes);
    }
    DR_CHECK(size_bytes <= sizeof half);
    for (uint32_t i = 0; i < size_bytes; i++) {
        half[i] = (uint8_t)(data[i] | dr_sim_random(&device->random));
    }
    device->lied = true;
    dr_sim_say(device, "a program at 0x%x says ok and is half done", address);
    return dr_flash_program(nor, address, half, size_bytes);
}

static enum dr_status flash_erase(void *context, uint32_t address, uint32_t size_bytes)
{
    struct dr_sim_device *device = context;
    return dr_flash_erase(dr_nor_port(device->nor), address, size_bytes);
}

static enum dr_status flash_sync(void *context)
{
    struct dr_sim_device *device = context;
    return dr_flash_sync(dr_nor_port(device->nor));
}

static void bind(struct dr_sim_device *device)
{
    device->flash = (struct dr_flash){
        .geometry = device->world->geometry,
        .context = device,
        .read = flash_read,
        .program = flash_program,
        .erase = flash_erase,
        .sync = flash_sync,
    };
}

void dr_sim_device_init(
    struct dr_sim_device *device, const struct dr_sim_world *world, uint64_t seed)
{
    memset(device, 0, sizeof *device);
    device->world = world;
    device->random = seed;
    dr_sim_power_init(&device->power, seed);
    device->nor = dr_nor_create(&world->geometry, &device->power);
    DR_CHECK(device->nor != NULL);
    dr_anchor_mem_init(&device->anchor, world->crypto, &device->power, seed);
    device->strap = DR_STRAP_POWER;
    bind(device);
}

void dr_sim_device_end(struct dr_sim_device *device)
{
    dr_nor_destroy(device->nor);
    device->nor = NULL;
}

/* Everything but the models is plain data. */
static void clone(
    const struct dr_sim_device *device, struct dr_sim_device *copy,
    const struct dr_nor_snapshot *snapshot)
{
    *copy = *device;
    copy->power.hook = NULL;
    copy->power.hook_context = NULL;
    copy->nor = dr_nor_create_from(snapshot, &copy->power);
    DR_CHECK(copy->nor != NULL);
    dr_anchor_mem_rebind(&copy->anchor, &copy->power);
    bind(copy);
}

void dr_sim_device_fork(
    const struct dr_sim_device *device, struct dr_sim_device *fork, enum dr_sim_torn kind,
    uint64_t seed)
{
    uint8_t image[DR_ANCHOR_STATE_BYTES];
    struct dr_nor_snapshot *snapshot = dr_nor_cut_here(device->nor, kind, seed);
    DR_CHECK(snapshot != NULL);
    dr_anchor_mem_cut_here(&device->anchor, kind, image);
    clone(device, fork, snapshot);
    dr_nor_snapshot_destroy(snapshot);
    memcpy(fork->anchor.image, image, sizeof image);
    fork->random = seed;
    fork->power.random = seed;
    dr_sim_device_power_up(fork);
}

void dr_sim_device_copy(const struct dr_sim_device *device, struct dr_sim_device *copy)
{
    struct dr_nor_snapshot *snapshot = dr_nor_snapshot(device->nor);
    DR_CHECK(snapshot != NULL);
    clone(device, copy, snapshot);
    dr_nor_snapshot_destroy(snapshot);
}

void dr_sim_device_power_up(struct dr_sim_device *device)
{
    dr_sim_power_on(&device->power);
    device->strap = DR_STRAP_POWER;
    device->pin_hold_ms = 0; /* nobody keeps holding it through a power cut */
    for (size_t i = 0; i < sizeof device->retained; i++) {
        device->retained[i] = (uint8_t)dr_sim_random(&device->random);
    }
    memset(device->crash, 0, sizeof device->crash);
}

/* The board's half of the ROM. */

static void do_nothing(void *context)
{
    (void)context;
}

static void arm(void *context, uint32_t period_ms)
{
    (void)context;
    (void)period_ms;
}

static void retained_read(void *context, uint8_t out[DR_RETAINED_BYTES])
{
    const struct dr_sim_device *device = context;
    memcpy(out, device->retained, DR_RETAINED_BYTES);
}

static void retained_write(void *context, const uint8_t data[DR_RETAINED_BYTES])
{
    struct dr_sim_device *device = context;
    memcpy(device->retained, data, DR_RETAINED_BYTES);
}

static void crash_take(void *context, uint8_t out[DR_CRASH_BYTES])
{
    struct dr_sim_device *device = context;
    memcpy(out, device->crash, DR_CRASH_BYTES);
    memset(device->crash, 0, DR_CRASH_BYTES);
}

static enum dr_strap strap_take(void *context)
{
    struct dr_sim_device *device = context;
    enum dr_strap strap = device->strap;
    device->strap = DR_STRAP_NONE;
    return strap;
}

static bool pin_held(void *context)
{
    const struct dr_sim_device *device = context;
    return device->now_ms < device->pin_hold_ms;
}

static void led(void *context, enum dr_boot_led led)
{
    (void)context;
    (void)led;
}

static void seed(void *context, uint8_t out[32])
{
    struct dr_sim_device *device = context;
    for (size_t i = 0; i < 32; i++) {
        out[i] = (uint8_t)dr_sim_random(&device->random);
    }
}

static uint32_t now_ms(void *context)
{
    const struct dr_sim_device *device = context;
    return device->now_ms;
}

static void wait(void *context, uint32_t wait_ms)
{
    struct dr_sim_device *device = context;
    device->now_ms += wait_ms;
}

static uint8_t *window_begin(void *context)
{
    struct dr_sim_device *device = context;
    return device->memory;
}

static const uint8_t *window_freeze(void *context, uint32_t size_bytes)
{
    const struct dr_sim_device *device = context;
    (void)size_bytes;
    return device->memory;
}

static struct dr_boot_platform platform_of(struct dr_sim_device *device)
{
    return (struct dr_boot_platform){
        .context = device,
        .watchdog_arm = arm,
        .watchdog_feed = do_nothing,
        .retained_read = retained_read,
        .retained_write = retained_write,
        .crash_take = crash_take,
        .strap_take = strap_take,
        .pin_held = pin_held,
        .led = led,
        .seed = seed,
        .now_ms = now_ms,
        .wait = wait,
        .policy = &dr_boot_policy_default,
        .crypto = device->world->crypto,
        .flash = &device->flash,
        .map = &device->world->map,
        .trust = &device->world->trust,
        .product = DR_SIM_PRODUCT,
        .secret = device->anchor.secret,
        .anchor = dr_anchor_mem_port(&device->anchor),
        .window =
            {
                .context = device,
                .begin = window_begin,
                .freeze = window_freeze,
                .size_bytes = sizeof device->memory,
                .any_address = true,
            },
    };
}

enum dr_status dr_sim_device_boot(struct dr_sim_device *device)
{
    const struct dr_boot_platform platform = platform_of(device);
    const struct dr_flash_map *map = &device->world->map;
    dr_nor_set_writable(device->nor, NULL, 0);
    DR_TRY(dr_anchor_mem_start(&device->anchor));
    device->now_ms = 0;
    device->boots++;
    dr_boot_begin(&platform, &device->work);
    DR_TRY(dr_boot_attempt(&platform, &device->work, &device->booted));
    const struct dr_flash_area writable[] = {
        map->requests,
        map->vault,
        dr_flash_slot_area(map, (enum dr_slot_id)device->booted.info.spare),
    };
    dr_nor_set_writable(device->nor, writable, device->booted.info.spare == DR_SLOT_NONE ? 2 : 3);
    return DR_OK;
}

void dr_sim_device_mark(struct dr_sim_device *device, enum dr_reset_mark mark, uint32_t uptime_ms)
{
    struct dr_retained retained;
    if (dr_retained_decode(device->retained, &retained) != DR_OK) {
        return; /* as the ROM left it: nothing to keep */
    }
    retained.mark = (uint8_t)mark;
    retained.uptime_ms = uptime_ms;
    dr_retained_encode(&retained, device->retained);
}

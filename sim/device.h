/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One simulated device: flash, anchor, power, retained RAM, the shipping boot ROM.
 *
 * Plain data around two models; a device can be copied at any operation (dr_sim_device_fork), and
 * the copy lives on as if its power had failed right there.
 */
#ifndef DR_SIM_DEVICE_H
#define DR_SIM_DEVICE_H

#include "device/boot/boot.h"
#include "sim/anchor_mem.h"
#include "sim/nor.h"
#include "sim/world.h"

#include <stdbool.h>
#include <stdint.h>

/* What a case can come to, worst first. */
enum dr_sim_verdict {
    DR_SIM_FINE = 0,
    DR_SIM_BRICKED,
    DR_SIM_UNAUTHORISED,
    DR_SIM_LOST,
};

struct dr_sim_device {
    const struct dr_sim_world *world;
    bool verbose;

    struct dr_sim_power power;
    struct dr_nor *nor;
    struct dr_anchor_mem anchor;
    struct dr_flash flash; /* the NOR's port; a program may lie (below) */
    uint64_t programs;     /* so far */
    uint64_t lie_at;       /* this program, from 1, says DR_OK and is only half done; 0: none */
    bool lied;

    uint8_t retained[DR_RETAINED_BYTES];
    uint8_t crash[DR_CRASH_BYTES];
    enum dr_strap strap;
    uint32_t pin_hold_ms; /* how long the pin is held at the next start */
    uint32_t now_ms;
    uint64_t random;
    uint32_t boots;

    uint8_t memory[DR_SIM_IMAGE_BYTES]; /* the load window */
    struct dr_boot_work work;
    struct dr_boot_result booted;

    enum dr_sim_verdict verdict; /* the first thing that went wrong */
    char why[160];
};

/* A device with an empty flash and a blank anchor, powered. */
void dr_sim_device_init(
    struct dr_sim_device *device, const struct dr_sim_world *world, uint64_t seed);
void dr_sim_device_end(struct dr_sim_device *device);

/* From the power supply's hook: *fork is *device with its power lost at this very operation. */
void dr_sim_device_fork(
    const struct dr_sim_device *device, struct dr_sim_device *fork, enum dr_sim_torn kind,
    uint64_t seed);

/* Between two runs: *copy is *device as it stands. */
void dr_sim_device_copy(const struct dr_sim_device *device, struct dr_sim_device *copy);

/* Power comes back after a cut: RAM is noise. */
void dr_sim_device_power_up(struct dr_sim_device *device);

/* Reset line: RAM stays. Then one attempt of the boot ROM. DR_OK: device->booted runs, and flash
 * is writable only where the hand-off allows. */
DR_MUST_USE enum dr_status dr_sim_device_boot(struct dr_sim_device *device);

/* The firmware leaves its mark, and how long it ran, in retained RAM. */
void dr_sim_device_mark(struct dr_sim_device *device, enum dr_reset_mark mark, uint32_t uptime_ms);

/* Note the first failure of a case. printf-like. */
void dr_sim_fail(struct dr_sim_device *device, enum dr_sim_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line of the story, when verbose. */
void dr_sim_say(const struct dr_sim_device *device, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

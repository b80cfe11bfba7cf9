/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A client on a simulated device that the boot ROM has started. */
#ifndef DR_TESTS_UNIT_CLIENT_RIG_H
#define DR_TESTS_UNIT_CLIENT_RIG_H

#include "tests/unit/check.h"

#include "device/client/client_priv.h"
#include "sim/scenario.h"

#define BLOCK_BYTES 1024u
#define RUNS_11 2 /* phases of the scenario */

static struct dr_sim_world world;
static struct dr_sim_device device;
static struct dr_sim_script script;
static struct dr_anchor anchor;
static struct dr_client client;
static uint8_t scratch[BLOCK_BYTES];

/* The device's flash; the next `misreads` reads of the spare's data fail. */
static struct dr_flash flash;
static unsigned misreads;

static enum dr_status flaky_read(void *context, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    if (misreads > 0 && size_bytes >= BLOCK_BYTES) {
        misreads--;
        return DR_E_IO;
    }
    return device.flash.read(context, address, out, size_bytes);
}

/* 1.1 is sealed and runs; the client as dr_client_open would leave it, without vault and link. */
static inline void begin(void)
{
    if (world.crypto == NULL) {
        dr_sim_world_init(&world, &dr_crypto_openssl);
    }
    dr_sim_device_init(&device, &world, 11);
    dr_sim_script_init(&script);
    EXPECT(dr_sim_run(&device, &script, RUNS_11));
    dr_sim_device_power_up(&device);
    EXPECT_EQ(dr_sim_device_boot(&device), DR_OK);
    const struct dr_boot_info *info = &device.booted.info;
    const struct dr_anchor_port port = dr_anchor_mem_port(&device.anchor);
    dr_anchor_init(
        &anchor, world.crypto, &port, DR_ANCHOR_KEY_FW, info->keys.anchor_fw, info->digest);
    misreads = 0;
    flash = device.flash;
    flash.read = flaky_read;
    memset(&client, 0, sizeof client);
    client.config = (struct dr_client_config){
        .crypto = world.crypto,
        .flash = &flash,
        .map = &world.map,
        .anchor = &anchor,
        .info = info,
        .scratch = scratch,
        .scratch_bytes = sizeof scratch,
        .block_bytes = BLOCK_BYTES,
        .batch_sectors = 1,
    };
    const struct dr_flash_area spare = dr_flash_slot_area(&world.map, (enum dr_slot_id)info->spare);
    client.facts.spare_bytes = dr_slot_capacity(&world.geometry, &spare);
}

static inline void end(void)
{
    EXPECT_EQ(dr_nor_violations(device.nor, NULL), 0);
    dr_sim_device_end(&device);
}

#endif

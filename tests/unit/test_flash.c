/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* device/flash: map check and checked calls; sim/nor: that the model really keeps the rules. */
#include "device/flash/flash.h"
#include "sim/nor.h"
#include "tests/unit/check.h"

static const struct dr_flash_geometry geometry = {
    .size_bytes = 32768, .sector_bytes = 1024, .program_unit_bytes = 16, .erased_value = 0xff};

static const struct dr_flash_map good_map = {
    .journal = {0, 2048},
    .requests = {2048, 1024},
    .slot_a = {4096, 8192},
    .slot_b = {12288, 8192},
    .factory = {20480, 4096},
    .vault = {24576, 4096},
    .panel = {31744, 1024},
};

static void test_map(void)
{
    EXPECT_EQ(dr_flash_map_check(&good_map, &geometry), DR_OK);
    EXPECT_EQ(dr_flash_slot_area(&good_map, DR_SLOT_B).address, 12288);
    EXPECT_EQ(dr_flash_slot_area(&good_map, DR_SLOT_NONE).size_bytes, 0);
    EXPECT_EQ(dr_flash_slot_area(&good_map, (enum dr_slot_id)9).size_bytes, 0);
    struct dr_flash_map map = good_map;
    map.slot_b.address = 12288 - 1024; /* overlaps slot A */
    EXPECT_EQ(dr_flash_map_check(&map, &geometry), DR_E_ARGUMENT);
    map = good_map;
    map.vault.address += 16; /* inside a sector */
    EXPECT_EQ(dr_flash_map_check(&map, &geometry), DR_E_ARGUMENT);
    map = good_map;
    map.vault.size_bytes = 0;
    EXPECT_EQ(dr_flash_map_check(&map, &geometry), DR_E_ARGUMENT);
    map = good_map;
    map.panel.address = 32768; /* behind the end */
    EXPECT_EQ(dr_flash_map_check(&map, &geometry), DR_E_ARGUMENT);
    map = good_map;
    map.factory.size_bytes = 0xfffffc00u; /* would wrap */
    EXPECT_EQ(dr_flash_map_check(&map, &geometry), DR_E_ARGUMENT);
    map = good_map;
    map.journal.size_bytes = 1024;
    EXPECT_EQ(dr_flash_map_check(&map, &geometry), DR_E_ARGUMENT);
    const struct dr_flash_geometry impossible[] = {
        {32768, 1000, 16, 0xff}, {32768, 1024, 24, 0xff}, {32768, 1024, 64, 0xff},
        {32768, 1024, 0, 0xff},  {32000, 1024, 16, 0xff}, {0, 1024, 16, 0xff},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(impossible); i++) {
        EXPECT_EQ(dr_flash_map_check(&good_map, &impossible[i]), DR_E_ARGUMENT);
    }
}

static void test_checked_calls(void)
{
    struct dr_sim_power power;
    dr_sim_power_init(&power, 1);
    struct dr_nor *nor = dr_nor_create(&geometry, &power);
    REQUIRE(nor != NULL);
    const struct dr_flash *flash = dr_nor_port(nor);
    uint8_t bytes[64] = {1, 2, 3};
    EXPECT_EQ(dr_flash_read(flash, 32768, bytes, 0), DR_OK);
    EXPECT_EQ(dr_flash_read(flash, 32768, bytes, 1), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_read(flash, 32767, bytes, 2), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_read(flash, 0xfffffff0u, bytes, 64), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_program(flash, 8, bytes, 16), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_program(flash, 16, bytes, 8), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_program(flash, 32768 - 16, bytes, 32), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_erase(flash, 512, 1024), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_erase(flash, 0, 512), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_erase(flash, 32768, 1024), DR_E_ARGUMENT);
    EXPECT_EQ(dr_nor_violations(nor, NULL), 0); /* the part never saw any of them */
    EXPECT_EQ(power.operations, 0);
    EXPECT_EQ(dr_flash_program(flash, 32768 - 16, bytes, 16), DR_OK);
    EXPECT_EQ(dr_flash_sync(flash), DR_OK);
    EXPECT_EQ(power.operations, 2);
    dr_nor_destroy(nor);
}

static void test_model_rules(void)
{
    struct dr_sim_power power;
    const char *rule = NULL;
    dr_sim_power_init(&power, 2);
    struct dr_nor *nor = dr_nor_create(&geometry, &power);
    REQUIRE(nor != NULL);
    const struct dr_flash *flash = dr_nor_port(nor);
    uint8_t bytes[16];
    uint8_t out[16];
    memset(bytes, 0xf0, sizeof bytes);
    EXPECT_EQ(dr_flash_program(flash, 0, bytes, 16), DR_OK);
    EXPECT_EQ(dr_nor_violations(nor, &rule), 0);
    memset(bytes, 0x3c, sizeof bytes);
    EXPECT_EQ(dr_flash_program(flash, 0, bytes, 16), DR_OK); /* as a part does: bits only fall */
    EXPECT_EQ(dr_nor_violations(nor, &rule), 1);
    EXPECT(strstr(rule, "again") != NULL);
    EXPECT_EQ(dr_flash_read(flash, 0, out, 16), DR_OK);
    EXPECT_EQ(out[5], 0x30);
    dr_nor_violations_clear(nor);
    memset(bytes, 0xff, sizeof bytes); /* programming nothing uses the unit up all the same */
    EXPECT_EQ(dr_flash_program(flash, 16, bytes, 16), DR_OK);
    EXPECT_EQ(dr_flash_program(flash, 16, bytes, 16), DR_OK);
    EXPECT_EQ(dr_nor_violations(nor, NULL), 1);
    dr_nor_violations_clear(nor);
    EXPECT_EQ(dr_flash_erase(flash, 0, 1024), DR_OK);
    EXPECT_EQ(dr_flash_program(flash, 0, bytes, 16), DR_OK);
    EXPECT_EQ(dr_nor_violations(nor, NULL), 0);
    const struct dr_flash_area writable[] = {{1024, 1024}};
    dr_nor_set_writable(nor, writable, 1);
    EXPECT_EQ(dr_flash_erase(flash, 1024, 1024), DR_OK);
    EXPECT_EQ(dr_flash_erase(flash, 1024, 2048), DR_E_DENIED);
    EXPECT_EQ(dr_flash_program(flash, 512, bytes, 16), DR_E_DENIED);
    EXPECT_EQ(dr_nor_violations(nor, NULL), 2);
    dr_nor_destroy(nor);
}

/* What each kind of cut may leave. */
static void test_model_cuts(void)
{
    for (unsigned kind = 0; kind < DR_SIM_TORN_KINDS; kind++) {
        struct dr_sim_power power;
        dr_sim_power_init(&power, kind);
        struct dr_nor *nor = dr_nor_create(&geometry, &power);
        REQUIRE(nor != NULL);
        const struct dr_flash *flash = dr_nor_port(nor);
        uint8_t zeros[256] = {0};
        uint8_t out[256];
        power.cut_at = 1;
        power.kind = (enum dr_sim_torn)kind;
        EXPECT_EQ(dr_flash_program(flash, 0, zeros, 256), DR_E_IO);
        EXPECT(power.off);
        EXPECT_EQ(dr_flash_read(flash, 0, out, 256), DR_E_IO);
        EXPECT_EQ(dr_flash_sync(flash), DR_E_IO);
        dr_sim_power_on(&power);
        EXPECT_EQ(dr_flash_read(flash, 0, out, 256), DR_OK);
        unsigned written = 0;
        unsigned whole = 0;
        for (unsigned i = 0; i < 256; i++) {
            written += out[i] != 0xff ? 1u : 0u;
            whole += out[i] == 0 ? 1u : 0u;
        }
        switch ((enum dr_sim_torn)kind) {
        case DR_SIM_TORN_NOTHING:
            EXPECT_EQ(written, 0);
            break;
        case DR_SIM_TORN_PREFIX:
            EXPECT(written == whole && whole > 0 && whole < 256 && out[0] == 0 && out[255] == 0xff);
            break;
        case DR_SIM_TORN_HALF:
            EXPECT(written > 200 && whole < 50);
            break;
        case DR_SIM_TORN_ALL_BUT:
            EXPECT_EQ(whole, 255);
            break;
        case DR_SIM_TORN_COMPLETE:
            EXPECT_EQ(whole, 256);
            break;
        }
        dr_nor_destroy(nor);
    }
}

/* Without a sync, what came before the cut may be gone; with it, it is not. */
static void test_model_sync(void)
{
    unsigned lost[2] = {0};
    for (uint64_t seed = 0; seed < 40; seed++) {
        for (unsigned synced = 0; synced < 2; synced++) {
            struct dr_sim_power power;
            uint8_t bytes[16] = {0};
            uint8_t out[16];
            dr_sim_power_init(&power, seed);
            struct dr_nor *nor = dr_nor_create(&geometry, &power);
            REQUIRE(nor != NULL);
            const struct dr_flash *flash = dr_nor_port(nor);
            EXPECT_EQ(dr_flash_program(flash, 0, bytes, 16), DR_OK);
            if (synced) {
                EXPECT_EQ(dr_flash_sync(flash), DR_OK);
            }
            power.cut_at = power.operations + 1;
            power.kind = DR_SIM_TORN_PREFIX;
            EXPECT_EQ(dr_flash_program(flash, 1024, bytes, 16), DR_E_IO);
            dr_sim_power_on(&power);
            EXPECT_EQ(dr_flash_read(flash, 0, out, 16), DR_OK);
            lost[synced] += out[0] != 0 ? 1u : 0u;
            EXPECT_EQ(dr_flash_program(flash, 2048, bytes, 16), DR_OK);
            dr_nor_destroy(nor);
        }
    }
    EXPECT(lost[0] > 5 && lost[0] < 35);
    EXPECT_EQ(lost[1], 0);
}

static void test_model_snapshots(void)
{
    struct dr_sim_power power;
    struct dr_sim_power other_power;
    uint8_t bytes[16] = {5};
    uint8_t out[16];
    dr_sim_power_init(&power, 3);
    dr_sim_power_init(&other_power, 4);
    struct dr_nor *nor = dr_nor_create(&geometry, &power);
    REQUIRE(nor != NULL);
    EXPECT_EQ(dr_flash_program(dr_nor_port(nor), 0, bytes, 16), DR_OK);
    struct dr_nor_snapshot *snapshot = dr_nor_snapshot(nor);
    REQUIRE(snapshot != NULL);
    EXPECT_EQ(dr_flash_erase(dr_nor_port(nor), 0, 1024), DR_OK);
    struct dr_nor *fork = dr_nor_create_from(snapshot, &other_power);
    REQUIRE(fork != NULL);
    EXPECT_EQ(dr_flash_program(dr_nor_port(fork), 16, bytes, 16), DR_OK);
    EXPECT_EQ(dr_flash_read(dr_nor_port(fork), 0, out, 16), DR_OK);
    EXPECT_EQ(out[0], 5);
    dr_nor_peek(nor, 16, out, 16);
    EXPECT_EQ(out[0], 0xff);
    dr_nor_restore(nor, snapshot);
    dr_nor_peek(nor, 0, out, 16);
    EXPECT_EQ(out[0], 5);
    EXPECT_EQ(dr_nor_violations(nor, NULL), 0);
    EXPECT_EQ(dr_flash_program(dr_nor_port(nor), 0, bytes, 16), DR_OK);
    EXPECT_EQ(dr_nor_violations(nor, NULL), 1); /* the unit states came back with it */
    dr_nor_destroy(fork);
    dr_nor_destroy(nor);
    dr_nor_snapshot_destroy(snapshot);
}

DR_TEST_MAIN(
    test_map, test_checked_calls, test_model_rules, test_model_cuts, test_model_sync,
    test_model_snapshots)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The Cortex-M3 board's flash part as the factory fills it. */
#include "boards/mps2_an385/common/part.h"
#include "boards/mps2_an385/host/nor_file.h"
#include "boards/mps2_an385/map.h"
#include "boards/panel.h"
#include "device/slot/read.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/daruma-part-XXXXXX";
static char path[64];

static void test_map(void)
{
    EXPECT_EQ(dr_flash_map_check(&dr_mps2_flash_map, &dr_mps2_flash_geometry), DR_OK);
    EXPECT(dr_slot_capacity(&dr_mps2_flash_geometry, &dr_mps2_flash_map.slot_a) >= 960u * 1024u);
    EXPECT_EQ(
        dr_slot_capacity(&dr_mps2_flash_geometry, &dr_mps2_flash_map.slot_a),
        dr_slot_capacity(&dr_mps2_flash_geometry, &dr_mps2_flash_map.factory));
}

static void test_rules(void)
{
    struct dr_nor_file file;
    struct dr_flash flash;
    uint8_t data[64] = {1, 2, 3};
    uint8_t back[64];
    REQUIRE(dr_nor_file_open(&file, path, &flash) == DR_OK);
    EXPECT_EQ(dr_flash_program(&flash, 0, data, sizeof data), DR_OK);
    EXPECT_EQ(dr_flash_read(&flash, 0, back, sizeof back), DR_OK);
    EXPECT(memcmp(data, back, sizeof back) == 0);
    EXPECT_EQ(dr_flash_program(&flash, 32, data, 32), DR_E_IO);
    EXPECT_EQ(flash.program(flash.context, 16, data, 32), DR_E_ARGUMENT);
    EXPECT_EQ(flash.program(flash.context, DR_MPS2_BOARD_AT, data, 32), DR_E_ARGUMENT);
    EXPECT_EQ(flash.erase(flash.context, DR_MPS2_PANEL_AT, 4096), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_erase(&flash, 0, DR_MPS2_SECTOR_BYTES), DR_OK);
    EXPECT_EQ(dr_flash_read(&flash, 0, back, sizeof back), DR_OK);
    EXPECT(back[0] == 0xff && back[63] == 0xff);
    EXPECT_EQ(dr_flash_program(&flash, 0, data, sizeof data), DR_OK);
    EXPECT_EQ(dr_flash_sync(&flash), DR_OK);
    dr_nor_file_close(&file);
}

static void test_files(void)
{
    struct dr_nor_file file;
    struct dr_flash flash;
    EXPECT_EQ(dr_nor_file_create(path), DR_E_EXISTS);
    REQUIRE(truncate(path, 4096) == 0);
    EXPECT_EQ(dr_nor_file_open(&file, path, &flash), DR_E_FORMAT);
    dr_nor_file_close(&file);
    REQUIRE(unlink(path) == 0);
    EXPECT_EQ(dr_nor_file_open(&file, path, &flash), DR_E_IO);
    dr_nor_file_close(&file);
}

static void test_begin(void)
{
    REQUIRE(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/flash.bin", directory);
    EXPECT_EQ(dr_nor_file_create(path), DR_OK);
}

static void test_end(void)
{
    EXPECT_EQ(rmdir(directory), 0);
}

DR_TEST_MAIN(test_begin, test_map, test_rules, test_files, test_end)

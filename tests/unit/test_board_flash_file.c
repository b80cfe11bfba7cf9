/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The flash part in a file, and who may write where. */
#include "boards/linux/board/flash_file.h"
#include "boards/linux/board/guard.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct dr_flash_file file;
static char directory[64];
static char path[96];

static bool fresh(void)
{
    snprintf(directory, sizeof directory, "/tmp/daruma-flash-XXXXXX");
    if (mkdtemp(directory) == NULL) {
        return false;
    }
    snprintf(path, sizeof path, "%s/flash.bin", directory);
    return dr_flash_file_create(path) == DR_OK && dr_flash_file_open(&file, path) == DR_OK;
}

static void drop(void)
{
    dr_flash_file_close(&file);
    unlink(path);
    rmdir(directory);
}

static bool all(const uint8_t *data, size_t size_bytes, uint8_t value)
{
    for (size_t i = 0; i < size_bytes; i++) {
        if (data[i] != value) {
            return false;
        }
    }
    return true;
}

static void test_new_part_is_erased_and_sparse(void)
{
    static uint8_t data[DR_LINUX_SECTOR_BYTES];
    struct stat info;
    REQUIRE(fresh());
    EXPECT_EQ(dr_flash_file_create(path), DR_E_EXISTS);
    EXPECT_EQ(dr_flash_file_read(&file, 0, data, sizeof data), DR_OK);
    EXPECT(all(data, sizeof data, 0xff));
    EXPECT_EQ(dr_flash_file_read(&file, DR_LINUX_PANEL_SECTOR_AT - 1u, data, 1), DR_OK);
    EXPECT_EQ(dr_flash_file_read(&file, DR_LINUX_PANEL_SECTOR_AT, data, 1), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_file_read(&file, 0xffffffffu, data, 2), DR_E_ARGUMENT);
    REQUIRE(stat(path, &info) == 0);
    EXPECT_EQ(info.st_size, DR_LINUX_FLASH_BYTES);
    EXPECT(info.st_blocks * 512 < 65536);
    EXPECT_EQ(dr_flash_file_panel(&file, DR_PANEL_MAGIC_AT), DR_PANEL_MAGIC);
    EXPECT_EQ(dr_flash_file_panel(&file, DR_PANEL_VERSION_AT), DR_PANEL_VERSION);
    drop();
}

static void test_units_are_programmed_once(void)
{
    uint8_t unit[32];
    uint8_t back[64];
    memset(unit, 0x5a, sizeof unit);
    REQUIRE(fresh());
    EXPECT_EQ(dr_flash_file_program(&file, 64, unit, 32), DR_OK);
    EXPECT_EQ(dr_flash_file_program(&file, 64, unit, 32), DR_E_IO);
    EXPECT_EQ(dr_flash_file_program(&file, 32, unit, 31), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_file_program(&file, 33, unit, 32), DR_E_ARGUMENT);
    /* "Whatever its content": a unit of erased bytes counts, as long as the part has power. */
    memset(unit, 0xff, sizeof unit);
    EXPECT_EQ(dr_flash_file_program(&file, 128, unit, 32), DR_OK);
    EXPECT_EQ(dr_flash_file_program(&file, 128, unit, 32), DR_E_IO);
    EXPECT_EQ(dr_flash_file_read(&file, 64, back, 64), DR_OK);
    EXPECT(all(back, 32, 0x5a) && all(back + 32, 32, 0xff));
    dr_flash_file_close(&file);
    REQUIRE(dr_flash_file_open(&file, path) == DR_OK);
    EXPECT_EQ(dr_flash_file_program(&file, 64, unit, 32), DR_E_IO);
    EXPECT_EQ(dr_flash_file_program(&file, 128, unit, 32), DR_OK);
    EXPECT_EQ(dr_flash_file_read(&file, 64, back, 32), DR_OK);
    EXPECT(all(back, 32, 0x5a));
    drop();
}

static void test_erase_frees_whole_sectors(void)
{
    static uint8_t data[3u * DR_LINUX_SECTOR_BYTES];
    memset(data, 0x11, sizeof data);
    REQUIRE(fresh());
    EXPECT_EQ(dr_flash_file_program(&file, 0, data, sizeof data), DR_OK);
    EXPECT_EQ(dr_flash_file_erase(&file, 1, DR_LINUX_SECTOR_BYTES), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_file_erase(&file, 0, 32), DR_E_ARGUMENT);
    EXPECT_EQ(
        dr_flash_file_erase(&file, DR_LINUX_PANEL_SECTOR_AT, DR_LINUX_SECTOR_BYTES), DR_E_ARGUMENT);
    EXPECT_EQ(dr_flash_file_erase(&file, DR_LINUX_SECTOR_BYTES, DR_LINUX_SECTOR_BYTES), DR_OK);
    EXPECT_EQ(dr_flash_file_read(&file, 0, data, sizeof data), DR_OK);
    EXPECT(all(data, DR_LINUX_SECTOR_BYTES, 0x11));
    EXPECT(all(data + DR_LINUX_SECTOR_BYTES, DR_LINUX_SECTOR_BYTES, 0xff));
    EXPECT(all(data + 2u * DR_LINUX_SECTOR_BYTES, DR_LINUX_SECTOR_BYTES, 0x11));
    EXPECT_EQ(dr_flash_file_program(&file, DR_LINUX_SECTOR_BYTES, data, 64), DR_OK);
    EXPECT_EQ(dr_flash_file_program(&file, DR_LINUX_SECTOR_BYTES - 32u, data, 64), DR_E_IO);
    drop();
}

static void test_a_part_that_does_not_answer(void)
{
    uint8_t data[32] = {0};
    REQUIRE(fresh());
    dr_flash_file_close(&file);
    REQUIRE(truncate(path, 4096) == 0);
    EXPECT_EQ(dr_flash_file_open(&file, path), DR_E_FORMAT);
    EXPECT_EQ(dr_flash_file_read(&file, 0, data, 32), DR_E_IO);
    EXPECT_EQ(dr_flash_file_program(&file, 0, data, 32), DR_E_IO);
    EXPECT_EQ(dr_flash_file_erase(&file, 0, DR_LINUX_SECTOR_BYTES), DR_E_IO);
    dr_flash_file_panel_set(&file, DR_PANEL_LED_AT, DR_LED_HALT_FLASH);
    EXPECT_EQ(dr_flash_file_panel(&file, DR_PANEL_LED_AT), DR_LED_HALT_FLASH);
    drop();
    EXPECT_EQ(dr_flash_file_open(&file, "/nonexistent/flash.bin"), DR_E_IO);
    dr_flash_file_close(&file);
}

/* Every area, by its first and last sector, for every phase and spare. */
static void test_guard(void)
{
    const struct dr_flash_map *map = &dr_linux_flash_map;
    enum { JOURNAL, REQUESTS, SLOT_A, SLOT_B, FACTORY, VAULT, PANEL, AREAS };
    const struct dr_flash_area areas[AREAS] = {map->journal, map->requests, map->slot_a,
                                               map->slot_b,  map->factory,  map->vault,
                                               map->panel};
    static const struct {
        const char *title;
        enum dr_guard_phase phase;
        enum dr_slot_id spare;
        bool allowed[AREAS];
    } rows[] = {
        {"rom", DR_GUARD_ROM, DR_SLOT_A, {[JOURNAL] = true, [REQUESTS] = true}},
        {"no spare", DR_GUARD_FIRMWARE, DR_SLOT_NONE, {[REQUESTS] = true, [VAULT] = true}},
        {"spare A",
         DR_GUARD_FIRMWARE,
         DR_SLOT_A,
         {[REQUESTS] = true, [VAULT] = true, [SLOT_A] = true}},
        {"spare B",
         DR_GUARD_FIRMWARE,
         DR_SLOT_B,
         {[REQUESTS] = true, [VAULT] = true, [SLOT_B] = true}},
        {"factory is never spare",
         DR_GUARD_FIRMWARE,
         DR_SLOT_FACTORY,
         {[REQUESTS] = true, [VAULT] = true}},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        for (size_t area = 0; area < AREAS; area++) {
            uint32_t first = areas[area].address;
            uint32_t end = first + areas[area].size_bytes;
            bool wanted = rows[i].allowed[area];
            bool got = dr_guard_may_write(rows[i].phase, rows[i].spare, first, 32);
            bool last = dr_guard_may_write(rows[i].phase, rows[i].spare, end - 32u, 32);
            bool whole =
                dr_guard_may_write(rows[i].phase, rows[i].spare, first, areas[area].size_bytes);
            bool beyond = dr_guard_may_write(rows[i].phase, rows[i].spare, end - 32u, 64);
            if (got != wanted || last != wanted || whole != wanted) {
                fprintf(stderr, "guard: %s, area %zu\n", rows[i].title, area);
            }
            EXPECT_EQ(got, wanted);
            EXPECT_EQ(last, wanted);
            EXPECT_EQ(whole, wanted);
            EXPECT(!beyond);
        }
        EXPECT(!dr_guard_may_write(rows[i].phase, rows[i].spare, 0xffffffe0u, 64));
        EXPECT(!dr_guard_may_write(rows[i].phase, rows[i].spare, 0, 0xffffffffu));
    }
}

DR_TEST_MAIN(
    test_new_part_is_erased_and_sparse, test_units_are_programmed_once,
    test_erase_frees_whole_sectors, test_a_part_that_does_not_answer, test_guard)

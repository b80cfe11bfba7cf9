/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* device/slot on the NOR model: order, repetition, block sizes, damage, faults, resuming. */
#include "tests/unit/slot_rig.h"

static const struct {
    uint32_t image_bytes;
    uint32_t block_bytes;
} sizes[] = {
    {8000, 256}, {8192, 256},  {8191, 512},  {33, 64},
    {1, 1024},   {7000, 1024}, {8193, 2048}, {8192, 4096},
};

static void test_sizes_and_orders(void)
{
    static struct job job;
    for (size_t i = 0; i < DR_ARRAY_COUNT(sizes); i++) {
        for (unsigned order = 0; order < 3; order++) {
            struct bench bench;
            bench_open(&bench, i);
            job_init(&job, sizes[i].image_bytes, sizes[i].block_bytes, 10u * i + order);
            job.order = order;
            EXPECT_EQ(job_start(&job, bench.flash), DR_OK);
            EXPECT_EQ(
                dr_slot_missing_count(&job.slot),
                (sizes[i].image_bytes - 1u) / sizes[i].block_bytes + 1u);
            EXPECT_EQ(job_fetch(&job), DR_OK);
            EXPECT_EQ(dr_slot_missing_count(&job.slot), 0);
            EXPECT(flash_holds(bench.flash, &job));
            /* Once more, all of it: nothing is written. */
            uint64_t programs = dr_nor_counts(bench.nor).programs;
            for (uint32_t block = 0; block < dr_slot_block_count(&job.slot); block++) {
                EXPECT_EQ(job_write(&job, block), DR_OK);
            }
            EXPECT_EQ(dr_nor_counts(bench.nor).programs, programs);
            bench_close(&bench);
        }
    }
}

/* Any alignment, through the reader. */
static void test_read_anywhere(void)
{
    static struct job job;
    struct bench bench;
    uint8_t out[2200];
    bench_open(&bench, 1);
    job_init(&job, 8000, 512, 1);
    REQUIRE(job_start(&job, bench.flash) == DR_OK && job_fetch(&job) == DR_OK);
    for (int i = 0; i < 500; i++) {
        uint32_t offset = (uint32_t)(dr_sim_random(&job.random) % 8000u);
        uint32_t size = (uint32_t)(dr_sim_random(&job.random) % sizeof out);
        size = size < 8000u - offset ? size : 8000u - offset;
        EXPECT_EQ(dr_slot_read(&job.slot.reader, offset, out, size), DR_OK);
        EXPECT(memcmp(out, job.image + offset, size) == 0);
    }
    EXPECT_EQ(dr_slot_read(&job.slot.reader, 7999, out, 2), DR_E_RANGE);
    EXPECT_EQ(dr_slot_read(&job.slot.reader, 0xffffffffu, out, 2), DR_E_RANGE);
    bench_close(&bench);
}

static void test_refusals(void)
{
    static struct job job;
    struct bench bench;
    uint8_t out[16];
    const uint8_t random[DR_SLOT_RANDOM_BYTES] = {0};
    bench_open(&bench, 2);
    job_init(&job, 5000, 256, 2);
    EXPECT_EQ(job_open(&job, bench.flash), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_slot_resume(&job.slot, 256, random), DR_E_STATE);
    EXPECT_EQ(job_write(&job, 0), DR_E_STATE);
    const uint32_t bad_blocks[] = {0, 8, 48, 100, 1536, 3000};
    for (size_t i = 0; i < DR_ARRAY_COUNT(bad_blocks); i++) {
        job.block_bytes = bad_blocks[i];
        EXPECT_EQ(job_begin(&job), DR_E_ARGUMENT);
    }
    job.block_bytes = 256;
    uint32_t capacity = dr_slot_capacity(&geometry, &area);
    EXPECT_EQ(capacity, 13u * SECTOR);
    job.image_bytes = 0;
    EXPECT_EQ(job_begin(&job), DR_E_ARGUMENT);
    job.image_bytes = capacity + 1u;
    EXPECT_EQ(job_begin(&job), DR_E_SPACE);
    job.image_bytes = 5000;
    REQUIRE(job_begin(&job) == DR_OK);
    EXPECT_EQ(dr_slot_write(&job.slot, 0, job.image, 255), DR_E_RANGE);
    EXPECT_EQ(dr_slot_write(&job.slot, 128, job.image, 256), DR_E_RANGE);
    EXPECT_EQ(dr_slot_write(&job.slot, 5120, job.image, 256), DR_E_RANGE);
    EXPECT_EQ(dr_slot_write(&job.slot, 4864, job.image, 256), DR_E_RANGE);
    EXPECT_EQ(dr_slot_read(&job.slot.reader, 0, out, sizeof out), DR_E_NOT_FOUND);
    bench_close(&bench);
}

static void test_missing_map(void)
{
    static struct job job;
    struct bench bench;
    uint8_t map[5];
    bench_open(&bench, 3);
    job_init(&job, 8000, 256, 3); /* 32 blocks */
    REQUIRE(job_start(&job, bench.flash) == DR_OK);
    EXPECT_EQ(job_write(&job, 0), DR_OK);
    EXPECT_EQ(job_write(&job, 9), DR_OK);
    EXPECT_EQ(job_write(&job, 31), DR_OK);
    dr_slot_missing_map(&job.slot, 0, map, sizeof map);
    EXPECT_EQ(map[0], 0xfe);
    EXPECT_EQ(map[1], 0xfd);
    EXPECT_EQ(map[2], 0xff);
    EXPECT_EQ(map[3], 0x7f);
    EXPECT_EQ(map[4], 0);
    EXPECT_EQ(dr_slot_next_missing(&job.slot, 0), 1);
    EXPECT_EQ(dr_slot_next_missing(&job.slot, 9), 10);
    EXPECT_EQ(dr_slot_next_missing(&job.slot, 31), 32);
    EXPECT_EQ(dr_slot_missing_count(&job.slot), 29);
    bench_close(&bench);
}

/* More sectors partly filled than there is room for. */
static void test_busy(void)
{
    static struct job job;
    static const struct dr_flash_geometry large = {
        .size_bytes = 64u * SECTOR,
        .sector_bytes = SECTOR,
        .program_unit_bytes = 1,
        .erased_value = 0xff};
    struct dr_sim_power power;
    dr_sim_power_init(&power, 1);
    struct dr_nor *nor = dr_nor_create(&large, &power);
    REQUIRE(nor != NULL);
    static uint8_t scratch[64];
    const struct dr_slot_config config = {
        .crypto = &dr_crypto_openssl,
        .flash = dr_nor_port(nor),
        .area = {0, 64u * SECTOR},
        .slot_key = slot_key,
        .scratch = scratch,
        .scratch_bytes = sizeof scratch,
        .batch_sectors = 1,
    };
    EXPECT_EQ(dr_slot_open(&job.slot, &config), DR_E_NOT_FOUND);
    const struct dr_slot_install install = {.image_bytes = 40u * SECTOR, .block_bytes = 512};
    REQUIRE(dr_slot_begin(&job.slot, &install) == DR_OK);
    const uint8_t block[512] = {0};
    for (uint32_t i = 0; i < DR_SLOT_OPEN_MAX; i++) {
        EXPECT_EQ(dr_slot_write(&job.slot, i * SECTOR, block, sizeof block), DR_OK);
    }
    EXPECT_EQ(dr_slot_write(&job.slot, 30u * SECTOR, block, sizeof block), DR_E_BUSY);
    EXPECT_EQ(dr_slot_write(&job.slot, 512, block, sizeof block), DR_OK);
    EXPECT_EQ(dr_slot_write(&job.slot, 30u * SECTOR, block, sizeof block), DR_OK);
    EXPECT_EQ(dr_slot_missing_count(&job.slot), 80 - DR_SLOT_OPEN_MAX - 2);
    EXPECT_EQ(dr_nor_violations(nor, NULL), 0);
    dr_nor_destroy(nor);
}

/* Another slot key, damage anywhere, an attacker's bytes: refused or garbage, never a crash. */
static void test_damage(void)
{
    static struct job job;
    struct bench bench;
    struct dr_slot_reader reader;
    uint8_t out[IMAGE_MAX];
    bench_open(&bench, 4);
    job_init(&job, 8000, 1024, 4);
    REQUIRE(job_start(&job, bench.flash) == DR_OK && job_fetch(&job) == DR_OK);
    uint8_t other_key[DR_SHA256_BYTES] = {9};
    EXPECT_EQ(
        dr_slot_reader_open(&reader, &watched, bench.flash, &area, other_key), DR_E_NOT_FOUND);
    struct dr_nor_snapshot *good = dr_nor_snapshot(bench.nor);
    REQUIRE(good != NULL);
    for (uint32_t at = 0; at < 3u * SECTOR; at++) {
        uint8_t byte = 0;
        dr_nor_peek(bench.nor, area.address + at, &byte, 1);
        byte ^= (uint8_t)(1u << (at % 8u));
        dr_nor_poke(bench.nor, area.address + at, &byte, 1);
        enum dr_status status =
            dr_slot_reader_open(&reader, &watched, bench.flash, &area, slot_key);
        EXPECT(status == DR_OK || status == DR_E_NOT_FOUND);
        if (status == DR_OK) {
            status = dr_slot_read(&reader, 0, out, 8000);
            bool same = status == DR_OK && memcmp(out, job.image, 8000) == 0;
            bool in_data = at >= SECTOR;
            EXPECT(in_data ? !same : same || status == DR_E_NOT_FOUND);
        }
        dr_nor_restore(bench.nor, good);
    }
    dr_nor_snapshot_destroy(good);
    for (uint32_t i = 0; i < SLOT_SECTORS * SECTOR; i++) {
        uint8_t byte = (uint8_t)dr_sim_random(&job.random);
        dr_nor_poke(bench.nor, area.address + i, &byte, 1);
    }
    EXPECT_EQ(job_start(&job, bench.flash), DR_OK);
    EXPECT_EQ(job_fetch(&job), DR_OK);
    EXPECT(flash_holds(bench.flash, &job));
    bench_close(&bench);
}

/* Programs and erases that fail once: the call says so, and the download still ends well. */
static void test_flash_faults(void)
{
    static struct job job;
    for (uint32_t after = 0; after < 60; after++) {
        struct bench bench;
        bench_open(&bench, after);
        job_init(&job, 8000, after % 2 == 0 ? 256 : 2048, after);
        dr_nor_set_faults(bench.nor, after, 1 + after % 4);
        enum dr_status status = DR_E_IO;
        for (int i = 0; i < 8 && status != DR_OK; i++) {
            status = job.slot.block_bytes == 0 ? job_start(&job, bench.flash) : DR_OK;
            status = status == DR_OK ? job_fetch(&job) : status;
        }
        EXPECT_EQ(status, DR_OK);
        EXPECT(flash_holds(bench.flash, &job));
        bench_close(&bench);
    }
}

/* Cut so often that the log is full: said, and a new install works. */
static void test_cut_too_often(void)
{
    static struct job job;
    struct bench bench;
    bench_open(&bench, 5);
    job_init(&job, 8000, 256, 5);
    enum dr_status status = job_start(&job, bench.flash);
    unsigned starts = 0;
    const uint8_t random[DR_SLOT_RANDOM_BYTES] = {1};
    while (status == DR_OK && starts < 100) {
        status = job_write(&job, 0);
        starts++;
        if (status == DR_OK) {
            EXPECT_EQ(job_open(&job, bench.flash), DR_OK);
            status = dr_slot_resume(&job.slot, 256, random);
        }
    }
    EXPECT_EQ(status, DR_E_SPACE);
    EXPECT(starts >= DR_SLOT_LOG_PLACES_MIN / 2u);
    EXPECT_EQ(job_start(&job, bench.flash), DR_OK);
    EXPECT_EQ(job_fetch(&job), DR_OK);
    EXPECT(flash_holds(bench.flash, &job));
    bench_close(&bench);
}

/* Once the last block was taken, the image is there whatever happens next. */
static void test_complete_is_durable(void)
{
    static struct job job;
    struct bench bench;
    bench_open(&bench, 7);
    job_init(&job, 8000, 256, 7);
    REQUIRE(job_start(&job, bench.flash) == DR_OK);
    for (uint32_t i = 0; i < dr_slot_block_count(&job.slot); i++) {
        EXPECT_EQ(job_write(&job, i), DR_OK);
    }
    struct dr_nor_snapshot *after = dr_nor_cut_here(bench.nor, DR_SIM_TORN_NOTHING, 1);
    REQUIRE(after != NULL);
    dr_nor_restore(bench.nor, after);
    dr_nor_snapshot_destroy(after);
    EXPECT(flash_holds(bench.flash, &job));
    bench_close(&bench);
}

/* Resuming fetches what is missing and no more: whole sectors stay but for one unmarked batch. */
static void test_resume_keeps(void)
{
    static struct job job;
    struct bench bench;
    bench_open(&bench, 6);
    job_init(&job, 8192, 256, 6);
    job.batch = 2;
    REQUIRE(job_start(&job, bench.flash) == DR_OK);
    for (uint32_t i = 0; i < 18; i++) { /* four sectors and two blocks of the fifth */
        EXPECT_EQ(job_write(&job, i), DR_OK);
    }
    bench.power.off = true; /* between two operations */
    bench.power.off = false;
    EXPECT_EQ(job_start(&job, bench.flash), DR_OK);
    EXPECT_EQ(dr_slot_missing_count(&job.slot), 16);
    EXPECT_EQ(dr_slot_next_missing(&job.slot, 0), 16);
    job.block_bytes = 2048; /* another block size for the rest */
    EXPECT_EQ(job_start(&job, bench.flash), DR_OK);
    EXPECT_EQ(dr_slot_missing_count(&job.slot), 2);
    EXPECT_EQ(job_fetch(&job), DR_OK);
    EXPECT(flash_holds(bench.flash, &job));
    bench_close(&bench);
}

DR_TEST_MAIN(
    test_set_up, test_sizes_and_orders, test_read_anywhere, test_refusals, test_missing_map,
    test_busy, test_damage, test_flash_faults, test_cut_too_often, test_resume_keeps,
    test_complete_is_durable, test_tear_down)

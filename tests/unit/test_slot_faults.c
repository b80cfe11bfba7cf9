/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Every flash call of a download fails once, each in its turn; and so does the cipher. Nothing is
 * taken for written that is not, nothing written is lost, and asking again completes it. */
#include "tests/unit/faulty_flash.h"
#include "tests/unit/slot_rig.h"

#define ROUNDS_MAX 8u

/* Start and fetch until it is done, as a client would. How often that failed. */
static unsigned download(struct job *job, const struct dr_flash *flash)
{
    unsigned failures = 0;
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        enum dr_status status = job_start(job, flash);
        /* The same slot is asked again before it is opened anew. */
        for (unsigned again = 0; again < 2 && status == DR_OK; again++) {
            status = job_fetch(job);
            failures += status != DR_OK ? 1u : 0u;
            if (status == DR_OK) {
                return failures;
            }
            status = DR_OK;
        }
        failures += status != DR_OK ? 1u : 0u;
    }
    EXPECT(failures < ROUNDS_MAX); /* it never ended */
    return failures;
}

static void test_each_flash_call(void)
{
    static const unsigned orders[] = {0, 2};
    static struct job job;
    for (size_t i = 0; i < DR_ARRAY_COUNT(orders); i++) {
        struct faulty_flash faulty;
        uint64_t failed = 0;
        uint64_t at = 0;
        do {
            struct bench bench;
            bench_open(&bench, 1);
            at++;
            faulty_init(&faulty, bench.flash, at);
            job_init(&job, 6200, 256, 1);
            job.order = orders[i];
            failed += download(&job, &faulty.port) > 0 ? 1u : 0u;
            EXPECT(flash_holds(bench.flash, &job));
            bench_close(&bench);
        } while (faulty.calls >= at);
        EXPECT(at > 40);
        EXPECT(failed > 20); /* some are made good inside: marks go to the log */
    }
}

/* A resumed download meets the fault too: its map is read and written in other ways. */
static void test_each_flash_call_of_a_resumption(void)
{
    static struct job job;
    struct faulty_flash faulty;
    uint64_t at = 0;
    do {
        struct bench bench;
        bench_open(&bench, 2);
        job_init(&job, 6200, 256, 2);
        job.batch = 2;
        REQUIRE(job_start(&job, bench.flash) == DR_OK);
        for (uint32_t block = 0; block < 13; block++) {
            EXPECT_EQ(job_write(&job, block), DR_OK);
        }
        at++;
        faulty_init(&faulty, bench.flash, at);
        (void)download(&job, &faulty.port);
        EXPECT(flash_holds(bench.flash, &job));
        bench_close(&bench);
    } while (faulty.calls >= at);
    EXPECT(at > 20);
}

/* Each read of the reader fails once. */
static void test_each_read(void)
{
    static struct job job;
    static uint8_t out[IMAGE_MAX];
    struct bench bench;
    struct faulty_flash faulty;
    struct dr_slot_reader reader;
    uint64_t at = 0;
    bench_open(&bench, 3);
    job_init(&job, 6200, 256, 3);
    REQUIRE(job_start(&job, bench.flash) == DR_OK && job_fetch(&job) == DR_OK);
    do {
        at++;
        faulty_init(&faulty, bench.flash, at);
        enum dr_status status =
            dr_slot_reader_open(&reader, &watched, &faulty.port, &area, slot_key);
        if (status == DR_OK) {
            status = dr_slot_read(&reader, 0, out, job.image_bytes);
        }
        EXPECT_EQ(status, faulty.calls >= at ? DR_E_IO : DR_OK);
    } while (faulty.calls >= at);
    EXPECT(memcmp(out, job.image, job.image_bytes) == 0);
    bench_close(&bench);
}

static unsigned cipher_fails_at;

static enum dr_status failing_ctr(
    const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t counter[DR_AES_BLOCK_BYTES],
    const uint8_t *in, uint8_t *out, size_t size_bytes)
{
    if (cipher_fails_at > 0 && --cipher_fails_at == 0) {
        return DR_E_IO;
    }
    return watched_ctr(key, counter, in, out, size_bytes);
}

/* An accelerator that gives up: the block is missing still, and reading says so. */
static void test_the_cipher(void)
{
    static struct job job;
    struct bench bench;
    uint8_t out[64];
    bench_open(&bench, 4);
    watched.aes256_ctr = failing_ctr;
    job_init(&job, 6200, 256, 4);
    REQUIRE(job_start(&job, bench.flash) == DR_OK);
    cipher_fails_at = 1;
    EXPECT_EQ(job_write(&job, 0), DR_E_IO);
    EXPECT(!dr_slot_has_block(&job.slot, 0));
    EXPECT_EQ(job_fetch(&job), DR_OK);
    cipher_fails_at = 1;
    EXPECT_EQ(dr_slot_read(&job.slot.reader, 0, out, sizeof out), DR_E_IO);
    cipher_fails_at = 1; /* a head that begins inside a cipher block */
    EXPECT_EQ(dr_slot_read(&job.slot.reader, 5, out, sizeof out), DR_E_IO);
    cipher_fails_at = 0;
    EXPECT(flash_holds(bench.flash, &job));
    watched.aes256_ctr = watched_ctr;
    bench_close(&bench);
}

/* Geometries and areas on which no slot can lie, and settings that no slot takes. */
static void test_impossible_layouts(void)
{
    static const struct dr_flash_area outside = {40u * SECTOR, 4u * SECTOR};
    static const struct dr_flash_area beyond = {30u * SECTOR, 4u * SECTOR};
    static const struct dr_flash_area crooked = {SECTOR / 2u, 4u * SECTOR};
    static const struct dr_flash_area one = {0, SECTOR};
    struct dr_flash_geometry coarse = geometry;
    struct dr_flash_geometry tiny = geometry;
    coarse.program_unit_bytes = 64;
    tiny.sector_bytes = 16;
    EXPECT_EQ(dr_slot_capacity(&geometry, &outside), 0);
    EXPECT_EQ(dr_slot_capacity(&geometry, &beyond), 0);
    EXPECT_EQ(dr_slot_capacity(&geometry, &crooked), 0);
    EXPECT_EQ(dr_slot_capacity(&geometry, &one), 0);
    EXPECT_EQ(dr_slot_capacity(&coarse, &area), 0);
    EXPECT_EQ(dr_slot_capacity(&tiny, &area), 0);
    static struct job job;
    struct bench bench;
    bench_open(&bench, 5);
    job_init(&job, 6200, 256, 5);
    struct dr_slot_config config = {
        .crypto = &watched,
        .flash = bench.flash,
        .area = area,
        .slot_key = slot_key,
        .scratch = job.scratch,
        .scratch_bytes = 32,
        .batch_sectors = 3,
    };
    EXPECT_EQ(dr_slot_open(&job.slot, &config), DR_E_ARGUMENT);
    config.scratch_bytes = 80;
    EXPECT_EQ(dr_slot_open(&job.slot, &config), DR_E_ARGUMENT);
    config.scratch_bytes = SCRATCH;
    config.batch_sectors = 0;
    EXPECT_EQ(dr_slot_open(&job.slot, &config), DR_E_ARGUMENT);
    config.batch_sectors = DR_SLOT_BATCH_MAX + 1u;
    EXPECT_EQ(dr_slot_open(&job.slot, &config), DR_E_ARGUMENT);
    config.batch_sectors = 3;
    config.area = outside;
    EXPECT_EQ(dr_slot_open(&job.slot, &config), DR_E_ARGUMENT);
    EXPECT_EQ(job_begin(&job), DR_E_STATE);
    bench_close(&bench);
}

/* A download is resumed in blocks that fit sectors and program units, and in no others. */
static void test_block_sizes(void)
{
    const struct {
        uint32_t block_bytes;
        enum dr_status status;
    } rows[] = {
        {0, DR_E_ARGUMENT},    {8, DR_E_ARGUMENT}, /* no whole cipher block */
        {48, DR_E_ARGUMENT},                       /* no whole program unit */
        {96, DR_E_ARGUMENT},                       /* does not fill a sector */
        {SECTOR / 32u, DR_OK}, {SECTOR, DR_OK},    {SECTOR + 64u, DR_E_ARGUMENT},
        {2u * SECTOR, DR_OK},  {256, DR_OK},
    };
    static const uint8_t random[DR_SLOT_RANDOM_BYTES] = {1, 2, 3};
    static struct job job;
    struct bench bench;
    bench_open(&bench, 6);
    job_init(&job, 6200, 256, 6);
    EXPECT_EQ(job_open(&job, bench.flash), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_slot_block_count(&job.slot), 0);
    EXPECT(!dr_slot_has_block(&job.slot, 0));
    EXPECT_EQ(dr_slot_resume(&job.slot, 256, random), DR_E_STATE);
    REQUIRE(job_begin(&job) == DR_OK);
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        EXPECT_EQ(dr_slot_resume(&job.slot, rows[i].block_bytes, random), rows[i].status);
    }
    uint32_t count = dr_slot_block_count(&job.slot);
    EXPECT(!dr_slot_has_block(&job.slot, count));
    EXPECT(!dr_slot_has_block(&job.slot, UINT32_MAX));
    uint8_t map[2] = {0xff, 0xff};
    dr_slot_missing_map(&job.slot, count - 1u, map, sizeof map);
    EXPECT_EQ(map[0], 1); /* and nothing behind the end */
    EXPECT_EQ(map[1], 0);
    memset(map, 0, sizeof map);
    dr_slot_missing_map(&job.slot, 0, map, sizeof map);
    EXPECT(map[0] == 0xff && map[1] == 0xff);
    bench_close(&bench);
}

DR_TEST_MAIN(
    test_set_up, test_block_sizes, test_each_flash_call, test_each_flash_call_of_a_resumption,
    test_each_read, test_the_cipher, test_impossible_layouts, test_tear_down)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* device/slot on the NOR model: order, repetition, block sizes, damage, and a cut of every kind at
 * every operation of a download. */
#include "device/slot/slot.h"
#include "sim/nor.h"
#include "tests/unit/check.h"

#define SECTOR 1024u
#define SLOT_SECTORS 14u
#define IMAGE_MAX 10240u
#define SCRATCH 256u
#define STREAM_USES_MAX (1u << 20)

static const struct dr_flash_geometry geometry = {
    .size_bytes = 32u * SECTOR,
    .sector_bytes = SECTOR,
    .program_unit_bytes = 32,
    .erased_value = 0xff,
};
static const struct dr_flash_area area = {
    .address = 2u * SECTOR, .size_bytes = SLOT_SECTORS * SECTOR};
static const uint8_t slot_key[DR_SHA256_BYTES] = {7, 1, 2, 3};

/* Each 16 bytes of key stream that ever encrypted something, and what. The table is open-addressed
 * and lives over cuts: a stream used again for other bytes is a failure. */
struct stream_use {
    uint8_t used;
    uint8_t id[DR_AES_BLOCK_BYTES]; /* digest of key and counter */
    uint8_t plain[DR_AES_BLOCK_BYTES];
};
static struct stream_use *stream_uses;
static bool watching;
static uint32_t stream_use_count;
static unsigned reuses;
static unsigned long encrypted_blocks;

static void watch_block(
    const uint8_t *key, const uint8_t *counter, uint32_t step, const uint8_t *plain, size_t size)
{
    uint8_t seed[DR_AES256_KEY_BYTES + DR_AES_BLOCK_BYTES];
    uint8_t digest[DR_SHA256_BYTES];
    memcpy(seed, key, DR_AES256_KEY_BYTES);
    memcpy(seed + DR_AES256_KEY_BYTES, counter, DR_AES_BLOCK_BYTES);
    uint32_t low = (uint32_t)counter[12] << 24 | (uint32_t)counter[13] << 16 |
                   (uint32_t)counter[14] << 8 | counter[15];
    low += step;
    for (int i = 0; i < 4; i++) {
        seed[sizeof seed - 1u - (size_t)i] = (uint8_t)(low >> (8 * i));
    }
    dr_sha256_once(&dr_crypto_openssl, seed, sizeof seed, digest);
    encrypted_blocks++;
    uint32_t at = ((uint32_t)digest[16] | (uint32_t)digest[17] << 8 | (uint32_t)digest[18] << 16) %
                  STREAM_USES_MAX;
    for (uint32_t i = 0; i < STREAM_USES_MAX; i++) {
        struct stream_use *use = &stream_uses[(at + i) % STREAM_USES_MAX];
        if (!use->used) {
            use->used = 1;
            stream_use_count++;
            memcpy(use->id, digest, sizeof use->id);
            memcpy(use->plain, plain, size);
            return;
        }
        if (memcmp(use->id, digest, sizeof use->id) == 0) {
            reuses += memcmp(use->plain, plain, size) != 0 ? 1u : 0u;
            return;
        }
    }
    fprintf(stderr, "the table of key streams is too small for this test\n");
    abort();
}

static enum dr_status watched_ctr(
    const uint8_t key[DR_AES256_KEY_BYTES], const uint8_t counter[DR_AES_BLOCK_BYTES],
    const uint8_t *in, uint8_t *out, size_t size_bytes)
{
    for (size_t i = 0; watching && i < size_bytes; i += DR_AES_BLOCK_BYTES) {
        size_t size = size_bytes - i < DR_AES_BLOCK_BYTES ? size_bytes - i : DR_AES_BLOCK_BYTES;
        watch_block(key, counter, (uint32_t)(i / DR_AES_BLOCK_BYTES), in + i, size);
    }
    return dr_crypto_openssl.aes256_ctr(key, counter, in, out, size_bytes);
}

static struct dr_crypto watched;

static void streams_forget(void)
{
    if (stream_use_count > 0) {
        memset(stream_uses, 0, STREAM_USES_MAX * sizeof *stream_uses);
    }
    stream_use_count = 0;
}

/* One download: what it wants to put where, and its own randomness. */
struct job {
    uint8_t image[IMAGE_MAX];
    uint32_t image_bytes;
    uint32_t block_bytes;
    uint32_t batch;
    unsigned order; /* 0 forward, 1 backward, 2 shuffled */
    uint64_t random;
    uint8_t resume_key[DR_SHA256_BYTES];
    uint8_t scratch[SCRATCH];
    struct dr_slot slot;
    unsigned written; /* blocks handed to dr_slot_write */
};

static void fill_random(uint64_t *random, uint8_t *out, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++) {
        out[i] = (uint8_t)dr_sim_random(random);
    }
}

static void job_init(struct job *job, uint32_t image_bytes, uint32_t block_bytes, uint64_t seed)
{
    memset(job, 0, sizeof *job);
    job->image_bytes = image_bytes;
    job->block_bytes = block_bytes;
    job->batch = 3;
    job->random = seed;
    fill_random(&job->random, job->image, image_bytes);
    dr_sha256_once(&dr_crypto_openssl, job->image, image_bytes, job->resume_key);
}

static enum dr_status job_open(struct job *job, const struct dr_flash *flash)
{
    const struct dr_slot_config config = {
        .crypto = &watched,
        .flash = flash,
        .area = area,
        .slot_key = slot_key,
        .scratch = job->scratch,
        .scratch_bytes = sizeof job->scratch,
        .batch_sectors = job->batch,
    };
    return dr_slot_open(&job->slot, &config);
}

static enum dr_status job_begin(struct job *job)
{
    struct dr_slot_install install = {
        .image_bytes = job->image_bytes, .block_bytes = job->block_bytes, .journal_sequence = 5};
    memcpy(install.resume_key, job->resume_key, sizeof install.resume_key);
    fill_random(&job->random, install.random, sizeof install.random);
    return dr_slot_begin(&job->slot, &install);
}

/* Go on where the flash says, or start over. */
static enum dr_status job_start(struct job *job, const struct dr_flash *flash)
{
    uint8_t random[DR_SLOT_RANDOM_BYTES];
    enum dr_status status = job_open(job, flash);
    if (status == DR_OK &&
        memcmp(job->resume_key, job->slot.reader.resume_key, sizeof job->resume_key) == 0) {
        fill_random(&job->random, random, sizeof random);
        status = dr_slot_resume(&job->slot, job->block_bytes, random);
        if (status != DR_E_SPACE) {
            return status;
        }
        status = DR_OK;
    }
    if (status != DR_OK && status != DR_E_NOT_FOUND) {
        return status;
    }
    return job_begin(job);
}

static enum dr_status job_write(struct job *job, uint32_t index)
{
    uint32_t offset = index * job->block_bytes;
    uint32_t left = job->image_bytes - offset;
    job->written++;
    watching = true;
    enum dr_status status = dr_slot_write(
        &job->slot, offset, job->image + offset, left < job->block_bytes ? left : job->block_bytes);
    watching = false;
    return status;
}

/* Write what is missing, in the job's order. */
static enum dr_status job_fetch(struct job *job)
{
    uint32_t count = dr_slot_block_count(&job->slot);
    uint32_t order[IMAGE_MAX / 64u];
    for (uint32_t i = 0; i < count; i++) {
        order[i] = job->order == 1 ? count - 1u - i : i;
    }
    for (uint32_t i = count; job->order == 2 && i > 1; i--) {
        uint32_t other = (uint32_t)(dr_sim_random(&job->random) % i);
        uint32_t kept = order[i - 1u];
        order[i - 1u] = order[other];
        order[other] = kept;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!dr_slot_has_block(&job->slot, order[i])) {
            DR_TRY(job_write(job, order[i]));
        }
    }
    return dr_slot_flush(&job->slot);
}

/* What the boot ROM would read. */
static bool flash_holds(const struct dr_flash *flash, const struct job *job)
{
    struct dr_slot_reader reader;
    uint8_t out[IMAGE_MAX];
    if (dr_slot_reader_open(&reader, &watched, flash, &area, slot_key) != DR_OK ||
        dr_slot_image_bytes(&reader) != job->image_bytes ||
        dr_slot_read(&reader, 0, out, job->image_bytes) != DR_OK) {
        return false;
    }
    return memcmp(out, job->image, job->image_bytes) == 0;
}

struct bench {
    struct dr_sim_power power;
    struct dr_nor *nor;
    const struct dr_flash *flash;
};

static void bench_open(struct bench *bench, uint64_t seed)
{
    dr_sim_power_init(&bench->power, seed);
    bench->nor = dr_nor_create(&geometry, &bench->power);
    if (bench->nor == NULL) {
        abort();
    }
    bench->flash = dr_nor_port(bench->nor);
    streams_forget();
}

static void bench_close(struct bench *bench)
{
    const char *rule = NULL;
    EXPECT_EQ(dr_nor_violations(bench->nor, &rule), 0);
    EXPECT_STR(rule, "");
    EXPECT_EQ(reuses, 0);
    reuses = 0;
    dr_nor_destroy(bench->nor);
}

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

/* Cuts. The hook looks at every operation of a download over an older image from all sides. */
struct cut_run {
    struct bench *bench;
    const struct job *job;
    const struct job *old;
    unsigned cases;
    bool double_cuts;
};

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

static void finish_after_cut(struct cut_run *run, struct dr_nor *nor, uint64_t seed)
{
    static struct job job;
    const struct dr_flash *flash = dr_nor_port(nor);
    job = *run->job;
    job.random = seed;
    job.written = 0;
    struct dr_slot_reader reader;
    uint8_t out[IMAGE_MAX];
    /* Whatever is found is the old image or nothing of it. */
    if (dr_slot_reader_open(&reader, &watched, flash, &area, slot_key) == DR_OK &&
        dr_slot_image_bytes(&reader) == run->old->image_bytes &&
        dr_slot_read(&reader, 0, out, run->old->image_bytes) == DR_OK) {
        EXPECT(memcmp(out, run->old->image, run->old->image_bytes) == 0);
    }
    EXPECT_EQ(job_start(&job, flash), DR_OK);
    EXPECT_EQ(job_fetch(&job), DR_OK);
    EXPECT(flash_holds(flash, &job));
    EXPECT_EQ(dr_nor_violations(nor, NULL), 0);
}

/* After the cut a hostile network sends other bytes under the same head and tail: no stream may
 * meet them that met the right ones. */
static void
other_bytes_after_cut(struct cut_run *run, const struct dr_nor_snapshot *after, uint64_t seed)
{
    static struct job job;
    struct dr_sim_power power;
    dr_sim_power_init(&power, seed);
    struct dr_nor *nor = dr_nor_create_from(after, &power);
    if (nor == NULL) {
        abort();
    }
    job = *run->job;
    job.random = seed + 0x2000000u;
    fill_random(&seed, job.image, job.image_bytes);
    EXPECT_EQ(job_start(&job, dr_nor_port(nor)), DR_OK);
    EXPECT_EQ(job_fetch(&job), DR_OK);
    EXPECT_EQ(dr_nor_violations(nor, NULL), 0);
    dr_nor_destroy(nor);
}

static void one_cut(struct cut_run *run, enum dr_sim_torn kind)
{
    uint64_t seed = run->bench->power.operations * 16u + (uint64_t)kind;
    struct dr_nor_snapshot *after = dr_nor_cut_here(run->bench->nor, kind, seed);
    struct dr_sim_power power;
    dr_sim_power_init(&power, seed);
    struct dr_nor *nor = after != NULL ? dr_nor_create_from(after, &power) : NULL;
    if (nor == NULL) {
        abort();
    }
    other_bytes_after_cut(run, after, seed);
    dr_nor_snapshot_destroy(after);
    run->cases++;
    if (run->double_cuts) { /* and again, somewhere in the second attempt */
        static struct job job;
        job = *run->job;
        job.random = seed ^ 1u;
        power.cut_at = 1u + dr_sim_random(&seed) % 40u;
        power.kind = (enum dr_sim_torn)(dr_sim_random(&seed) % DR_SIM_TORN_KINDS);
        enum dr_status status = job_start(&job, dr_nor_port(nor));
        if (status == DR_OK) {
            status = job_fetch(&job);
        }
        EXPECT(status == DR_OK || power.off);
        dr_sim_power_on(&power);
    }
    finish_after_cut(run, nor, seed + 0x1000000u);
    dr_nor_destroy(nor);
}

static void on_operation(void *context)
{
    struct cut_run *run = context;
    bool was_watching = watching;
    for (unsigned kind = 0; kind < DR_SIM_TORN_KINDS; kind++) {
        one_cut(run, (enum dr_sim_torn)kind);
    }
    watching = was_watching;
}

static void cut_everywhere(uint32_t block_bytes, unsigned order, bool double_cuts)
{
    static struct job old;
    static struct job job;
    struct bench bench;
    bench_open(&bench, block_bytes + order);
    job_init(&old, 6000, 1024, 77);
    REQUIRE(job_start(&old, bench.flash) == DR_OK && job_fetch(&old) == DR_OK);
    job_init(&job, 7900, block_bytes, 78);
    job.order = order;
    struct cut_run run = {.bench = &bench, .job = &job, .old = &old, .double_cuts = double_cuts};
    bench.power.hook = on_operation;
    bench.power.hook_context = &run;
    uint64_t first = bench.power.operations;
    EXPECT_EQ(job_start(&job, bench.flash), DR_OK);
    EXPECT_EQ(job_fetch(&job), DR_OK);
    bench.power.hook = NULL;
    EXPECT_EQ(run.cases, (bench.power.operations - first) * DR_SIM_TORN_KINDS);
    EXPECT(run.cases > 100);
    EXPECT(flash_holds(bench.flash, &job));
    bench_close(&bench);
}

static void test_cut_everywhere(void)
{
    const uint32_t blocks[] = {256, 1024, 2048};
    for (size_t i = 0; i < DR_ARRAY_COUNT(blocks); i++) {
        for (unsigned order = 0; order < 3; order++) {
            cut_everywhere(blocks[i], order, false);
        }
        cut_everywhere(blocks[i], 0, true);
    }
    EXPECT(encrypted_blocks > 10000);
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

/* The detector itself: the same stream over other bytes is seen. */
static void test_detector(void)
{
    const uint8_t key[DR_AES256_KEY_BYTES] = {1};
    const uint8_t counter[DR_AES_BLOCK_BYTES] = {2};
    uint8_t text[48] = {3};
    uint8_t out[48];
    streams_forget();
    watching = true;
    EXPECT_EQ(watched.aes256_ctr(key, counter, text, out, sizeof text), DR_OK);
    EXPECT_EQ(watched.aes256_ctr(key, counter, text, out, sizeof text), DR_OK);
    EXPECT_EQ(reuses, 0);
    text[40] = 9;
    EXPECT_EQ(watched.aes256_ctr(key, counter, text, out, sizeof text), DR_OK);
    EXPECT_EQ(reuses, 1);
    watching = false;
    reuses = 0;
}

static void test_set_up(void)
{
    stream_uses = calloc(STREAM_USES_MAX, sizeof *stream_uses);
    REQUIRE(stream_uses != NULL);
    watched = dr_crypto_openssl;
    watched.aes256_ctr = watched_ctr;
}

static void test_tear_down(void)
{
    EXPECT(encrypted_blocks > 0);
    free(stream_uses);
}

DR_TEST_MAIN(
    test_set_up, test_detector, test_sizes_and_orders, test_read_anywhere, test_refusals,
    test_missing_map, test_busy, test_damage, test_flash_faults, test_cut_too_often,
    test_resume_keeps, test_complete_is_durable, test_cut_everywhere, test_tear_down)

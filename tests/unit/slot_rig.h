/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A slot on the NOR model, a download into it, and a watch over every use of its key streams. */
#ifndef DR_TESTS_UNIT_SLOT_RIG_H
#define DR_TESTS_UNIT_SLOT_RIG_H

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

static inline void watch_block(
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

static inline enum dr_status watched_ctr(
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

static inline void streams_forget(void)
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

static inline void fill_random(uint64_t *random, uint8_t *out, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++) {
        out[i] = (uint8_t)dr_sim_random(random);
    }
}

static inline void
job_init(struct job *job, uint32_t image_bytes, uint32_t block_bytes, uint64_t seed)
{
    memset(job, 0, sizeof *job);
    job->image_bytes = image_bytes;
    job->block_bytes = block_bytes;
    job->batch = 3;
    job->random = seed;
    fill_random(&job->random, job->image, image_bytes);
    dr_sha256_once(&dr_crypto_openssl, job->image, image_bytes, job->resume_key);
}

static inline enum dr_status job_open(struct job *job, const struct dr_flash *flash)
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

static inline enum dr_status job_begin(struct job *job)
{
    struct dr_slot_install install = {
        .image_bytes = job->image_bytes, .block_bytes = job->block_bytes, .journal_sequence = 5};
    memcpy(install.resume_key, job->resume_key, sizeof install.resume_key);
    fill_random(&job->random, install.random, sizeof install.random);
    return dr_slot_begin(&job->slot, &install);
}

/* Go on where the flash says, or start over. */
static inline enum dr_status job_start(struct job *job, const struct dr_flash *flash)
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

static inline enum dr_status job_write(struct job *job, uint32_t index)
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
static inline enum dr_status job_fetch(struct job *job)
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
static inline bool flash_holds(const struct dr_flash *flash, const struct job *job)
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

static inline void bench_open(struct bench *bench, uint64_t seed)
{
    dr_sim_power_init(&bench->power, seed);
    bench->nor = dr_nor_create(&geometry, &bench->power);
    if (bench->nor == NULL) {
        abort();
    }
    bench->flash = dr_nor_port(bench->nor);
    streams_forget();
}

static inline void bench_close(struct bench *bench)
{
    const char *rule = NULL;
    EXPECT_EQ(dr_nor_violations(bench->nor, &rule), 0);
    EXPECT_STR(rule, "");
    EXPECT_EQ(reuses, 0);
    reuses = 0;
    dr_nor_destroy(bench->nor);
}
static inline void test_set_up(void)
{
    stream_uses = calloc(STREAM_USES_MAX, sizeof *stream_uses);
    REQUIRE(stream_uses != NULL);
    watched = dr_crypto_openssl;
    watched.aes256_ctr = watched_ctr;
}

static inline void test_tear_down(void)
{
    EXPECT(encrypted_blocks > 0);
    free(stream_uses);
}

#endif

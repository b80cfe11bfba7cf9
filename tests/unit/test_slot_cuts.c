/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* device/slot under power cuts: every kind at every operation of a download, once and twice, and no
 * key stream ever meets two plaintexts. */
#include "tests/unit/slot_rig.h"

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

/* Cuts. The hook looks at every operation of a download over an older image from all sides. */
struct cut_run {
    struct bench *bench;
    const struct job *job;
    const struct job *old;
    unsigned cases;
    bool double_cuts;
};

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

DR_TEST_MAIN(test_set_up, test_detector, test_cut_everywhere, test_tear_down)

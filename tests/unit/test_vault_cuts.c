/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* device/vault under power cuts: every kind at every operation of replaces and removals, and once
 * more during the repair: old or new, whole, and it goes on. */
#include "tests/unit/vault_rig.h"

#define FILES 6u

/* Cuts. A script of replaces and removals over a small area, so that banks are rewritten in it; the
 * hook tries every cut of every operation on a copy of flash and anchor. */
struct model {
    bool present[FILES];
    uint8_t value[FILES]; /* fills the file */
    uint16_t size[FILES];
};

struct cut_run {
    struct device *device;
    struct model before; /* the last finished step */
    struct model after;  /* the step that is going on */
    unsigned cases;
    unsigned replaced; /* cuts after which the new content was there */
};

static struct dr_vault_file model_file(unsigned index)
{
    static const char *const names[FILES] = {"zero", "one", "two", "three", "four", "five"};
    static const enum dr_vault_class classes[FILES] = {DR_VAULT_SYS, DR_VAULT_USER, DR_VAULT_SYS_V1,
                                                       DR_VAULT_SYS, DR_VAULT_SYS,  DR_VAULT_SYS};
    const struct dr_vault_file file = {
        .file_class = classes[index], .name = names[index], .anchored = index >= 4};
    return file;
}

static bool file_is(struct device *device, const struct model *model, unsigned index)
{
    uint8_t out[DATA_MAX];
    uint32_t size = 0;
    const struct dr_vault_file file = model_file(index);
    enum dr_status status = dr_vault_read(&device->vault, &file, out, sizeof out, &size);
    if (!model->present[index]) {
        return status == DR_E_NOT_FOUND;
    }
    if (status != DR_OK || size != model->size[index]) {
        return false;
    }
    for (uint32_t i = 0; i < size; i++) {
        if (out[i] != model->value[index]) {
            return false;
        }
    }
    return true;
}

static bool model_is(struct device *device, const struct model *model)
{
    for (unsigned i = 0; i < FILES; i++) {
        if (!file_is(device, model, i)) {
            return false;
        }
    }
    return true;
}

static void check_after_cut(struct cut_run *run, struct device *device)
{
    EXPECT_EQ(device_boot(device), DR_OK);
    bool is_new = model_is(device, &run->after);
    run->replaced += is_new ? 1u : 0u;
    EXPECT(is_new || model_is(device, &run->before));
    EXPECT(!device->vault.health.damaged && !device->vault.health.degraded);
    EXPECT(!device->vault.health.replayed && !device->vault.health.anchor_error);
    /* And it goes on. */
    const struct dr_vault_file file = sys_file("later");
    EXPECT_EQ(put_text(device, &file, "written after the cut"), DR_OK);
    EXPECT_EQ(device_boot(device), DR_OK);
    EXPECT(holds_text(device, &file, "written after the cut"));
    EXPECT(model_is(device, is_new ? &run->after : &run->before));
    EXPECT_EQ(dr_nor_violations(device->nor, NULL), 0);
}

static void one_cut(struct cut_run *run, enum dr_sim_torn kind, bool twice)
{
    static struct device copy;
    uint64_t seed = run->device->power.operations * 64u + (uint64_t)kind * 2u + (twice ? 1u : 0u);
    struct dr_nor_snapshot *after = dr_nor_cut_here(run->device->nor, kind, seed);
    copy = *run->device;
    dr_sim_power_init(&copy.power, seed);
    copy.random = seed;
    copy.nor = after != NULL ? dr_nor_create_from(after, &copy.power) : NULL;
    dr_nor_snapshot_destroy(after);
    if (copy.nor == NULL) {
        abort();
    }
    dr_anchor_mem_cut_here(&run->device->anchor_mem, kind, copy.anchor_mem.image);
    dr_anchor_mem_rebind(&copy.anchor_mem, &copy.power);
    run->cases++;
    if (twice) { /* and once more while it is being repaired */
        copy.power.cut_at = 1u + dr_sim_random(&seed) % 12u;
        copy.power.kind = (enum dr_sim_torn)(dr_sim_random(&seed) % DR_SIM_TORN_KINDS);
        DR_IGNORE(device_boot(&copy)); /* it may be cut, which is the point */
        dr_sim_power_on(&copy.power);
    }
    check_after_cut(run, &copy);
    dr_nor_destroy(copy.nor);
}

static void on_operation(void *context)
{
    struct cut_run *run = context;
    for (unsigned kind = 0; kind < DR_SIM_TORN_KINDS; kind++) {
        one_cut(run, (enum dr_sim_torn)kind, false);
        one_cut(run, (enum dr_sim_torn)kind, true);
    }
}

static enum dr_status do_step(struct device *device, struct model *model, unsigned step)
{
    static uint8_t data[DATA_MAX];
    unsigned index = (unsigned)(dr_sim_random(&device->random) % FILES);
    const struct dr_vault_file file = model_file(index);
    if (model->present[index] && step % 5u == 4u) {
        model->present[index] = false;
        return dr_vault_remove(&device->vault, &file);
    }
    model->present[index] = true;
    model->size[index] = (uint16_t)(dr_sim_random(&device->random) % 200u);
    model->value[index] = (uint8_t)dr_sim_random(&device->random);
    memset(data, model->value[index], model->size[index]);
    return dr_vault_replace(&device->vault, &file, data, model->size[index]);
}

static void test_cut_everywhere(void)
{
    static struct device device;
    static struct cut_run run;
    device_make(&device, 12);
    memset(&run, 0, sizeof run);
    run.device = &device;
    uint64_t first = device.power.operations;
    uint64_t erases = dr_nor_counts(device.nor).erases;
    device.power.hook_context = &run;
    for (unsigned step = 0; step < 60; step++) {
        /* The step is rehearsed on a copy of the generator, so that a cut knows what is coming. */
        uint64_t random = device.random;
        struct model rehearsal = run.before;
        unsigned index = (unsigned)(dr_sim_random(&random) % FILES);
        if (rehearsal.present[index] && step % 5u == 4u) {
            rehearsal.present[index] = false;
        } else {
            rehearsal.present[index] = true;
            rehearsal.size[index] = (uint16_t)(dr_sim_random(&random) % 200u);
            rehearsal.value[index] = (uint8_t)dr_sim_random(&random);
        }
        run.after = rehearsal;
        struct model done = run.before;
        device.power.hook = on_operation;
        EXPECT_EQ(do_step(&device, &done, step), DR_OK);
        device.power.hook = NULL;
        EXPECT(model_is(&device, &run.after));
        run.before = run.after;
    }
    EXPECT_EQ(run.cases, (device.power.operations - first) * DR_SIM_TORN_KINDS * 2u);
    EXPECT(run.cases > 2000);
    EXPECT(run.replaced > run.cases / 10u && run.replaced < run.cases);
    EXPECT(dr_nor_counts(device.nor).erases > erases + VAULT_SECTORS); /* banks were rewritten */
    device_end(&device);
}

/* The very first mount, cut everywhere. */
static void test_cut_format(void)
{
    for (uint64_t at = 1; at < 20; at++) {
        for (unsigned kind = 0; kind < DR_SIM_TORN_KINDS; kind++) {
            static struct device device;
            device_make(&device, at * 8u + kind);
            for (uint32_t i = 0; i < VAULT_SECTORS; i++) {
                EXPECT_EQ(
                    dr_flash_erase(dr_nor_port(device.nor), area.address + i * SECTOR, SECTOR),
                    DR_OK);
            }
            EXPECT_EQ(dr_flash_sync(dr_nor_port(device.nor)), DR_OK);
            device.power.cut_at = device.power.operations + at;
            device.power.kind = (enum dr_sim_torn)kind;
            DR_IGNORE(device_boot(&device)); /* cut in most cases */
            dr_sim_power_on(&device.power);
            const struct dr_vault_file a = sys_file("a");
            EXPECT_EQ(device_boot(&device), DR_OK);
            EXPECT_EQ(put_text(&device, &a, "x"), DR_OK);
            EXPECT_EQ(device_boot(&device), DR_OK);
            EXPECT(holds_text(&device, &a, "x"));
            device_end(&device);
        }
    }
}

DR_TEST_MAIN(test_cut_format, test_cut_everywhere)

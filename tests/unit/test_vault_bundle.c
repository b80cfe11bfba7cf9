/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Files that belong to an image: seen only while it runs, kept when it is sealed, gone with it, and
 * never mixed, whatever is cut and wherever. */
#include "tests/unit/vault_rig.h"

static const struct dr_vault_file network = {.file_class = DR_VAULT_LINK, .name = "link/network"};
static const uint8_t image_a[DR_SHA256_BYTES] = {0xa};
static const uint8_t image_b[DR_SHA256_BYTES] = {0xb};
static const uint8_t image_c[DR_SHA256_BYTES] = {0xc};

static enum dr_status start(struct device *device, const uint8_t *image, bool sealed)
{
    memcpy(device->config.image_digest, image, DR_SHA256_BYTES);
    device->config.sealed = sealed;
    return device_boot(device);
}

static enum dr_status bundle(struct device *device, const uint8_t *image, const char *text)
{
    return dr_vault_bundle_put(
        &device->vault, image, &network, (const uint8_t *)text, (uint32_t)strlen(text));
}

/* A device that runs the sealed image a, with a network of its own. */
static void make(struct device *device, uint64_t seed)
{
    device_make(device, seed);
    EXPECT_EQ(start(device, image_a, true), DR_OK);
    EXPECT_EQ(put_text(device, &network, "old"), DR_OK);
}

static unsigned count_files(struct device *device)
{
    struct dr_vault_info info;
    uint32_t cursor = 0;
    unsigned count = 0;
    while (dr_vault_list(&device->vault, &cursor, &info) == DR_OK) {
        count++;
    }
    return count;
}

static void comes_and_goes_with_its_image(void)
{
    static struct device device;
    make(&device, 1);
    EXPECT_EQ(bundle(&device, image_b, "new"), DR_OK);
    EXPECT(holds_text(&device, &network, "old"));
    EXPECT_EQ(start(&device, image_b, false), DR_OK); /* on trial */
    EXPECT(holds_text(&device, &network, "new"));
    EXPECT_EQ(count_files(&device), 1);
    EXPECT_EQ(start(&device, image_a, true), DR_OK); /* reverted */
    EXPECT(holds_text(&device, &network, "old"));
    EXPECT_EQ(count_files(&device), 1);
    EXPECT_EQ(start(&device, image_c, true), DR_OK); /* anything else, factory too */
    EXPECT(holds_text(&device, &network, "old"));
    EXPECT_EQ(start(&device, image_b, false), DR_OK); /* tried again */
    EXPECT(holds_text(&device, &network, "new"));
    EXPECT_EQ(start(&device, image_b, true), DR_OK); /* sealed: for good */
    EXPECT(holds_text(&device, &network, "new"));
    EXPECT_EQ(start(&device, image_c, true), DR_OK);
    EXPECT(holds_text(&device, &network, "new"));
    device_end(&device);
}

/* A later INSTALL of the same image that brings none must not wake an earlier attempt's. */
static void dropped(void)
{
    static struct device device;
    make(&device, 2);
    EXPECT_EQ(bundle(&device, image_b, "wrong"), DR_OK);
    EXPECT_EQ(dr_vault_bundle_drop(&device.vault), DR_OK);
    EXPECT_EQ(start(&device, image_b, false), DR_OK);
    EXPECT(holds_text(&device, &network, "old"));
    EXPECT_EQ(dr_vault_bundle_drop(&device.vault), DR_OK); /* there is none */
    EXPECT_EQ(bundle(&device, image_b, "mine"), DR_OK);
    EXPECT_EQ(dr_vault_bundle_drop(&device.vault), DR_E_STATE); /* it is in use, on trial */
    EXPECT_EQ(start(&device, image_a, true), DR_OK);
    EXPECT_EQ(bundle(&device, image_c, "third"), DR_OK); /* replaces that of b */
    EXPECT_EQ(start(&device, image_b, false), DR_OK);
    EXPECT(holds_text(&device, &network, "old"));
    EXPECT_EQ(start(&device, image_c, false), DR_OK);
    EXPECT(holds_text(&device, &network, "third"));
    device_end(&device);
}

/* What is changed while the image is on trial goes with the image. */
static void changes_on_trial(void)
{
    static struct device device;
    make(&device, 3);
    EXPECT_EQ(bundle(&device, image_b, "new"), DR_OK);
    EXPECT_EQ(start(&device, image_b, false), DR_OK);
    EXPECT_EQ(dr_vault_remove(&device.vault, &network), DR_E_STATE);
    EXPECT_EQ(put_text(&device, &network, "newer"), DR_OK);
    EXPECT(holds_text(&device, &network, "newer"));
    EXPECT_EQ(start(&device, image_a, true), DR_OK);
    EXPECT(holds_text(&device, &network, "old"));
    EXPECT_EQ(start(&device, image_b, true), DR_OK);
    EXPECT(holds_text(&device, &network, "newer"));
    EXPECT_EQ(dr_vault_remove(&device.vault, &network), DR_OK);
    EXPECT_EQ(start(&device, image_b, true), DR_OK);
    EXPECT_EQ(read_status(&device, &network), DR_E_NOT_FOUND);
    device_end(&device);
}

/* The first network of a device that had none; an erasure takes both. */
static void from_nothing_and_back(void)
{
    static struct device device;
    device_make(&device, 4);
    EXPECT_EQ(start(&device, image_a, true), DR_OK);
    EXPECT_EQ(bundle(&device, image_b, "new"), DR_OK);
    EXPECT_EQ(read_status(&device, &network), DR_E_NOT_FOUND);
    EXPECT_EQ(start(&device, image_b, false), DR_OK);
    EXPECT(holds_text(&device, &network, "new"));
    device.config.classes[DR_VAULT_LINK].epoch++;
    EXPECT_EQ(start(&device, image_b, true), DR_OK);
    EXPECT_EQ(read_status(&device, &network), DR_E_NOT_FOUND);
    device_end(&device);
}

static void refused(void)
{
    static struct device device;
    static const uint8_t large[DR_VAULT_BUNDLE_BYTES_MAX + 1u];
    make(&device, 5);
    const struct dr_vault_file sys = sys_file("link/network");
    const struct dr_vault_file anchored = {
        .file_class = DR_VAULT_LINK, .name = "link/network", .anchored = true};
    EXPECT_EQ(dr_vault_bundle_put(&device.vault, image_b, &sys, large, 1), DR_E_ARGUMENT);
    EXPECT_EQ(dr_vault_bundle_put(&device.vault, image_b, &anchored, large, 1), DR_E_ARGUMENT);
    EXPECT_EQ(
        dr_vault_bundle_put(&device.vault, image_b, &network, large, sizeof large), DR_E_SPACE);
    EXPECT_EQ(
        dr_vault_bundle_put(&device.vault, image_b, &network, large, sizeof large - 1u), DR_OK);
    device.config.classes[DR_VAULT_LINK].present = false; /* an older boot ROM */
    EXPECT_EQ(start(&device, image_b, true), DR_OK);
    EXPECT_EQ(dr_vault_bundle_put(&device.vault, image_b, &network, large, 1), DR_E_DENIED);
    EXPECT_EQ(dr_vault_bundle_drop(&device.vault), DR_OK);
    EXPECT_EQ(read_status(&device, &network), DR_E_NOT_FOUND);
    device_end(&device);
}

/* Banks are rewritten around it. */
static void outlives_rewriting(void)
{
    static struct device device;
    char text[150];
    make(&device, 6);
    const struct dr_vault_file busy = sys_file("busy");
    EXPECT_EQ(bundle(&device, image_b, "new"), DR_OK);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "%0*d", 1 + i % 120, i);
        EXPECT_EQ(put_text(&device, &busy, text), DR_OK);
    }
    EXPECT(holds_text(&device, &network, "old"));
    EXPECT_EQ(start(&device, image_b, false), DR_OK);
    EXPECT(holds_text(&device, &network, "new"));
    device_end(&device);
}

/* ---- cuts ---- */

struct cut_run {
    struct device *device;
    const char *before; /* what image b would see, before and after the step that is going on */
    const char *after;
    const char *other; /* what every other image sees; NULL: one or the other */
    unsigned cases;
};

static bool sees(struct device *device, const uint8_t *image, const char *text)
{
    return start(device, image, false) == DR_OK && holds_text(device, &network, text);
}

static void check_after_cut(struct cut_run *run, struct device *device)
{
    bool is_new = sees(device, image_b, run->after);
    EXPECT(is_new || sees(device, image_b, run->before));
    if (run->other != NULL) {
        EXPECT(sees(device, image_a, run->other));
        EXPECT(sees(device, image_c, run->other));
    }
    EXPECT(sees(device, image_b, is_new ? run->after : run->before));
    EXPECT(!device->vault.health.damaged && !device->vault.health.degraded);
    EXPECT_EQ(dr_nor_violations(device->nor, NULL), 0);
}

static void on_operation(void *context)
{
    static struct device copy;
    struct cut_run *run = context;
    for (unsigned kind = 0; kind < DR_SIM_TORN_KINDS; kind++) {
        uint64_t seed = run->device->power.operations * 64u + kind;
        struct dr_nor_snapshot *after =
            dr_nor_cut_here(run->device->nor, (enum dr_sim_torn)kind, seed);
        copy = *run->device;
        dr_sim_power_init(&copy.power, seed);
        copy.random = seed;
        copy.nor = after != NULL ? dr_nor_create_from(after, &copy.power) : NULL;
        dr_nor_snapshot_destroy(after);
        REQUIRE(copy.nor != NULL);
        dr_anchor_mem_cut_here(
            &run->device->anchor_mem, (enum dr_sim_torn)kind, copy.anchor_mem.image);
        dr_anchor_mem_rebind(&copy.anchor_mem, &copy.power);
        run->cases++;
        check_after_cut(run, &copy);
        dr_nor_destroy(copy.nor);
    }
}

/* Put, replaced, dropped, put, sealed: at every operation every kind of cut. */
static void cut_everywhere(void)
{
    static struct device device;
    struct cut_run run = {.device = &device, .before = "old", .after = "one", .other = "old"};
    make(&device, 7);
    device.power.hook = on_operation;
    device.power.hook_context = &run;
    EXPECT_EQ(bundle(&device, image_b, "one"), DR_OK);
    run.before = "one";
    run.after = "two";
    EXPECT_EQ(bundle(&device, image_b, "two"), DR_OK);
    run.before = "two";
    run.after = "old";
    EXPECT_EQ(dr_vault_bundle_drop(&device.vault), DR_OK);
    run.before = "old";
    run.after = "three";
    EXPECT_EQ(bundle(&device, image_b, "three"), DR_OK);
    EXPECT(run.cases > 40u);
    device.power.hook = NULL;
    EXPECT(sees(&device, image_a, "old"));
    /* The first start of the sealed image: whatever is cut, it sees its own. */
    run.before = "three";
    run.after = "three";
    run.other = NULL;
    device.power.hook = on_operation;
    EXPECT_EQ(start(&device, image_b, true), DR_OK);
    device.power.hook = NULL;
    EXPECT(sees(&device, image_a, "three"));
    device_end(&device);
}

DR_TEST_MAIN(
    comes_and_goes_with_its_image, dropped, changes_on_trial, from_nothing_and_back, refused,
    outlives_rewriting, cut_everywhere)

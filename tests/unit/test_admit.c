/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Every rule alone, at both sides of its edge. */
#include "device/verify/admit.h"
#include "tests/unit/check.h"

static struct dr_image_info info;
static struct dr_admit_rules rules;

/* An image and a device that fit each other. */
static void reset(void)
{
    info = (struct dr_image_info){
        .header = {.load_address = 0x21000000, .flags = DR_IMAGE_FLAG_RAM_LOAD},
        .size_bytes = 50000,
        .digest = {7},
        .order = {.has_sequence = true, .sequence = 8},
        .security_counter = 5,
        .limits = {10, 600, 60, 3600},
        .product_len = 9,
        .product = "demo-lock",
        .signed_by = 1,
    };
    rules = (struct dr_admit_rules){
        .product = "demo-lock",
        .has_floor = true,
        .has_floor_digest = true,
        .floor = {.has_sequence = true, .sequence = 7},
        .floor_digest = {6},
        .running_digest = {6},
        .has_counter = true,
        .security_counter = 5,
        .size_bytes_max = 50000,
        .announced_size_bytes = 50000,
        .load_address = 0x21000000,
        .load_size_bytes = 50000,
        .rom_version = 1,
        .limits_min = {1, 10, 1, 1},
        .limits_max = {60, 3600, 3600, 65535},
    };
}

static enum dr_reason reason_of(void)
{
    enum dr_reason reason = DR_REASON_POWER;
    enum dr_verdict verdict = dr_admit(&info, &rules, &reason);
    EXPECT_EQ(dr_verdict_is_accept(&verdict), reason == DR_REASON_NONE);
    EXPECT(verdict == DR_VERDICT_ACCEPT || verdict == DR_VERDICT_REJECT);
    return reason;
}

static void test_fits(void)
{
    reset();
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    rules = (struct dr_admit_rules){.product = ""}; /* rules that are zero do not apply */
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
}

static void test_product(void)
{
    reset();
    strcpy(info.product, "demo-loc");
    EXPECT_EQ(reason_of(), DR_REASON_PRODUCT);
    strcpy(info.product, "demo-lock2");
    EXPECT_EQ(reason_of(), DR_REASON_PRODUCT);
    info.product[0] = '\0';
    info.product_len = 0;
    EXPECT_EQ(reason_of(), DR_REASON_PRODUCT);
    rules.product[0] = '\0';
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
}

static void test_sizes(void)
{
    reset();
    rules.size_bytes_max = 49999;
    EXPECT_EQ(reason_of(), DR_REASON_TOO_LARGE);
    reset();
    rules.announced_size_bytes = 50001;
    EXPECT_EQ(reason_of(), DR_REASON_SIZE_MISMATCH);
    rules.announced_size_bytes = 49999;
    EXPECT_EQ(reason_of(), DR_REASON_SIZE_MISMATCH);
}

static void test_load_window(void)
{
    reset();
    info.header.flags = 0;
    EXPECT_EQ(reason_of(), DR_REASON_LOAD_WINDOW);
    reset();
    info.header.load_address--;
    EXPECT_EQ(reason_of(), DR_REASON_LOAD_WINDOW);
    reset();
    info.header.load_address++;
    EXPECT_EQ(reason_of(), DR_REASON_LOAD_WINDOW);
    rules.load_size_bytes++;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    info.header.load_address = 0xffffffff;
    EXPECT_EQ(reason_of(), DR_REASON_LOAD_WINDOW);
    /* A window that ends at the top of the address space. */
    reset();
    rules.load_address = 0xffff0000;
    rules.load_size_bytes = 0x10000;
    info.header.load_address = 0xffff0000;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    info.header.load_address = 0xfffffff0;
    EXPECT_EQ(reason_of(), DR_REASON_LOAD_WINDOW);
    info.header.load_address = 0;
    EXPECT_EQ(reason_of(), DR_REASON_LOAD_WINDOW);
}

static void test_rom_and_features(void)
{
    reset();
    info.min_rom = 1;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    info.min_rom = 2;
    EXPECT_EQ(reason_of(), DR_REASON_MIN_ROM);
    reset();
    info.has_base_digest = true;
    EXPECT_EQ(reason_of(), DR_REASON_RESERVED_FEATURE);
}

static void test_limits(void)
{
    reset();
    info.limits = (struct dr_image_limits){0, 0, 0, 0};
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    info.limits.hang_s = 61;
    EXPECT_EQ(reason_of(), DR_REASON_LIMITS);
    info.limits = (struct dr_image_limits){60, 9, 0, 0};
    EXPECT_EQ(reason_of(), DR_REASON_LIMITS);
    info.limits = (struct dr_image_limits){60, 10, 3600, 0};
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    info.limits.soak_s = 3601;
    EXPECT_EQ(reason_of(), DR_REASON_LIMITS);
    reset();
    info.limits.seal_s = 65535;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    rules.limits_max.seal_s = 65534;
    EXPECT_EQ(reason_of(), DR_REASON_LIMITS);
    rules.limits_max.seal_s = 0; /* no bound */
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
}

static void test_counter(void)
{
    reset();
    info.security_counter = 4;
    EXPECT_EQ(reason_of(), DR_REASON_COUNTER);
    rules.has_counter = false;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    info.security_counter = 0xefffffff;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    info.security_counter = 0xf0000000;
    EXPECT_EQ(reason_of(), DR_REASON_COUNTER_CEILING);
    info.security_counter = 0xffffffff;
    EXPECT_EQ(reason_of(), DR_REASON_COUNTER_CEILING);
}

static void test_revocation(void)
{
    reset();
    info.revocation_target = 1;
    EXPECT_EQ(reason_of(), DR_REASON_REVOCATION); /* by the key that would be retired */
    info.signed_by = 2;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    info.signed_by = 3;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    info.revocation_target = 2;
    EXPECT_EQ(reason_of(), DR_REASON_REVOCATION);
    info.revocation_target = 255;
    EXPECT_EQ(reason_of(), DR_REASON_REVOCATION);
    info.revocation_target = 0;
    info.signed_by = 1;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
}

static void test_order(void)
{
    reset();
    info.order.sequence = 7;
    EXPECT_EQ(reason_of(), DR_REASON_ORDER);
    info.order.sequence = 6;
    EXPECT_EQ(reason_of(), DR_REASON_ORDER);
    info.order = (struct dr_order){.version = {255, 0, 0, 0}}; /* no sequence any more */
    EXPECT_EQ(reason_of(), DR_REASON_ORDER);
    rules.has_floor = false;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);

    /* The image at the floor: only while it does not run. */
    reset();
    info.order.sequence = 7;
    info.digest[0] = 6;
    EXPECT_EQ(reason_of(), DR_REASON_ORDER);
    rules.running_digest[0] = 5;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    rules.has_floor_digest = false;
    EXPECT_EQ(reason_of(), DR_REASON_ORDER);

    /* Versions decide where there are no sequences; a first sequence is above all of them. */
    reset();
    rules.floor = (struct dr_order){.version = {1, 2, 3, 4}};
    info.order = (struct dr_order){.version = {1, 2, 3, 4}};
    EXPECT_EQ(reason_of(), DR_REASON_ORDER);
    info.order.version.build = 5;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    info.order = (struct dr_order){.has_sequence = true, .sequence = 0};
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
}

static void test_rejections(void)
{
    struct dr_rejection ring[3] = {
        {{1}, DR_REJECTION_IMAGE}, {{7}, DR_REJECTION_ENVIRONMENT}, {{2}, DR_REJECTION_IMAGE}};
    reset();
    rules.rejections = ring;
    rules.rejection_count = 3;
    EXPECT_EQ(reason_of(), DR_REASON_WAIT);
    rules.environment_wait_over = true;
    EXPECT_EQ(reason_of(), DR_REASON_NONE);
    ring[2].digest[0] = 7; /* the same image also failed for good: that counts more */
    EXPECT_EQ(reason_of(), DR_REASON_REJECTED_BEFORE);
    rules.environment_wait_over = false;
    EXPECT_EQ(reason_of(), DR_REASON_REJECTED_BEFORE);
    ring[2].class = DR_REJECTION_NONE;
    EXPECT_EQ(reason_of(), DR_REASON_WAIT);
}

DR_TEST_MAIN(
    test_fits, test_product, test_sizes, test_load_window, test_rom_and_features, test_limits,
    test_counter, test_revocation, test_order, test_rejections)

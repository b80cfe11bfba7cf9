/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* device/vault on the NOR model and the anchor in memory: contents, classes, epochs, anchored
 * files, damage, faults. */
#include "tests/unit/vault_rig.h"

static void test_contents(void)
{
    static struct device device;
    device_make(&device, 1);
    const struct dr_vault_file a = sys_file("a");
    const struct dr_vault_file b = sys_file("certificates/device.pem");
    EXPECT_EQ(read_status(&device, &a), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_vault_remove(&device.vault, &a), DR_E_NOT_FOUND);
    EXPECT_EQ(put_text(&device, &a, "one"), DR_OK);
    EXPECT_EQ(put_text(&device, &b, ""), DR_OK);
    EXPECT(holds_text(&device, &a, "one"));
    EXPECT(holds_text(&device, &b, ""));
    EXPECT_EQ(put_text(&device, &a, "two"), DR_OK);
    EXPECT(holds_text(&device, &a, "two"));
    uint8_t small[2];
    uint32_t size = 0;
    EXPECT_EQ(dr_vault_read(&device.vault, &a, small, sizeof small, &size), DR_E_SPACE);
    EXPECT_EQ(size, 3);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(holds_text(&device, &a, "two"));
    EXPECT(holds_text(&device, &b, ""));
    EXPECT_EQ(dr_vault_remove(&device.vault, &a), DR_OK);
    EXPECT_EQ(read_status(&device, &a), DR_E_NOT_FOUND);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT_EQ(read_status(&device, &a), DR_E_NOT_FOUND);
    EXPECT(!device.vault.health.degraded && !device.vault.health.damaged);
    device_end(&device);
}

static void test_refusals(void)
{
    static struct device device;
    static uint8_t large[DR_VAULT_DATA_BYTES_MAX + 1];
    device_make(&device, 2);
    const struct dr_vault_file longest = sys_file("12345678901234567890123456789012");
    const struct dr_vault_file too_long = sys_file("123456789012345678901234567890123");
    const struct dr_vault_file empty = sys_file("");
    const struct dr_vault_file control = sys_file("\x01loss");
    EXPECT_EQ(put_text(&device, &longest, "x"), DR_OK);
    EXPECT(holds_text(&device, &longest, "x"));
    EXPECT_EQ(put_text(&device, &too_long, "x"), DR_E_ARGUMENT);
    EXPECT_EQ(put_text(&device, &empty, "x"), DR_E_ARGUMENT);
    EXPECT_EQ(put_text(&device, &control, "x"), DR_E_ARGUMENT);
    EXPECT_EQ(dr_vault_replace(&device.vault, &longest, large, sizeof large), DR_E_SPACE);
    EXPECT_EQ(dr_vault_replace(&device.vault, &longest, large, sizeof large - 1u), DR_E_SPACE);
    EXPECT(holds_text(&device, &longest, "x"));
    struct dr_vault_config bad = device.config;
    bad.area.size_bytes = SECTOR;
    EXPECT_EQ(dr_vault_open(&device.vault, &bad), DR_E_ARGUMENT);
    bad = device.config;
    bad.workspace_bytes = 100;
    EXPECT_EQ(dr_vault_open(&device.vault, &bad), DR_E_ARGUMENT);
    device_end(&device);
}

/* Replaced often enough that both banks are rewritten many times; filled until it says so. */
static void test_space(void)
{
    static struct device device;
    char text[200];
    device_make(&device, 3);
    const struct dr_vault_file kept = sys_file("kept");
    const struct dr_vault_file busy = sys_file("busy");
    EXPECT_EQ(put_text(&device, &kept, "kept"), DR_OK);
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "%0*d", 1 + i % 150, i);
        EXPECT_EQ(put_text(&device, &busy, text), DR_OK);
        EXPECT(holds_text(&device, &busy, text));
        if (i % 37 == 0) {
            EXPECT_EQ(device_boot(&device), DR_OK);
        }
    }
    EXPECT(holds_text(&device, &kept, "kept"));
    memset(text, 'x', 150);
    text[150] = '\0';
    unsigned files = 0;
    enum dr_status status = DR_OK;
    while (status == DR_OK && files < 40) {
        char name[16];
        snprintf(name, sizeof name, "f%u", files);
        const struct dr_vault_file file = sys_file(name);
        status = put_text(&device, &file, text);
        files += status == DR_OK ? 1u : 0u;
    }
    EXPECT_EQ(status, DR_E_SPACE);
    EXPECT(files > 6);
    EXPECT(holds_text(&device, &kept, "kept"));
    const struct dr_vault_file first = sys_file("f0");
    EXPECT_EQ(dr_vault_remove(&device.vault, &first), DR_OK); /* a full one can be tidied */
    EXPECT_EQ(put_text(&device, &first, "y"), DR_OK);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(holds_text(&device, &first, "y"));
    device_end(&device);
}

static void test_list(void)
{
    static struct device device;
    struct dr_vault_info info;
    uint32_t cursor = 0;
    unsigned count = 0;
    device_make(&device, 4);
    const struct dr_vault_file a = sys_file("a");
    const struct dr_vault_file b = {.file_class = DR_VAULT_USER, .name = "b"};
    const struct dr_vault_file c = {.file_class = DR_VAULT_SYS, .name = "c", .anchored = true};
    EXPECT_EQ(put_text(&device, &a, "1"), DR_OK);
    EXPECT_EQ(put_text(&device, &b, "22"), DR_OK);
    EXPECT_EQ(put_text(&device, &c, "333"), DR_OK);
    EXPECT_EQ(dr_vault_remove(&device.vault, &a), DR_OK);
    while (dr_vault_list(&device.vault, &cursor, &info) == DR_OK && count < 10) {
        count++;
        bool is_b = strcmp(info.name, "b") == 0;
        EXPECT(is_b || strcmp(info.name, "c") == 0);
        EXPECT_EQ(info.size_bytes, is_b ? 2 : 3);
        EXPECT_EQ(info.file_class, is_b ? DR_VAULT_USER : DR_VAULT_SYS);
        EXPECT_EQ(info.anchored, !is_b);
    }
    EXPECT_EQ(count, 2);
    device_end(&device);
}

/* A firmware without a key neither sees nor harms the files; another epoch is gone for good. */
static void test_classes_and_epochs(void)
{
    static struct device device;
    char text[100];
    device_make(&device, 5);
    const struct dr_vault_file sys = sys_file("s");
    const struct dr_vault_file user = {.file_class = DR_VAULT_USER, .name = "s"};
    const struct dr_vault_file v1 = {.file_class = DR_VAULT_SYS_V1, .name = "s"};
    const struct dr_vault_file net = {.file_class = DR_VAULT_LINK, .name = "s"};
    EXPECT_EQ(put_text(&device, &sys, "sys"), DR_OK);
    EXPECT_EQ(put_text(&device, &user, "user"), DR_OK);
    EXPECT_EQ(put_text(&device, &v1, "v1"), DR_OK);
    EXPECT_EQ(put_text(&device, &net, "net"), DR_OK);
    device.config.classes[DR_VAULT_SYS].present = false; /* recovery mode */
    device.config.classes[DR_VAULT_USER].present = false;
    memset(device.config.classes[DR_VAULT_SYS].key, 0, DR_SHA256_BYTES);
    memset(device.config.classes[DR_VAULT_USER].key, 0, DR_SHA256_BYTES);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT_EQ(read_status(&device, &sys), DR_E_NOT_FOUND);
    EXPECT_EQ(read_status(&device, &user), DR_E_NOT_FOUND);
    EXPECT_EQ(put_text(&device, &user, "no"), DR_E_DENIED);
    EXPECT_EQ(dr_vault_remove(&device.vault, &sys), DR_E_DENIED);
    EXPECT(holds_text(&device, &v1, "v1"));
    EXPECT(holds_text(&device, &net, "net"));
    for (int i = 0; i < 60; i++) { /* banks are rewritten without the keys */
        snprintf(text, sizeof text, "%080d", i);
        EXPECT_EQ(put_text(&device, &v1, text), DR_OK);
    }
    for (int i = 0; i < 2; i++) {
        device.config.classes[i].present = true;
        memset(device.config.classes[i].key, i + 1, DR_SHA256_BYTES);
    }
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(holds_text(&device, &sys, "sys"));
    EXPECT(holds_text(&device, &user, "user"));
    device.config.classes[DR_VAULT_USER].epoch = 1;
    memset(device.config.classes[DR_VAULT_USER].key, 77, DR_SHA256_BYTES);
    device.config.classes[DR_VAULT_LINK].epoch = 1;
    memset(device.config.classes[DR_VAULT_LINK].key, 78, DR_SHA256_BYTES);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT_EQ(read_status(&device, &user), DR_E_NOT_FOUND);
    EXPECT_EQ(read_status(&device, &net), DR_E_NOT_FOUND);
    EXPECT(!device.vault.health.damaged && !device.vault.health.degraded);
    EXPECT(holds_text(&device, &sys, "sys"));
    EXPECT_EQ(put_text(&device, &user, "new owner"), DR_OK);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(holds_text(&device, &user, "new owner"));
    device_end(&device);
}

static uint32_t generation(struct device *device)
{
    struct dr_anchor_status status;
    return dr_anchor_status(&device->anchor, &status) == DR_OK
               ? status.counters[DR_ANCHOR_COUNTER_VAULT]
               : UINT32_MAX;
}

static void test_anchored(void)
{
    static struct device device;
    device_make(&device, 6);
    const struct dr_vault_file lock = {
        .file_class = DR_VAULT_SYS, .name = "lock", .anchored = true};
    const struct dr_vault_file cas = {.file_class = DR_VAULT_SYS, .name = "cas", .anchored = true};
    const struct dr_vault_file plain = sys_file("plain");
    EXPECT_EQ(put_text(&device, &lock, "open"), DR_OK);
    EXPECT_EQ(put_text(&device, &cas, "ca 1"), DR_OK);
    EXPECT_EQ(put_text(&device, &plain, "p"), DR_OK);
    EXPECT_EQ(generation(&device), 2);
    struct dr_vault_file wrong = lock;
    wrong.anchored = false;
    EXPECT_EQ(put_text(&device, &wrong, "x"), DR_E_STATE);
    wrong.file_class = DR_VAULT_USER;
    wrong.anchored = true;
    EXPECT_EQ(put_text(&device, &wrong, "x"), DR_E_ARGUMENT);
    struct dr_nor_snapshot *old = dr_nor_snapshot(device.nor);
    REQUIRE(old != NULL);
    EXPECT_EQ(put_text(&device, &lock, "shut"), DR_OK);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(holds_text(&device, &lock, "shut"));
    EXPECT(holds_text(&device, &cas, "ca 1"));
    struct dr_nor_snapshot *new = dr_nor_snapshot(device.nor);
    REQUIRE(new != NULL);

    device.config.sealed = false;
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT_EQ(put_text(&device, &lock, "open"), DR_E_STATE);
    EXPECT_EQ(dr_vault_remove(&device.vault, &lock), DR_E_STATE);
    EXPECT_EQ(put_text(&device, &plain, "q"), DR_OK);
    device.config.sealed = true;

    dr_nor_restore(device.nor, old); /* an older dump of the chip */
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(device.vault.health.replayed);
    EXPECT_EQ(read_status(&device, &lock), DR_E_AUTH);
    EXPECT_EQ(put_text(&device, &lock, "open"), DR_E_STATE);
    EXPECT(holds_text(&device, &plain, "p")); /* not promised for these, and said so */

    dr_nor_restore(device.nor, new);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(holds_text(&device, &lock, "shut"));
    EXPECT_EQ(dr_vault_accept_loss(&device.vault), DR_E_STATE);

    for (uint32_t i = 0; i < VAULT_SECTORS; i++) { /* all gone */
        EXPECT_EQ(
            dr_flash_erase(dr_nor_port(device.nor), area.address + i * SECTOR, SECTOR), DR_OK);
    }
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(device.vault.health.replayed);
    dr_nor_restore(device.nor, old);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT_EQ(dr_vault_accept_loss(&device.vault), DR_OK);
    EXPECT_EQ(read_status(&device, &lock), DR_E_NOT_FOUND);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(!device.vault.health.replayed);
    EXPECT_EQ(read_status(&device, &cas), DR_E_NOT_FOUND);
    EXPECT_EQ(put_text(&device, &lock, "open"), DR_OK);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(holds_text(&device, &lock, "open"));
    dr_nor_snapshot_destroy(old);
    dr_nor_snapshot_destroy(new);
    device_end(&device);
}

/* The set, not only its newest member: one file's older record spliced in is noticed. */
static void test_anchored_splice(void)
{
    static struct device device;
    uint8_t byte = 0;
    device_make(&device, 7);
    const struct dr_vault_file a = {.file_class = DR_VAULT_SYS, .name = "a", .anchored = true};
    const struct dr_vault_file b = {.file_class = DR_VAULT_SYS, .name = "b", .anchored = true};
    EXPECT_EQ(put_text(&device, &a, "old"), DR_OK);
    EXPECT_EQ(put_text(&device, &a, "new"), DR_OK);
    EXPECT_EQ(put_text(&device, &b, "b"), DR_OK);
    /* Damage the newest version of `a` in both banks, so that the older one comes up. */
    for (unsigned bank = 0; bank < DR_VAULT_BANKS; bank++) {
        const struct dr_vault_entry *entry = NULL;
        for (unsigned i = 0; i < DR_VAULT_FILES_MAX; i++) {
            if (device.vault.entries[i].sequence == 2) {
                entry = &device.vault.entries[i];
            }
        }
        REQUIRE(entry != NULL);
        uint32_t at = device.vault.banks[bank].address + entry->offset[bank] + 1u;
        dr_nor_peek(device.nor, at, &byte, 1);
        byte ^= 4;
        dr_nor_poke(device.nor, at, &byte, 1);
    }
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(device.vault.health.damaged);
    EXPECT(device.vault.health.replayed);
    EXPECT_EQ(read_status(&device, &a), DR_E_AUTH);
    device_end(&device);
}

static void test_anchor_silent(void)
{
    static struct device device;
    device_make(&device, 8);
    const struct dr_vault_file lock = {
        .file_class = DR_VAULT_SYS, .name = "lock", .anchored = true};
    EXPECT_EQ(put_text(&device, &lock, "1"), DR_OK);
    device.anchor_mem.silent = 1;
    EXPECT_EQ(put_text(&device, &lock, "2"), DR_E_TIMEOUT);
    EXPECT(device.vault.health.anchor_error);
    EXPECT(holds_text(&device, &lock, "2")); /* asks again, and catches up */
    EXPECT(!device.vault.health.anchor_error);
    EXPECT_EQ(generation(&device), 2);
    device.anchor_mem.lose_answer = 1;
    EXPECT_EQ(put_text(&device, &lock, "3"), DR_E_TIMEOUT);
    EXPECT_EQ(put_text(&device, &lock, "4"), DR_OK);
    EXPECT_EQ(generation(&device), 4);
    device.anchor_mem.silent = 1;
    EXPECT_EQ(put_text(&device, &lock, "5"), DR_E_TIMEOUT);
    EXPECT_EQ(device_boot(&device), DR_OK); /* never advanced before the reset */
    EXPECT(holds_text(&device, &lock, "5"));
    EXPECT_EQ(generation(&device), 5);
    device_end(&device);
}

/* Every byte of the vault damaged in turn, one at a time: the right content or an error. */
static void test_damage(void)
{
    static struct device device;
    device_make(&device, 9);
    const struct dr_vault_file a = sys_file("a");
    const struct dr_vault_file b = {.file_class = DR_VAULT_USER, .name = "b"};
    const struct dr_vault_file gone = sys_file("gone");
    EXPECT_EQ(put_text(&device, &a, "first"), DR_OK);
    EXPECT_EQ(put_text(&device, &gone, "gone"), DR_OK);
    EXPECT_EQ(put_text(&device, &b, "content of b"), DR_OK);
    EXPECT_EQ(put_text(&device, &a, "content of a"), DR_OK);
    EXPECT_EQ(dr_vault_remove(&device.vault, &gone), DR_OK);
    struct dr_nor_snapshot *good = dr_nor_snapshot(device.nor);
    REQUIRE(good != NULL);
    for (uint32_t at = 0; at < area.size_bytes; at++) {
        uint8_t byte = 0;
        dr_nor_peek(device.nor, area.address + at, &byte, 1);
        byte ^= (uint8_t)(1u << (at % 8u));
        dr_nor_poke(device.nor, area.address + at, &byte, 1);
        EXPECT_EQ(device_boot(&device), DR_OK);
        /* One fault: nothing may be lost, and it is healed. */
        EXPECT(holds_text(&device, &a, "content of a"));
        EXPECT(holds_text(&device, &b, "content of b"));
        EXPECT_EQ(read_status(&device, &gone), DR_E_NOT_FOUND);
        EXPECT(!device.vault.health.damaged && !device.vault.health.degraded);
        dr_nor_restore(device.nor, good);
    }
    /* Damage while mounted is found by the read and mended by the next write. */
    EXPECT_EQ(device_boot(&device), DR_OK);
    uint8_t zeros[SECTOR] = {0};
    dr_nor_poke(device.nor, area.address, zeros, sizeof zeros);
    EXPECT(holds_text(&device, &a, "content of a"));
    EXPECT(device.vault.health.degraded);
    EXPECT_EQ(put_text(&device, &b, "again"), DR_OK);
    EXPECT(!device.vault.health.degraded);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(holds_text(&device, &a, "content of a"));
    EXPECT(holds_text(&device, &b, "again"));
    /* Both banks: said, not guessed. */
    for (unsigned bank = 0; bank < DR_VAULT_BANKS; bank++) {
        dr_nor_poke(device.nor, device.vault.banks[bank].address + 64u, zeros, sizeof zeros - 64u);
    }
    EXPECT_EQ(read_status(&device, &a), DR_E_CORRUPT);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(device.vault.health.damaged);
    dr_nor_snapshot_destroy(good);
    device_end(&device);
}

/* One bank was made anew and forgot a removal; the other still holds the removed version. Damage to
 * the removal there does not bring the file back. */
static void test_removed_stays_removed(void)
{
    static struct device device;
    device_make(&device, 11);
    const struct dr_vault_file kept = sys_file("kept");
    const struct dr_vault_file gone = sys_file("gone");
    EXPECT_EQ(put_text(&device, &kept, "kept"), DR_OK);
    EXPECT_EQ(put_text(&device, &gone, "gone"), DR_OK);
    EXPECT_EQ(dr_vault_remove(&device.vault, &gone), DR_OK);
    EXPECT_EQ(dr_vault_bank_rebuild(&device.vault, 0), DR_OK);
    struct dr_nor_snapshot *good = dr_nor_snapshot(device.nor);
    REQUIRE(good != NULL);
    const struct dr_vault_bank bank = device.vault.banks[1];
    for (uint32_t at = 0; at < bank.used_bytes; at++) {
        uint8_t byte = 0;
        dr_nor_peek(device.nor, bank.address + at, &byte, 1);
        byte ^= (uint8_t)(1u << (at % 8u));
        dr_nor_poke(device.nor, bank.address + at, &byte, 1);
        EXPECT_EQ(device_boot(&device), DR_OK);
        EXPECT_EQ(read_status(&device, &gone), DR_E_NOT_FOUND);
        EXPECT(holds_text(&device, &kept, "kept"));
        dr_nor_restore(device.nor, good);
    }
    dr_nor_snapshot_destroy(good);
    device_end(&device);
}

static void test_random_content(void)
{
    static struct device device;
    uint8_t noise[SECTOR];
    device_make(&device, 10);
    for (uint32_t i = 0; i < VAULT_SECTORS; i++) {
        fill_random(&device.random, noise, sizeof noise);
        dr_nor_poke(device.nor, area.address + i * SECTOR, noise, sizeof noise);
    }
    const struct dr_vault_file a = sys_file("a");
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT_EQ(read_status(&device, &a), DR_E_NOT_FOUND);
    EXPECT_EQ(put_text(&device, &a, "fresh"), DR_OK);
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT(holds_text(&device, &a, "fresh"));
    device_end(&device);
}

/* Flash that refuses: old or new, said, and well again afterwards. */
static void test_flash_faults(void)
{
    static struct device device;
    char text[120];
    for (uint32_t after = 0; after < 40; after++) {
        device_make(&device, 11u + after);
        const struct dr_vault_file a = sys_file("a");
        if (after < 8) { /* one fault while an empty vault is made */
            EXPECT_EQ(
                dr_flash_erase(dr_nor_port(device.nor), area.address, area.size_bytes), DR_OK);
            dr_nor_set_faults(device.nor, after, 1);
            EXPECT_EQ(device_boot(&device), DR_OK);
        }
        EXPECT_EQ(put_text(&device, &a, "start"), DR_OK);
        char now[120] = "start";
        dr_nor_set_faults(device.nor, after, 1u + after % 3u);
        for (int i = 0; i < 30; i++) {
            snprintf(text, sizeof text, "%0100d", i);
            if (put_text(&device, &a, text) == DR_OK) {
                snprintf(now, sizeof now, "%s", text);
            }
            EXPECT(holds_text(&device, &a, now));
        }
        EXPECT_EQ(device_boot(&device), DR_OK);
        EXPECT(holds_text(&device, &a, now));
        EXPECT(!device.vault.health.damaged || after % 3u > 0); /* two faults may hit both banks */
        device_end(&device);
    }
}

DR_TEST_MAIN(
    test_contents, test_refusals, test_space, test_list, test_classes_and_epochs, test_anchored,
    test_anchored_splice, test_anchor_silent, test_damage, test_removed_stays_removed,
    test_random_content, test_flash_faults)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* device/vault on the NOR model and the anchor in memory: contents, classes, epochs, anchored
 * files, damage, and a cut of every kind at every operation of replaces and removals. */
#include "device/anchor/keys.h"
#include "device/vault/bank_priv.h"
#include "device/vault/vault.h"
#include "sim/anchor_mem.h"
#include "sim/nor.h"
#include "tests/unit/check.h"

#define SECTOR 1024u
#define VAULT_SECTORS 8u
#define FILES 6u
#define DATA_MAX 700u

static const struct dr_flash_geometry geometry = {
    .size_bytes = 16u * SECTOR,
    .sector_bytes = SECTOR,
    .program_unit_bytes = 32,
    .erased_value = 0xff,
};
static const struct dr_flash_area area = {2u * SECTOR, VAULT_SECTORS *SECTOR};

struct device {
    struct dr_sim_power power;
    struct dr_nor *nor;
    struct dr_anchor_mem anchor_mem;
    struct dr_anchor rom;
    struct dr_anchor anchor;
    struct dr_vault vault;
    struct dr_vault_config config;
    uint64_t random;
    uint8_t workspace[DR_VAULT_WORKSPACE_BYTES];
};

static void fill_random(uint64_t *random, uint8_t *out, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++) {
        out[i] = (uint8_t)dr_sim_random(random);
    }
}

/* Reset: the anchor forgets its mode, the ROM latches it anew, the firmware opens its vault. */
static enum dr_status device_boot(struct device *device)
{
    uint8_t seed[DR_SHA256_BYTES];
    uint8_t key[DR_SHA256_BYTES];
    struct dr_anchor_port port = dr_anchor_mem_port(&device->anchor_mem);
    DR_TRY(dr_anchor_mem_start(&device->anchor_mem));
    fill_random(&device->random, seed, sizeof seed);
    dr_key_derive(&dr_crypto_openssl, device->anchor_mem.secret, DR_LABEL_ANCHOR_ROM, key);
    dr_anchor_init(&device->rom, &dr_crypto_openssl, &port, DR_ANCHOR_KEY_ROM, key, seed);
    DR_TRY(dr_anchor_latch(&device->rom, DR_ANCHOR_MODE_NORMAL));
    fill_random(&device->random, seed, sizeof seed);
    dr_key_derive(&dr_crypto_openssl, device->anchor_mem.secret, DR_LABEL_ANCHOR_FW, key);
    dr_anchor_init(&device->anchor, &dr_crypto_openssl, &port, DR_ANCHOR_KEY_FW, key, seed);
    device->config.flash = dr_nor_port(device->nor);
    device->config.anchor = &device->anchor;
    device->config.workspace = device->workspace;
    fill_random(&device->random, device->config.seed, sizeof device->config.seed);
    return dr_vault_open(&device->vault, &device->config);
}

static void device_make(struct device *device, uint64_t seed)
{
    memset(device, 0, sizeof *device);
    dr_sim_power_init(&device->power, seed);
    device->random = seed;
    device->nor = dr_nor_create(&geometry, &device->power);
    if (device->nor == NULL) {
        abort();
    }
    dr_anchor_mem_init(&device->anchor_mem, &dr_crypto_openssl, &device->power, seed);
    uint8_t key[DR_SHA256_BYTES];
    struct dr_anchor_port port = dr_anchor_mem_port(&device->anchor_mem);
    dr_key_derive(&dr_crypto_openssl, device->anchor_mem.secret, DR_LABEL_ANCHOR_ROM, key);
    dr_anchor_init(&device->rom, &dr_crypto_openssl, &port, DR_ANCHOR_KEY_ROM, key, key);
    EXPECT_EQ(dr_anchor_provision(&device->rom), DR_OK);
    device->config = (struct dr_vault_config){
        .crypto = &dr_crypto_openssl,
        .area = area,
        .sealed = true,
        .workspace_bytes = sizeof device->workspace,
    };
    for (unsigned i = 0; i < DR_VAULT_CLASSES; i++) {
        device->config.classes[i].present = true;
        memset(device->config.classes[i].key, (int)i + 1, DR_SHA256_BYTES);
    }
    EXPECT_EQ(device_boot(device), DR_OK);
}

static void device_end(struct device *device)
{
    const char *rule = NULL;
    EXPECT_EQ(dr_nor_violations(device->nor, &rule), 0);
    EXPECT_STR(rule, "");
    dr_nor_destroy(device->nor);
}

static struct dr_vault_file sys_file(const char *name)
{
    const struct dr_vault_file file = {.file_class = DR_VAULT_SYS, .name = name};
    return file;
}

static enum dr_status
put_text(struct device *device, const struct dr_vault_file *file, const char *text)
{
    return dr_vault_replace(&device->vault, file, (const uint8_t *)text, (uint32_t)strlen(text));
}

static bool holds_text(struct device *device, const struct dr_vault_file *file, const char *text)
{
    uint8_t out[DATA_MAX];
    uint32_t size = 0;
    return dr_vault_read(&device->vault, file, out, sizeof out, &size) == DR_OK &&
           size == strlen(text) && memcmp(out, text, size) == 0;
}

static enum dr_status read_status(struct device *device, const struct dr_vault_file *file)
{
    uint8_t out[DATA_MAX];
    uint32_t size = 0;
    return dr_vault_read(&device->vault, file, out, sizeof out, &size);
}

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
    EXPECT_EQ(dr_vault_bundle_begin(&device.vault, large), DR_E_UNSUPPORTED);
    EXPECT_EQ(dr_vault_bundle_commit(&device.vault), DR_E_UNSUPPORTED);
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
    EXPECT_EQ(put_text(&device, &sys, "sys"), DR_OK);
    EXPECT_EQ(put_text(&device, &user, "user"), DR_OK);
    EXPECT_EQ(put_text(&device, &v1, "v1"), DR_OK);
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
    EXPECT_EQ(device_boot(&device), DR_OK);
    EXPECT_EQ(read_status(&device, &user), DR_E_NOT_FOUND);
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

DR_TEST_MAIN(
    test_contents, test_refusals, test_space, test_list, test_classes_and_epochs, test_anchored,
    test_anchored_splice, test_anchor_silent, test_damage, test_removed_stays_removed,
    test_random_content, test_flash_faults, test_cut_format, test_cut_everywhere)

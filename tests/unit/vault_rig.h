/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A vault on the NOR model and the anchor in memory, as one small device. */
#ifndef DR_TESTS_UNIT_VAULT_RIG_H
#define DR_TESTS_UNIT_VAULT_RIG_H

#include "device/anchor/keys.h"
#include "device/vault/bank_priv.h"
#include "device/vault/vault.h"
#include "sim/anchor_mem.h"
#include "sim/nor.h"
#include "tests/unit/check.h"

#define SECTOR 1024u
#define VAULT_SECTORS 8u
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

static inline void fill_random(uint64_t *random, uint8_t *out, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++) {
        out[i] = (uint8_t)dr_sim_random(random);
    }
}

/* Reset: the anchor forgets its mode, the ROM latches it anew, the firmware opens its vault. */
static inline enum dr_status device_boot(struct device *device)
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

static inline void device_make(struct device *device, uint64_t seed)
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

static inline void device_end(struct device *device)
{
    const char *rule = NULL;
    EXPECT_EQ(dr_nor_violations(device->nor, &rule), 0);
    EXPECT_STR(rule, "");
    dr_nor_destroy(device->nor);
}

static inline struct dr_vault_file sys_file(const char *name)
{
    const struct dr_vault_file file = {.file_class = DR_VAULT_SYS, .name = name};
    return file;
}

static inline enum dr_status
put_text(struct device *device, const struct dr_vault_file *file, const char *text)
{
    return dr_vault_replace(&device->vault, file, (const uint8_t *)text, (uint32_t)strlen(text));
}

static inline bool
holds_text(struct device *device, const struct dr_vault_file *file, const char *text)
{
    uint8_t out[DATA_MAX];
    uint32_t size = 0;
    return dr_vault_read(&device->vault, file, out, sizeof out, &size) == DR_OK &&
           size == strlen(text) && memcmp(out, text, size) == 0;
}

static inline enum dr_status read_status(struct device *device, const struct dr_vault_file *file)
{
    uint8_t out[DATA_MAX];
    uint32_t size = 0;
    return dr_vault_read(&device->vault, file, out, sizeof out, &size);
}

#endif

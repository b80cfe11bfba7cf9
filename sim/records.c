/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The firmware's records in the vault: written before each request, read at each boot.
 *
 *   job    class sys-v1: what the agent remembers of its job; every mode can read it
 *   owner  class user: gone once the user epoch has moved on
 *   net    class link: the same, but every mode can read and write it
 *   lock   class sys, anchored: bound to the anchor's vault generation
 *   join   class link, bundled: every other image brings its own version, which only it may see
 *          until it is sealed
 */
#include "device/vault/vault.h"
#include "sim/scenario.h"

#include <string.h>

#define CONTENT_BYTES 200u

static const struct dr_vault_file job = {.file_class = DR_VAULT_SYS_V1, .name = "job"};
static const struct dr_vault_file owner = {.file_class = DR_VAULT_USER, .name = "owner"};
static const struct dr_vault_file net = {.file_class = DR_VAULT_LINK, .name = "net"};
static const struct dr_vault_file join = {.file_class = DR_VAULT_LINK, .name = "join"};
static const struct dr_vault_file lock = {
    .file_class = DR_VAULT_SYS, .name = "lock", .anchored = true};

struct records {
    struct dr_vault vault;
    struct dr_anchor anchor;
    uint8_t workspace[DR_VAULT_WORKSPACE_BYTES];
};

static void give_key(
    struct dr_vault_class_key *out, const struct dr_boot_keys *keys, uint8_t bit,
    const uint8_t key[DR_BOOT_KEY_BYTES], uint32_t epoch)
{
    out->present = (keys->present & bit) != 0;
    memcpy(out->key, key, sizeof out->key);
    out->epoch = epoch;
}

static enum dr_status open_records(struct dr_sim_device *device, struct records *records)
{
    const struct dr_boot_info *info = &device->booted.info;
    const struct dr_boot_keys *keys = &info->keys;
    const struct dr_anchor_port port = dr_anchor_mem_port(&device->anchor);
    struct dr_vault_config config = {
        .crypto = device->world->crypto,
        .flash = &device->flash,
        .area = device->world->map.vault,
        .sealed = info->state == DR_IMAGE_SEALED || info->state == DR_IMAGE_FACTORY,
        .workspace = records->workspace,
        .workspace_bytes = sizeof records->workspace,
    };
    memcpy(config.image_digest, info->digest, sizeof config.image_digest);
    for (size_t i = 0; i < sizeof config.seed; i++) {
        config.seed[i] = (uint8_t)dr_sim_random(&device->random);
    }
    give_key(&config.classes[DR_VAULT_SYS], keys, DR_KEY_VAULT_SYS, keys->vault_sys, 0);
    give_key(
        &config.classes[DR_VAULT_USER], keys, DR_KEY_VAULT_USER, keys->vault_user,
        info->user_epoch);
    give_key(&config.classes[DR_VAULT_SYS_V1], keys, DR_KEY_SYS_V1, keys->sys_v1, 0);
    give_key(&config.classes[DR_VAULT_LINK], keys, DR_KEY_LINK, keys->link, info->user_epoch);
    if ((keys->present & DR_KEY_ANCHOR_FW) != 0) {
        dr_anchor_init(
            &records->anchor, config.crypto, &port, DR_ANCHOR_KEY_FW, keys->anchor_fw, config.seed);
        config.anchor = &records->anchor;
    }
    return dr_vault_open(&records->vault, &config);
}

static void fill(uint8_t content[CONTENT_BYTES], uint32_t version)
{
    memset(content, (int)(version & 0xffu), CONTENT_BYTES);
}

/* The version of a record; 0: absent. Damage and mixtures fail the case. */
static uint32_t read_version(
    struct dr_sim_device *device, struct records *records, const struct dr_vault_file *file)
{
    uint8_t content[CONTENT_BYTES];
    uint8_t wanted[CONTENT_BYTES];
    uint32_t size = 0;
    enum dr_status status = dr_vault_read(&records->vault, file, content, sizeof content, &size);
    if (status == DR_E_NOT_FOUND) {
        return 0;
    }
    if (status != DR_OK || size != sizeof content) {
        dr_sim_fail(device, DR_SIM_LOST, "record %s: %s", file->name, dr_status_text(status));
        return 0;
    }
    fill(wanted, content[0]);
    if (memcmp(content, wanted, sizeof content) != 0) {
        dr_sim_fail(device, DR_SIM_LOST, "record %s is a mixture", file->name);
    }
    return content[0];
}

static void check_version(
    struct dr_sim_device *device, struct records *records, const struct dr_vault_file *file,
    struct dr_sim_record *record)
{
    uint32_t found = read_version(device, records, file);
    if (found != (record->kept & 0xffu) && found != (record->tried & 0xffu)) {
        dr_sim_fail(
            device, DR_SIM_LOST, "record %s has version %u, not %u or %u", file->name, found,
            record->kept, record->tried);
    }
    if (!device->power.off) { /* whichever it is: from now on it stays */
        record->kept = found;
        record->tried = found;
    }
}

/* A record that is erased with the owner's data. */
static void check_erasable(
    struct dr_sim_device *device, struct records *records, const struct dr_vault_file *file,
    struct dr_sim_record *record)
{
    if (record->epoch == device->booted.info.user_epoch) {
        check_version(device, records, file, record);
        return;
    }
    *record = (struct dr_sim_record){.epoch = device->booted.info.user_epoch};
    if (read_version(device, records, file) != 0) {
        dr_sim_fail(device, DR_SIM_UNAUTHORISED, "record %s outlived the erasure", file->name);
    }
}

static uint32_t brought_by(enum dr_sim_image_id image)
{
    return 0x80u + (uint32_t)image;
}

/* An image that brought a version sees that one; any other image what was sealed before. */
static void
check_join(struct dr_sim_device *device, struct records *records, struct dr_sim_script *script)
{
    const struct dr_boot_info *info = &device->booted.info;
    enum dr_sim_image_id running = dr_sim_image_find(device->world, info->digest);
    if (script->join.epoch != info->user_epoch || running != script->bundled) {
        if (script->join.epoch != info->user_epoch) {
            script->bundled = DR_SIM_IMAGES;
        }
        check_erasable(device, records, &join, &script->join);
        return;
    }
    uint32_t found = read_version(device, records, &join);
    if (found != brought_by(running)) {
        dr_sim_fail(
            device, DR_SIM_LOST, "%s runs with version %u of what it brought",
            device->world->images[running].text, found);
    }
    if (info->state == DR_IMAGE_SEALED) {
        script->join.kept = found;
        script->join.tried = found;
    }
}

void dr_sim_records_check(struct dr_sim_device *device, struct dr_sim_script *script)
{
    struct records records;
    const struct dr_boot_info *info = &device->booted.info;
    enum dr_status status = open_records(device, &records);
    if (status != DR_OK) {
        dr_sim_fail(device, DR_SIM_LOST, "the vault does not open: %s", dr_status_text(status));
        return;
    }
    if (records.vault.health.replayed || records.vault.health.damaged) {
        dr_sim_fail(device, DR_SIM_LOST, "the vault says that it was tampered with");
    }
    check_version(device, &records, &job, &script->job);
    if ((info->keys.present & DR_KEY_VAULT_SYS) != 0) {
        check_version(device, &records, &lock, &script->lock);
    }
    check_erasable(device, &records, &net, &script->net);
    check_join(device, &records, script);
    if ((info->keys.present & DR_KEY_VAULT_USER) != 0) {
        check_erasable(device, &records, &owner, &script->owner);
    }
}

static bool replace(
    struct dr_sim_device *device, struct records *records, const struct dr_vault_file *file,
    struct dr_sim_record *record)
{
    uint8_t content[CONTENT_BYTES];
    record->tried = record->kept + 1u;
    fill(content, record->tried);
    enum dr_status status = dr_vault_replace(&records->vault, file, content, sizeof content);
    dr_sim_say(device, "record %s: %s", file->name, dr_status_text(status));
    if (status != DR_OK) {
        return false;
    }
    record->kept = record->tried;
    return true;
}

bool dr_sim_records_write(struct dr_sim_device *device, struct dr_sim_script *script)
{
    struct records records;
    const struct dr_boot_info *info = &device->booted.info;
    if (open_records(device, &records) != DR_OK || !replace(device, &records, &job, &script->job) ||
        !replace(device, &records, &net, &script->net)) {
        return false;
    }
    if (info->mode == DR_MODE_PROVISIONING && !replace(device, &records, &join, &script->join)) {
        return false;
    }
    if ((info->keys.present & DR_KEY_VAULT_USER) != 0 &&
        !replace(device, &records, &owner, &script->owner)) {
        return false;
    }
    bool anchored = (info->keys.present & DR_KEY_VAULT_SYS) != 0 &&
                    (info->state == DR_IMAGE_SEALED || info->state == DR_IMAGE_FACTORY);
    return !anchored || replace(device, &records, &lock, &script->lock);
}

bool dr_sim_bundle_write(
    struct dr_sim_device *device, struct dr_sim_script *script, enum dr_sim_image_id target)
{
    struct records records;
    uint8_t content[CONTENT_BYTES];
    enum dr_status status = open_records(device, &records);
    bool brings = (unsigned)target % 2u == 0;
    script->bundled = brings ? target : DR_SIM_IMAGES;
    if (status == DR_OK && brings) {
        fill(content, brought_by(target));
        status = dr_vault_bundle_put(
            &records.vault, device->world->images[target].digest, &join, content, sizeof content);
    } else if (status == DR_OK) {
        status = dr_vault_bundle_drop(&records.vault);
    }
    dr_sim_say(device, "bundle %s: %s", brings ? "written" : "dropped", dr_status_text(status));
    return status == DR_OK;
}

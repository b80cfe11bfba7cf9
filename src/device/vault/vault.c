/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/vault/vault.h"

#include "base/check.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "device/vault/vault_priv.h"

#include <string.h>

#define WORKSPACE_BYTES_MIN 256u
#define SEQUENCE_MAX 0xffffff00u

struct dr_vault_entry *dr_vault_find(struct dr_vault *vault, uint32_t id)
{
    for (uint32_t i = 0; i < DR_VAULT_FILES_MAX; i++) {
        if (vault->entries[i].id == id) {
            return &vault->entries[i];
        }
    }
    return NULL;
}

struct dr_vault_entry *dr_vault_free_entry(struct dr_vault *vault)
{
    return dr_vault_find(vault, 0);
}

enum dr_status dr_vault_open(struct dr_vault *vault, const struct dr_vault_config *config)
{
    const struct dr_flash_geometry *geometry = &config->flash->geometry;
    const uint32_t sector_bytes = geometry->sector_bytes;
    const struct dr_flash_area *area = &config->area;
    if (area->size_bytes < DR_VAULT_BANKS * sector_bytes ||
        (area->address | area->size_bytes) % sector_bytes != 0 ||
        area->address > geometry->size_bytes ||
        area->size_bytes > geometry->size_bytes - area->address ||
        geometry->program_unit_bytes > DR_VAULT_ALIGN_BYTES ||
        config->workspace_bytes < WORKSPACE_BYTES_MIN ||
        config->workspace_bytes % DR_VAULT_ALIGN_BYTES != 0) {
        return DR_E_ARGUMENT;
    }
    memset(vault, 0, sizeof *vault);
    vault->config = *config;
    const uint32_t bank_bytes = area->size_bytes / sector_bytes / DR_VAULT_BANKS * sector_bytes;
    for (uint32_t i = 0; i < DR_VAULT_BANKS; i++) {
        vault->banks[i].address = area->address + i * bank_bytes;
        vault->banks[i].size_bytes = bank_bytes;
    }
    DR_TRY(dr_vault_mount(vault));
    if (config->sealed) {
        /* Otherwise at the next open; until then they are read where they are. */
        DR_IGNORE(dr_vault_bundle_settle(vault) != DR_OK);
    }
    /* What it finds stands in health; files that are not anchored do not depend on it. */
    DR_IGNORE(dr_vault_anchor_check(vault));
    return DR_OK;
}

void dr_vault_wipe(struct dr_vault *vault)
{
    dr_wipe(vault, sizeof *vault);
}

/* Read the header of one copy; it is the entry's, or DR_E_CORRUPT. */
static enum dr_status copy_header(
    struct dr_vault *vault, const struct dr_vault_entry *entry, uint32_t bank,
    uint8_t header[DR_VAULT_HEADER_BYTES])
{
    struct dr_vault_record record;
    if (entry->offset[bank] == 0) {
        return DR_E_CORRUPT;
    }
    DR_TRY(dr_flash_read(
        vault->config.flash, vault->banks[bank].address + entry->offset[bank], header,
        DR_VAULT_HEADER_BYTES));
    bool same = dr_vault_header_decode(header, &record) && record.id == entry->id &&
                record.sequence == entry->sequence && record.size_bytes == entry->size_bytes;
    return same ? DR_OK : DR_E_CORRUPT;
}

enum dr_status dr_vault_entry_header(
    struct dr_vault *vault, const struct dr_vault_entry *entry,
    uint8_t header[DR_VAULT_HEADER_BYTES])
{
    enum dr_status status = DR_E_CORRUPT;
    for (uint32_t i = 0; i < DR_VAULT_BANKS && status != DR_OK; i++) {
        status = copy_header(vault, entry, i, header);
    }
    return status;
}

enum dr_status dr_vault_read_copy(
    struct dr_vault *vault, const struct dr_vault_entry *entry, uint32_t bank, uint8_t *out)
{
    uint8_t header[DR_VAULT_HEADER_BYTES];
    uint8_t tag[DR_GCM_TAG_BYTES];
    DR_TRY(copy_header(vault, entry, bank, header));
    uint32_t address = vault->banks[bank].address + entry->offset[bank] + DR_VAULT_HEADER_BYTES;
    DR_TRY(dr_flash_read(vault->config.flash, address, out, entry->size_bytes));
    DR_TRY(dr_flash_read(vault->config.flash, address + entry->size_bytes, tag, sizeof tag));
    return dr_vault_unseal(vault, header, out, entry->size_bytes, tag);
}

/* The entry of a file, or of its bundled version; NULL when there is none. */
static enum dr_status find_named(
    struct dr_vault *vault, enum dr_vault_class file_class, uint8_t flags,
    const uint8_t padded[DR_VAULT_NAME_BYTES_MAX], struct dr_vault_entry **ret_entry)
{
    uint8_t header[DR_VAULT_HEADER_BYTES];
    *ret_entry = dr_vault_find(vault, dr_vault_id((uint8_t)file_class, flags, padded));
    if (*ret_entry != NULL && dr_vault_entry_header(vault, *ret_entry, header) == DR_OK &&
        memcmp(header + DR_VAULT_AT_NAME, padded, DR_VAULT_NAME_BYTES_MAX) != 0) {
        return DR_E_EXISTS; /* another name with the same hash */
    }
    return DR_OK;
}

static bool is_live(const struct dr_vault_entry *entry)
{
    return entry != NULL && (entry->flags & DR_VAULT_FLAG_LIVE) != 0;
}

/* A file that the caller may see: *ret_entry is NULL when there is none. padded gets its name. What
 * came with the image that runs is seen instead of what was there before. */
static enum dr_status look_up(
    struct dr_vault *vault, const struct dr_vault_file *file,
    uint8_t padded[DR_VAULT_NAME_BYTES_MAX], struct dr_vault_entry **ret_entry)
{
    if ((unsigned)file->file_class >= DR_VAULT_CLASSES || (uint8_t)file->name[0] < 0x20u) {
        return DR_E_ARGUMENT;
    }
    DR_TRY(dr_vault_name_pad(file->name, padded));
    if (find_named(vault, file->file_class, DR_VAULT_FLAG_BUNDLE, padded, ret_entry) == DR_OK &&
        is_live(*ret_entry)) {
        return DR_OK;
    }
    return find_named(vault, file->file_class, 0, padded, ret_entry);
}

enum dr_status dr_vault_read(
    struct dr_vault *vault, const struct dr_vault_file *file, uint8_t *out, uint32_t capacity_bytes,
    uint32_t *ret_size_bytes)
{
    uint8_t padded[DR_VAULT_NAME_BYTES_MAX];
    struct dr_vault_entry *entry = NULL;
    enum dr_status status = look_up(vault, file, padded, &entry);
    if (status == DR_E_EXISTS ||
        (status == DR_OK && (entry == NULL || !vault->config.classes[file->file_class].present))) {
        return DR_E_NOT_FOUND;
    }
    DR_TRY(status);
    if ((entry->flags & DR_VAULT_FLAG_ANCHORED) != 0) {
        DR_TRY(dr_vault_anchor_check(vault));
    }
    *ret_size_bytes = entry->size_bytes;
    if (entry->size_bytes > capacity_bytes) {
        return DR_E_SPACE;
    }
    for (uint32_t i = 0; i < DR_VAULT_BANKS; i++) {
        status = dr_vault_read_copy(vault, entry, i, out);
        if (status == DR_OK) {
            return DR_OK;
        }
        vault->banks[i].complete = false; /* made anew before the next write */
        vault->health.degraded = true;
    }
    dr_wipe(out, entry->size_bytes);
    return status == DR_E_IO ? DR_E_IO : DR_E_CORRUPT;
}

/* Room for the record in every complete bank, after making whole what can be. Twice, because a bank
 * may turn out to be the one that needs help. */
enum dr_status dr_vault_make_room(struct dr_vault *vault, uint32_t record_bytes)
{
    enum dr_status status = DR_OK;
    for (uint32_t i = 0; i < 2u * DR_VAULT_BANKS; i++) {
        uint32_t bank = i % DR_VAULT_BANKS;
        const struct dr_vault_bank *self = &vault->banks[bank];
        bool full = record_bytes > self->size_bytes - self->used_bytes;
        if ((!self->complete || full) && vault->banks[1u - bank].complete) {
            status = dr_vault_bank_rebuild(vault, bank);
        }
    }
    vault->health.degraded = !vault->banks[0].complete || !vault->banks[1].complete;
    bool any = false;
    for (uint32_t i = 0; i < DR_VAULT_BANKS; i++) {
        const struct dr_vault_bank *bank = &vault->banks[i];
        if (bank->complete && record_bytes > bank->size_bytes - bank->used_bytes) {
            return DR_E_SPACE;
        }
        any = any || bank->complete;
    }
    return any ? DR_OK : status != DR_OK ? status : DR_E_IO;
}

/* Header in the workspace. The random part differs for every record ever sealed. */
static enum dr_status prepare(
    struct dr_vault *vault, struct dr_vault_record *record,
    const uint8_t padded[DR_VAULT_NAME_BYTES_MAX])
{
    uint8_t number[4];
    uint8_t random[DR_SHA256_BYTES];
    struct dr_writer writer;
    dr_writer_init(&writer, number, sizeof number);
    dr_write_u32(&writer, ++vault->attempts);
    const struct dr_bytes key = {vault->config.seed, sizeof vault->config.seed};
    const struct dr_bytes part = {number, sizeof number};
    dr_hmac_sha256(vault->config.crypto, key, &part, 1, random);

    bool anchored = (record->flags & DR_VAULT_FLAG_ANCHORED) != 0;
    uint8_t *header = vault->config.workspace;
    record->sequence = vault->sequence + 1u;
    record->epoch = vault->config.classes[record->file_class].epoch;
    record->generation = anchored ? vault->generation + 1u : 0;
    record->id = dr_vault_id(record->file_class, record->flags, padded);
    dr_vault_header_encode(record, padded, random, header);
    if (!anchored) {
        return DR_OK;
    }
    bool removal = (record->flags & DR_VAULT_FLAG_REMOVED) != 0;
    uint8_t set[DR_VAULT_SET_BYTES];
    DR_TRY(dr_vault_anchored_set(vault, record->id, removal ? NULL : header, set));
    memcpy(header + DR_VAULT_AT_SET, set, sizeof set);
    return DR_OK;
}

uint8_t dr_vault_entry_flags(const struct dr_vault *vault, const struct dr_vault_record *record)
{
    bool live = record->image != NULL &&
                memcmp(record->image, vault->config.image_digest, DR_SHA256_BYTES) == 0;
    return live ? record->flags | DR_VAULT_FLAG_LIVE : record->flags;
}

static void update_entries(
    struct dr_vault *vault, const struct dr_vault_record *record,
    const uint32_t offset[DR_VAULT_BANKS])
{
    struct dr_vault_entry fresh = {
        .id = record->id,
        .sequence = record->sequence,
        .offset = {offset[0], offset[1]},
        .size_bytes = (uint16_t)record->size_bytes,
        .file_class = record->file_class,
        .flags = dr_vault_entry_flags(vault, record),
    };
    struct dr_vault_entry *entry = dr_vault_find(vault, record->id);
    if ((record->flags & DR_VAULT_FLAG_ANCHORED) != 0) {
        vault->newest_anchored = fresh;
        vault->generation = record->generation;
    }
    if ((record->flags & DR_VAULT_FLAG_REMOVED) != 0) {
        if (entry != NULL) {
            memset(entry, 0, sizeof *entry);
        }
        return;
    }
    entry = entry != NULL ? entry : dr_vault_free_entry(vault);
    DR_CHECK(entry != NULL); /* looked for before anything was written */
    *entry = fresh;
}

enum dr_status dr_vault_write(
    struct dr_vault *vault, struct dr_vault_record *record,
    const uint8_t padded[DR_VAULT_NAME_BYTES_MAX], const uint8_t *data)
{
    const uint32_t record_bytes = dr_vault_record_bytes(record->size_bytes);
    const bool removal = (record->flags & DR_VAULT_FLAG_REMOVED) != 0;
    if (record_bytes > vault->config.workspace_bytes || vault->sequence >= SEQUENCE_MAX) {
        return DR_E_SPACE;
    }
    /* A vault that is full can still be tidied. */
    DR_TRY(dr_vault_make_room(vault, record_bytes + (removal ? 0 : dr_vault_record_bytes(0))));
    DR_TRY(prepare(vault, record, padded));
    DR_TRY(dr_vault_seal(vault, vault->config.workspace, data, record->size_bytes));
    uint32_t offset[DR_VAULT_BANKS] = {0};
    enum dr_status status = DR_E_IO;
    bool written = false;
    for (uint32_t i = 0; i < DR_VAULT_BANKS; i++) {
        if (vault->banks[i].complete) {
            status = dr_vault_bank_append(vault, i, record_bytes, record->sequence, &offset[i]);
            written = written || status == DR_OK;
        }
    }
    vault->health.degraded = !vault->banks[0].complete || !vault->banks[1].complete;
    if (!written) {
        return status;
    }
    vault->sequence = record->sequence;
    update_entries(vault, record, offset);
    return (record->flags & DR_VAULT_FLAG_ANCHORED) != 0 ? dr_vault_anchor_advance(vault) : DR_OK;
}

/* May this file be changed now? */
static enum dr_status check_change(
    struct dr_vault *vault, const struct dr_vault_file *file, const struct dr_vault_entry *entry,
    bool anchored)
{
    if (!vault->config.classes[file->file_class].present) {
        return DR_E_DENIED;
    }
    if (anchored && file->file_class != DR_VAULT_SYS) {
        return DR_E_ARGUMENT;
    }
    if (entry != NULL && anchored != ((entry->flags & DR_VAULT_FLAG_ANCHORED) != 0)) {
        return DR_E_STATE;
    }
    if (!anchored) {
        return DR_OK;
    }
    enum dr_status status = dr_vault_anchor_check(vault);
    if (status == DR_E_AUTH || !vault->config.sealed) {
        return DR_E_STATE;
    }
    return status;
}

enum dr_status dr_vault_replace(
    struct dr_vault *vault, const struct dr_vault_file *file, const uint8_t *data,
    uint32_t size_bytes)
{
    uint8_t padded[DR_VAULT_NAME_BYTES_MAX];
    struct dr_vault_entry *entry = NULL;
    if (size_bytes > DR_VAULT_DATA_BYTES_MAX) {
        return DR_E_SPACE;
    }
    DR_TRY(look_up(vault, file, padded, &entry));
    DR_TRY(check_change(vault, file, entry, file->anchored));
    if (entry == NULL && dr_vault_free_entry(vault) == NULL) {
        return DR_E_SPACE;
    }
    if (is_live(entry)) { /* on trial: what was there before is still needed */
        return dr_vault_bundle_put(vault, vault->config.image_digest, file, data, size_bytes);
    }
    struct dr_vault_record record = {
        .file_class = (uint8_t)file->file_class,
        .flags = file->anchored ? DR_VAULT_FLAG_ANCHORED : 0,
        .size_bytes = size_bytes,
    };
    return dr_vault_write(vault, &record, padded, data);
}

enum dr_status dr_vault_remove(struct dr_vault *vault, const struct dr_vault_file *file)
{
    uint8_t padded[DR_VAULT_NAME_BYTES_MAX];
    struct dr_vault_entry *entry = NULL;
    enum dr_status status = look_up(vault, file, padded, &entry);
    if (status == DR_E_EXISTS || (status == DR_OK && entry == NULL)) {
        return DR_E_NOT_FOUND;
    }
    DR_TRY(status);
    if (is_live(entry)) {
        return DR_E_STATE;
    }
    const uint8_t anchored = entry->flags & DR_VAULT_FLAG_ANCHORED;
    DR_TRY(check_change(vault, file, entry, anchored != 0));
    struct dr_vault_record record = {
        .file_class = (uint8_t)file->file_class,
        .flags = (uint8_t)(anchored | DR_VAULT_FLAG_REMOVED),
    };
    return dr_vault_write(vault, &record, padded, NULL);
}

/* Not what waits for another image, nor what is hidden while this one runs. */
static bool is_seen(
    struct dr_vault *vault, const struct dr_vault_entry *entry,
    const uint8_t padded[DR_VAULT_NAME_BYTES_MAX])
{
    struct dr_vault_entry *bundled = NULL;
    if ((entry->flags & DR_VAULT_FLAG_BUNDLE) != 0) {
        return is_live(entry);
    }
    enum dr_vault_class file_class = (enum dr_vault_class)entry->file_class;
    return find_named(vault, file_class, DR_VAULT_FLAG_BUNDLE, padded, &bundled) != DR_OK ||
           !is_live(bundled);
}

enum dr_status
dr_vault_list(struct dr_vault *vault, uint32_t *cursor, struct dr_vault_info *ret_info)
{
    uint8_t header[DR_VAULT_HEADER_BYTES];
    while (*cursor < DR_VAULT_FILES_MAX) {
        const struct dr_vault_entry *entry = &vault->entries[(*cursor)++];
        if (entry->id == 0 || !vault->config.classes[entry->file_class].present ||
            dr_vault_entry_header(vault, entry, header) != DR_OK ||
            !is_seen(vault, entry, header + DR_VAULT_AT_NAME)) {
            continue;
        }
        memset(ret_info, 0, sizeof *ret_info);
        memcpy(ret_info->name, header + DR_VAULT_AT_NAME, DR_VAULT_NAME_BYTES_MAX);
        ret_info->file_class = (enum dr_vault_class)entry->file_class;
        ret_info->size_bytes = entry->size_bytes;
        ret_info->version = entry->sequence;
        ret_info->anchored = (entry->flags & DR_VAULT_FLAG_ANCHORED) != 0;
        return DR_OK;
    }
    return DR_E_NOT_FOUND;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/secret.h"
#include "device/vault/vault_priv.h"

#include <string.h>

enum dr_status dr_vault_bundle_put(
    struct dr_vault *vault, const uint8_t image_digest[DR_SHA256_BYTES],
    const struct dr_vault_file *file, const uint8_t *data, uint32_t size_bytes)
{
    uint8_t padded[DR_VAULT_NAME_BYTES_MAX];
    uint8_t header[DR_VAULT_HEADER_BYTES];
    struct dr_vault_record record = {
        .file_class = (uint8_t)file->file_class,
        .flags = DR_VAULT_FLAG_BUNDLE,
        .size_bytes = size_bytes,
        .image = image_digest,
    };
    if (file->file_class != DR_VAULT_LINK || file->anchored || (uint8_t)file->name[0] < 0x20u) {
        return DR_E_ARGUMENT;
    }
    if (size_bytes > DR_VAULT_BUNDLE_BYTES_MAX) {
        return DR_E_SPACE;
    }
    if (!vault->config.classes[DR_VAULT_LINK].present) {
        return DR_E_DENIED;
    }
    DR_TRY(dr_vault_name_pad(file->name, padded));
    const struct dr_vault_entry *entry =
        dr_vault_find(vault, dr_vault_id(record.file_class, record.flags, padded));
    if (entry == NULL) {
        return dr_vault_free_entry(vault) != NULL ? dr_vault_write(vault, &record, padded, data)
                                                  : DR_E_SPACE;
    }
    if (dr_vault_entry_header(vault, entry, header) == DR_OK &&
        memcmp(header + DR_VAULT_AT_NAME, padded, sizeof padded) != 0) {
        return DR_E_EXISTS; /* another name with the same hash */
    }
    return dr_vault_write(vault, &record, padded, data);
}

/* The bundled version becomes the file. One that cannot be read any more is not missed. */
static enum dr_status
settle(struct dr_vault *vault, const struct dr_vault_entry *entry, const uint8_t *padded)
{
    uint8_t data[DR_VAULT_BUNDLE_BYTES_MAX];
    struct dr_vault_record record = {
        .file_class = entry->file_class, .size_bytes = entry->size_bytes};
    const uint32_t id = dr_vault_id(record.file_class, 0, padded);
    if (entry->size_bytes > sizeof data) {
        return DR_OK;
    }
    if (dr_vault_find(vault, id) == NULL && dr_vault_free_entry(vault) == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = DR_E_CORRUPT;
    for (uint32_t i = 0; i < DR_VAULT_BANKS && status != DR_OK; i++) {
        status = dr_vault_read_copy(vault, entry, i, data);
    }
    if (status == DR_OK) {
        status = dr_vault_write(vault, &record, padded, data);
    } else {
        status = status == DR_E_IO ? DR_E_IO : DR_OK;
    }
    dr_wipe(data, sizeof data);
    return status;
}

/* Both copies of its header are damaged: its name is gone, and nothing can be said about it. */
static enum dr_status end_bundled(struct dr_vault *vault, const struct dr_vault_entry *entry)
{
    uint8_t header[DR_VAULT_HEADER_BYTES];
    uint8_t padded[DR_VAULT_NAME_BYTES_MAX];
    if (dr_vault_entry_header(vault, entry, header) != DR_OK) {
        return DR_OK;
    }
    memcpy(padded, header + DR_VAULT_AT_NAME, sizeof padded);
    if ((entry->flags & DR_VAULT_FLAG_LIVE) != 0) {
        DR_TRY(settle(vault, entry, padded));
    }
    struct dr_vault_record removal = {
        .file_class = entry->file_class,
        .flags = DR_VAULT_FLAG_BUNDLE | DR_VAULT_FLAG_REMOVED,
        .image = header + DR_VAULT_AT_IMAGE,
    };
    return dr_vault_write(vault, &removal, padded, NULL);
}

/* All whose flags hold these. */
static enum dr_status end_all(struct dr_vault *vault, uint8_t flags)
{
    for (uint32_t i = 0; i < DR_VAULT_FILES_MAX; i++) {
        const struct dr_vault_entry *entry = &vault->entries[i];
        if (entry->id != 0 && (entry->flags & flags) == flags) {
            DR_TRY(end_bundled(vault, entry));
        }
    }
    return DR_OK;
}

enum dr_status dr_vault_bundle_settle(struct dr_vault *vault)
{
    return vault->config.classes[DR_VAULT_LINK].present
               ? end_all(vault, DR_VAULT_FLAG_BUNDLE | DR_VAULT_FLAG_LIVE)
               : DR_OK;
}

enum dr_status dr_vault_bundle_drop(struct dr_vault *vault)
{
    for (uint32_t i = 0; i < DR_VAULT_FILES_MAX && !vault->config.sealed; i++) {
        if (vault->entries[i].id != 0 && (vault->entries[i].flags & DR_VAULT_FLAG_LIVE) != 0) {
            return DR_E_STATE;
        }
    }
    return vault->config.classes[DR_VAULT_LINK].present ? end_all(vault, DR_VAULT_FLAG_BUNDLE)
                                                        : DR_OK;
}

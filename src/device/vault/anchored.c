/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Anchored files: the newest anchored version carries the vault generation and a digest of all
 * anchored files, so neither the whole set nor one file of it can be put back unnoticed. */
#include "base/check.h"
#include "base/secret.h"
#include "device/vault/vault_priv.h"

#include <string.h>

static const struct dr_vault_entry *
next_anchored(const struct dr_vault *vault, uint32_t after_id, uint32_t except_id)
{
    const struct dr_vault_entry *next = NULL;
    for (uint32_t i = 0; i < DR_VAULT_FILES_MAX; i++) {
        const struct dr_vault_entry *entry = &vault->entries[i];
        if (entry->id > after_id && entry->id != except_id &&
            (entry->flags & DR_VAULT_FLAG_ANCHORED) != 0 &&
            (next == NULL || entry->id < next->id)) {
            next = entry;
        }
    }
    return next;
}

enum dr_status dr_vault_anchored_set(
    struct dr_vault *vault, uint32_t id, const uint8_t *header, uint8_t set[DR_VAULT_SET_BYTES])
{
    const struct dr_crypto *crypto = vault->config.crypto;
    struct dr_sha256 sha;
    uint8_t digest[DR_SHA256_BYTES];
    uint8_t stored[DR_VAULT_HEADER_BYTES];
    crypto->sha256_begin(&sha);
    uint32_t last = 0;
    bool own_due = header != NULL;
    for (uint32_t i = 0; i <= DR_VAULT_FILES_MAX; i++) { /* in the order of the ids */
        const struct dr_vault_entry *entry = next_anchored(vault, last, id);
        if (own_due && (entry == NULL || id < entry->id)) {
            crypto->sha256_update(&sha, header, DR_VAULT_AT_SET);
            own_due = false;
        }
        if (entry == NULL) {
            break;
        }
        DR_TRY(dr_vault_entry_header(vault, entry, stored));
        crypto->sha256_update(&sha, stored, DR_VAULT_AT_SET);
        last = entry->id;
    }
    crypto->sha256_finish(&sha, digest);
    memcpy(set, digest, DR_VAULT_SET_BYTES);
    return DR_OK;
}

/* The newest anchored version is genuine, and the set it vouches for is the one that is there. */
static enum dr_status check_set(struct dr_vault *vault)
{
    uint8_t header[DR_VAULT_HEADER_BYTES];
    uint8_t set[DR_VAULT_SET_BYTES];
    const struct dr_vault_entry *newest = &vault->newest_anchored;
    DR_TRY(dr_vault_anchored_set(vault, 0, NULL, set));
    if (newest->id == 0) {
        return next_anchored(vault, 0, 0) == NULL ? DR_OK : DR_E_AUTH;
    }
    DR_TRY(dr_vault_entry_header(vault, newest, header));
    if (!dr_equal_ct(set, header + DR_VAULT_AT_SET, sizeof set)) {
        return DR_E_AUTH;
    }
    if (newest->size_bytes > vault->config.workspace_bytes) {
        return DR_E_SPACE;
    }
    enum dr_status status = DR_E_CORRUPT;
    for (uint32_t i = 0; i < DR_VAULT_BANKS && status != DR_OK; i++) {
        status = dr_vault_read_copy(vault, newest, i, vault->config.workspace);
    }
    dr_wipe(vault->config.workspace, newest->size_bytes);
    return status;
}

enum dr_status dr_vault_anchor_advance(struct dr_vault *vault)
{
    enum dr_status status = dr_anchor_advance(
        vault->config.anchor, DR_ANCHOR_COUNTER_VAULT, vault->generation - 1u, vault->generation,
        NULL);
    vault->health.anchor_error = status != DR_OK;
    vault->anchor_checked = status == DR_OK;
    return status;
}

enum dr_status dr_vault_anchor_check(struct dr_vault *vault)
{
    struct dr_anchor_status anchor;
    if (vault->config.anchor == NULL || !vault->config.classes[DR_VAULT_SYS].present) {
        return DR_E_DENIED;
    }
    if (vault->health.replayed) {
        return DR_E_AUTH;
    }
    if (vault->anchor_checked) {
        return DR_OK;
    }
    enum dr_status status = dr_anchor_status(vault->config.anchor, &anchor);
    vault->health.anchor_error = status != DR_OK;
    DR_TRY(status);
    uint32_t generation = anchor.counters[DR_ANCHOR_COUNTER_VAULT];
    bool fits = vault->generation == generation || vault->generation == generation + 1u;
    if (!fits || check_set(vault) != DR_OK) {
        vault->health.replayed = true;
        return DR_E_AUTH;
    }
    if (vault->generation != generation) { /* a cut came between the write and the anchor */
        return dr_vault_anchor_advance(vault);
    }
    vault->anchor_checked = true;
    return DR_OK;
}

/* Reserved: no caller can name it, since a name has no control characters. */
static const char loss_name[] = "\x01loss";

enum dr_status dr_vault_accept_loss(struct dr_vault *vault)
{
    uint8_t padded[DR_VAULT_NAME_BYTES_MAX];
    uint8_t header[DR_VAULT_HEADER_BYTES];
    struct dr_anchor_status anchor;
    if (!vault->health.replayed || !vault->config.sealed) {
        return DR_E_STATE;
    }
    DR_TRY(dr_anchor_status(vault->config.anchor, &anchor));
    for (uint32_t i = 0; i < DR_VAULT_FILES_MAX; i++) {
        const struct dr_vault_entry *entry = &vault->entries[i];
        if (entry->id == 0 || (entry->flags & DR_VAULT_FLAG_ANCHORED) == 0) {
            continue;
        }
        /* Not an anchored removal: until the last step the set stays refused. */
        struct dr_vault_record removal = {
            .file_class = entry->file_class, .flags = DR_VAULT_FLAG_REMOVED, .id = entry->id};
        DR_TRY(dr_vault_entry_header(vault, entry, header));
        memcpy(padded, header + DR_VAULT_AT_NAME, sizeof padded);
        DR_TRY(dr_vault_write(vault, &removal, padded, NULL));
    }
    vault->generation = anchor.counters[DR_ANCHOR_COUNTER_VAULT];
    vault->health.replayed = false;
    DR_TRY(dr_vault_name_pad(loss_name, padded));
    struct dr_vault_record last = {
        .file_class = DR_VAULT_SYS,
        .flags = DR_VAULT_FLAG_ANCHORED | DR_VAULT_FLAG_REMOVED,
        .id = dr_vault_id(DR_VAULT_SYS, 0, padded),
    };
    enum dr_status status = dr_vault_write(vault, &last, padded, NULL);
    vault->health.replayed = status != DR_OK && status != DR_E_TIMEOUT;
    return status;
}

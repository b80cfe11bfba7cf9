/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the files of this room share beside banks and records. */
#ifndef DR_DEVICE_VAULT_VAULT_PRIV_H
#define DR_DEVICE_VAULT_VAULT_PRIV_H

#include "device/vault/bank_priv.h"
#include "device/vault/record_priv.h"
#include "device/vault/vault.h"

#include <stdbool.h>
#include <stdint.h>

/* NULL: no such entry. */
struct dr_vault_entry *dr_vault_find(struct dr_vault *vault, uint32_t id);

/* An unused entry; NULL: none is left. */
struct dr_vault_entry *dr_vault_free_entry(struct dr_vault *vault);

/* The header of an entry's copy in either bank. DR_E_CORRUPT: neither is sound. */
DR_MUST_USE enum dr_status dr_vault_entry_header(
    struct dr_vault *vault, const struct dr_vault_entry *entry,
    uint8_t header[DR_VAULT_HEADER_BYTES]);

/* Read and decrypt one copy of an entry into out, which holds entry->size_bytes. */
DR_MUST_USE enum dr_status dr_vault_read_copy(
    struct dr_vault *vault, const struct dr_vault_entry *entry, uint32_t bank, uint8_t *out);

/* Make both banks complete and leave room for a record. DR_E_SPACE, DR_E_IO. */
DR_MUST_USE enum dr_status dr_vault_make_room(struct dr_vault *vault, uint32_t record_bytes);

/* Write one version and update the entries. record: class, flags and size are set. Anchored:
 * generation and set are filled in, and the anchor is advanced afterwards. */
DR_MUST_USE enum dr_status dr_vault_write(
    struct dr_vault *vault, struct dr_vault_record *record,
    const uint8_t padded[DR_VAULT_NAME_BYTES_MAX], const uint8_t *data);

/* What an entry for this record remembers of it: its flags, and whether its image runs. */
uint8_t dr_vault_entry_flags(const struct dr_vault *vault, const struct dr_vault_record *record);

/* bundle.c: bundled versions of the sealed image that runs become the files themselves. */
DR_MUST_USE enum dr_status dr_vault_bundle_settle(struct dr_vault *vault);

/* Load what the banks hold and repair them. */
DR_MUST_USE enum dr_status dr_vault_mount(struct dr_vault *vault);

/* Anchored files may be used: compares them with the anchor the first time. DR_E_DENIED: not in
 * this mode. DR_E_AUTH: replayed. Others: the anchor did not answer. */
DR_MUST_USE enum dr_status dr_vault_anchor_check(struct dr_vault *vault);

/* Digest of all anchored files, with `header` in place of (or beside) the entry of id; header NULL:
 * without it. */
DR_MUST_USE enum dr_status dr_vault_anchored_set(
    struct dr_vault *vault, uint32_t id, const uint8_t *header, uint8_t set[DR_VAULT_SET_BYTES]);

/* The anchor's vault generation from vault->generation - 1 to vault->generation. */
DR_MUST_USE enum dr_status dr_vault_anchor_advance(struct dr_vault *vault);

#endif

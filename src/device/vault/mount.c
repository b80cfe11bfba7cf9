/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* From two banks, after whatever happened, to one list of files and two complete banks. */
#include "base/check.h"
#include "device/vault/vault_priv.h"

#include <string.h>

#define KNOWN_FLAGS (DR_VAULT_FLAG_ANCHORED | DR_VAULT_FLAG_REMOVED | DR_VAULT_FLAG_BUNDLE)
#define NEVER_BOTH (DR_VAULT_FLAG_ANCHORED | DR_VAULT_FLAG_BUNDLE)

/* A removal carries nothing but its tag. */
static bool removal_genuine(struct dr_vault *vault, const struct dr_vault_found *found)
{
    uint8_t tag[DR_GCM_TAG_BYTES];
    uint8_t nothing = 0;
    if (!vault->config.classes[found->record.file_class].present) {
        return true; /* cannot be told; the content it hides could not be read either */
    }
    return found->record.size_bytes == 0 &&
           dr_flash_read(
               vault->config.flash,
               vault->banks[found->bank].address + found->offset + DR_VAULT_HEADER_BYTES, tag,
               sizeof tag) == DR_OK &&
           dr_vault_unseal(vault, found->header, &nothing, 0, tag) == DR_OK;
}

/* Entries of removals are kept while loading and may make way then, the oldest first. */
static struct dr_vault_entry *entry_for(struct dr_vault *vault, uint32_t id)
{
    struct dr_vault_entry *entry = dr_vault_find(vault, id);
    if (entry == NULL) {
        entry = dr_vault_free_entry(vault);
    }
    for (uint32_t i = 0; entry == NULL && i < DR_VAULT_FILES_MAX; i++) {
        if ((vault->entries[i].flags & DR_VAULT_FLAG_REMOVED) != 0) {
            entry = &vault->entries[i];
        }
    }
    return entry;
}

static void take_over(
    const struct dr_vault *vault, struct dr_vault_entry *entry, const struct dr_vault_found *found)
{
    *entry = (struct dr_vault_entry){
        .id = found->record.id,
        .sequence = found->record.sequence,
        .size_bytes = (uint16_t)found->record.size_bytes,
        .file_class = found->record.file_class,
        .flags = dr_vault_entry_flags(vault, &found->record),
    };
    entry->offset[found->bank] = found->offset;
}

/* Newest wins; the same version in the other bank is its copy. Where one bank decides, older
 * versions in the other one were superseded or removed. */
static void load_record(struct dr_vault *vault, const struct dr_vault_found *found)
{
    const struct dr_vault_record *record = &found->record;
    if (record->sequence > vault->sequence) {
        vault->sequence = record->sequence;
    }
    if (record->file_class >= DR_VAULT_CLASSES || (record->flags & ~KNOWN_FLAGS) != 0 ||
        (record->flags & NEVER_BOTH) == NEVER_BOTH ||
        record->epoch != vault->config.classes[record->file_class].epoch) {
        return;
    }
    bool removal = (record->flags & DR_VAULT_FLAG_REMOVED) != 0;
    if (removal && !removal_genuine(vault, found)) {
        return;
    }
    bool counts = vault->load_bank == DR_VAULT_BANKS || vault->load_bank == found->bank ||
                  record->sequence > vault->load_after;
    struct dr_vault_entry *anchored = &vault->newest_anchored;
    if ((record->flags & DR_VAULT_FLAG_ANCHORED) != 0) {
        if (anchored->id == record->id && anchored->sequence == record->sequence) {
            anchored->offset[found->bank] = found->offset;
        } else if (counts && record->sequence > anchored->sequence) {
            take_over(vault, anchored, found);
            vault->generation = record->generation;
        }
    }
    struct dr_vault_entry *entry = entry_for(vault, record->id);
    if (entry == NULL) {
        vault->health.damaged = true; /* more names than can have been written */
    } else if (entry->id == record->id && entry->sequence == record->sequence) {
        entry->offset[found->bank] = found->offset;
    } else if (counts && (entry->id != record->id || record->sequence > entry->sequence)) {
        take_over(vault, entry, found);
    }
}

static void forget_removals(struct dr_vault *vault)
{
    for (uint32_t i = 0; i < DR_VAULT_FILES_MAX; i++) {
        if ((vault->entries[i].flags & DR_VAULT_FLAG_REMOVED) != 0) {
            memset(&vault->entries[i], 0, sizeof vault->entries[i]);
        }
    }
}

/* The complete bank that is ahead decides: every version is in it before it counts. */
static uint32_t deciding_bank(const struct dr_vault *vault)
{
    const struct dr_vault_bank *banks = vault->banks;
    if (banks[0].complete && banks[1].complete) {
        return banks[1].last_sequence > banks[0].last_sequence ? 1 : 0;
    }
    return banks[0].complete ? 0 : banks[1].complete ? 1 : DR_VAULT_BANKS;
}

static enum dr_status load(struct dr_vault *vault)
{
    const uint32_t first = vault->load_bank < DR_VAULT_BANKS ? vault->load_bank : 0;
    vault->load_after = vault->banks[first].last_sequence;
    for (uint32_t i = 0; i < DR_VAULT_BANKS; i++) {
        uint32_t bank = i == 0 ? first : 1u - first;
        if (!vault->banks[bank].valid) {
            continue;
        }
        if (vault->banks[bank].last_sequence > vault->sequence) {
            vault->sequence = vault->banks[bank].last_sequence;
        }
        DR_TRY(dr_vault_bank_walk(vault, bank, load_record));
    }
    forget_removals(vault);
    return DR_OK;
}

static void set_copy(struct dr_vault *vault, uint32_t sequence, uint32_t bank, uint32_t offset)
{
    for (uint32_t i = 0; i < DR_VAULT_FILES_MAX; i++) {
        if (vault->entries[i].id != 0 && vault->entries[i].sequence == sequence) {
            vault->entries[i].offset[bank] = offset;
        }
    }
    if (vault->newest_anchored.sequence == sequence) {
        vault->newest_anchored.offset[bank] = offset;
    }
}

/* A cut between the two copies of the last version: the second one is made now. */
static bool catch_up(struct dr_vault *vault, uint32_t ahead)
{
    const struct dr_vault_bank *from = &vault->banks[ahead];
    const struct dr_vault_bank *to = &vault->banks[1u - ahead];
    if (!to->complete || from->last_offset == 0 || to->last_sequence + 1u != from->last_sequence) {
        return false;
    }
    uint32_t offset = 0;
    if (dr_vault_bank_copy(vault, 1u - ahead, from->last_offset, from->last_sequence, &offset) !=
        DR_OK) {
        return false;
    }
    set_copy(vault, from->last_sequence, 1u - ahead, offset);
    return true;
}

static bool has_sole_copies(const struct dr_vault *vault, uint32_t bank)
{
    for (uint32_t i = 0; i < DR_VAULT_FILES_MAX; i++) {
        const struct dr_vault_entry *entry = &vault->entries[i];
        if (entry->id != 0 && entry->offset[bank] != 0 && entry->offset[1u - bank] == 0) {
            return true;
        }
    }
    const struct dr_vault_entry *anchored = &vault->newest_anchored;
    return anchored->id != 0 && anchored->offset[bank] != 0 && anchored->offset[1u - bank] == 0;
}

/* Give bank 1 everything that only bank 0 has. */
static enum dr_status gather(struct dr_vault *vault)
{
    for (uint32_t i = 0; i <= DR_VAULT_FILES_MAX; i++) {
        struct dr_vault_entry *entry =
            i < DR_VAULT_FILES_MAX ? &vault->entries[i] : &vault->newest_anchored;
        if (entry->id != 0 && entry->offset[1] == 0) {
            uint32_t offset = 0;
            uint32_t sequence = entry->sequence;
            DR_TRY(dr_vault_bank_copy(vault, 1, entry->offset[0], sequence, &offset));
            set_copy(vault, sequence, 1, offset);
        }
    }
    return DR_OK;
}

/* No bank is complete: bring all that is left into one, then make the other from it, then it. */
static enum dr_status salvage(struct dr_vault *vault)
{
    if (has_sole_copies(vault, 0) && has_sole_copies(vault, 1)) {
        DR_TRY(gather(vault));
    }
    uint32_t first = has_sole_copies(vault, 0) ? 1 : 0;
    enum dr_status status = dr_vault_bank_rebuild(vault, first);
    if (status != DR_OK && has_sole_copies(vault, 1u - first)) {
        return status; /* the other bank is all there is: leave it alone */
    }
    DR_TRY(dr_vault_bank_rebuild(vault, 1u - first));
    return status == DR_OK ? DR_OK : dr_vault_bank_rebuild(vault, first);
}

static enum dr_status repair(struct dr_vault *vault)
{
    const uint32_t decides = vault->load_bank;
    if (decides == DR_VAULT_BANKS) {
        return salvage(vault);
    }
    const uint32_t other = 1u - decides;
    if (has_sole_copies(vault, other)) { /* newer than the complete bank: two faults met */
        vault->health.damaged = true;
        vault->banks[decides].complete = false;
        return salvage(vault);
    }
    if (vault->banks[other].complete &&
        vault->banks[other].last_sequence == vault->banks[decides].last_sequence) {
        return DR_OK;
    }
    return catch_up(vault, decides) ? DR_OK : dr_vault_bank_rebuild(vault, other);
}

static bool ends_torn(const struct dr_vault_bank *bank)
{
    return bank->valid && bank->sound_bytes < bank->used_bytes;
}

/* A cut leaves one torn end, in the bank that was being written; the other bank is sound. Anything
 * worse is two faults, and a version may be lost that nobody can name. */
static bool beyond_one_fault(const struct dr_vault *vault)
{
    const struct dr_vault_bank *banks = vault->banks;
    return (vault->load_bank == DR_VAULT_BANKS && (banks[0].valid || banks[1].valid)) ||
           (ends_torn(&banks[0]) && ends_torn(&banks[1]));
}

enum dr_status dr_vault_mount(struct dr_vault *vault)
{
    bool readable = false;
    for (uint32_t i = 0; i < DR_VAULT_BANKS; i++) {
        enum dr_status status = dr_vault_bank_scan(vault, i);
        if (status != DR_OK) {
            vault->banks[i].valid = false;
            vault->banks[i].complete = false;
        }
        readable = readable || status == DR_OK;
    }
    if (!readable) {
        return DR_E_IO;
    }
    vault->load_bank = deciding_bank(vault);
    vault->health.damaged = beyond_one_fault(vault);
    DR_TRY(load(vault));
    enum dr_status status = repair(vault);
    vault->health.degraded = !vault->banks[0].complete || !vault->banks[1].complete;
    bool usable = vault->banks[0].valid || vault->banks[1].valid;
    return usable ? DR_OK : status != DR_OK ? status : DR_E_IO;
}

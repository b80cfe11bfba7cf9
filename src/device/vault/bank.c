/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/vault/bank_priv.h"

#include "base/check.h"
#include "base/crc32.h"
#include "base/cursor.h"

#include <string.h>

#define BANK_MAGIC 0x42565244u /* "DRVB" */
#define BANK_VERSION 1u
#define CRC_BYTES 4u
#define COMPARE_BYTES 64u

DR_STATIC_ASSERT(DR_VAULT_BANK_HEADER_BYTES % DR_VAULT_ALIGN_BYTES == 0, "records stay aligned");
DR_STATIC_ASSERT(DR_VAULT_HEADER_BYTES % DR_VAULT_ALIGN_BYTES == 0, "records stay aligned");

static const struct dr_flash *flash_of(const struct dr_vault *vault)
{
    return vault->config.flash;
}

static enum dr_status bank_read(
    const struct dr_vault *vault, uint32_t bank, uint32_t offset, uint8_t *out, uint32_t size_bytes)
{
    return dr_flash_read(flash_of(vault), vault->banks[bank].address + offset, out, size_bytes);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The end of the last part that is not erased. */
static enum dr_status find_end(struct dr_vault *vault, uint32_t bank)
{
    const uint8_t erased = flash_of(vault)->geometry.erased_value;
    uint8_t *buffer = vault->config.workspace;
    uint32_t end = vault->banks[bank].size_bytes;
    while (end > 0) { /* bound: one part per round */
        uint32_t part = smaller(end, vault->config.workspace_bytes);
        DR_TRY(bank_read(vault, bank, end - part, buffer, part));
        uint32_t used = part;
        while (used > 0 && buffer[used - 1u] == erased) {
            used--;
        }
        end = end - part + used;
        if (used > 0) {
            break;
        }
    }
    vault->banks[bank].used_bytes =
        (end + DR_VAULT_ALIGN_BYTES - 1u) / DR_VAULT_ALIGN_BYTES * DR_VAULT_ALIGN_BYTES;
    return DR_OK;
}

/* Header and body CRC fit? Fills found. */
static enum dr_status check_record(
    struct dr_vault *vault, struct dr_vault_found *found, uint8_t header[DR_VAULT_HEADER_BYTES],
    bool *ret_whole)
{
    const struct dr_vault_bank *bank = &vault->banks[found->bank];
    *ret_whole = false;
    if (found->offset > bank->size_bytes - DR_VAULT_HEADER_BYTES) {
        return DR_OK;
    }
    DR_TRY(bank_read(vault, found->bank, found->offset, header, DR_VAULT_HEADER_BYTES));
    if (!dr_vault_header_decode(header, &found->record) ||
        dr_vault_record_bytes(found->record.size_bytes) > bank->size_bytes - found->offset) {
        return DR_OK;
    }
    uint32_t at = found->offset + DR_VAULT_HEADER_BYTES;
    uint32_t left = found->record.size_bytes + DR_GCM_TAG_BYTES;
    uint32_t crc = 0;
    while (left > 0) { /* bound: one part per round */
        uint32_t part = smaller(left, vault->config.workspace_bytes);
        DR_TRY(bank_read(vault, found->bank, at, vault->config.workspace, part));
        crc = dr_crc32(crc, vault->config.workspace, part);
        at += part;
        left -= part;
    }
    *ret_whole = crc == found->record.body_crc;
    return DR_OK;
}

enum dr_status dr_vault_bank_walk(struct dr_vault *vault, uint32_t bank, dr_vault_visit visit)
{
    uint8_t header[DR_VAULT_HEADER_BYTES];
    struct dr_vault_found found = {
        .bank = bank, .offset = DR_VAULT_BANK_HEADER_BYTES, .header = header};
    while (found.offset < vault->banks[bank].used_bytes) { /* bound: the bank */
        bool whole = false;
        DR_TRY(check_record(vault, &found, header, &whole));
        if (whole) {
            visit(vault, &found);
            found.offset += dr_vault_record_bytes(found.record.size_bytes);
        } else {
            found.offset += DR_VAULT_ALIGN_BYTES; /* torn or damaged: look for the next one */
        }
    }
    return DR_OK;
}

struct bank_header {
    uint32_t through;
    uint32_t count;
};

static enum dr_status
read_header(struct dr_vault *vault, uint32_t bank, struct bank_header *ret_header)
{
    uint8_t bytes[DR_VAULT_BANK_HEADER_BYTES];
    struct dr_reader reader;
    DR_TRY(bank_read(vault, bank, 0, bytes, sizeof bytes));
    dr_reader_init(&reader, bytes, sizeof bytes);
    bool valid = dr_read_u32(&reader) == BANK_MAGIC;
    valid = dr_read_u32(&reader) == BANK_VERSION && valid;
    ret_header->through = dr_read_u32(&reader);
    ret_header->count = dr_read_u32(&reader);
    valid = dr_read_u32(&reader) == flash_of(vault)->geometry.sector_bytes && valid;
    struct dr_reader end;
    dr_reader_init(&end, bytes + sizeof bytes - CRC_BYTES, CRC_BYTES);
    valid = dr_read_u32(&end) == dr_crc32(0, bytes, sizeof bytes - CRC_BYTES) && valid;
    return valid ? DR_OK : DR_E_NOT_FOUND;
}

/* The snapshot first; then versions without a gap. */
static void scan_record(struct dr_vault *vault, const struct dr_vault_found *found)
{
    struct dr_vault_bank *bank = &vault->banks[found->bank];
    bank->sound_bytes = found->offset + dr_vault_record_bytes(found->record.size_bytes);
    if (found->record.sequence <= bank->last_sequence && bank->last_offset == 0) {
        bank->snapshot_left--;
        return;
    }
    bank->complete = bank->complete && found->record.sequence == bank->last_sequence + 1u;
    if (found->record.sequence > bank->last_sequence) {
        bank->last_sequence = found->record.sequence;
        bank->last_offset = found->offset;
    }
}

enum dr_status dr_vault_bank_scan(struct dr_vault *vault, uint32_t bank_index)
{
    struct dr_vault_bank *bank = &vault->banks[bank_index];
    struct bank_header header;
    bank->valid = false;
    bank->complete = false;
    bank->last_sequence = 0;
    bank->last_offset = 0;
    bank->sound_bytes = DR_VAULT_BANK_HEADER_BYTES;
    DR_TRY(find_end(vault, bank_index));
    enum dr_status status = read_header(vault, bank_index, &header);
    if (status == DR_E_NOT_FOUND) {
        return DR_OK;
    }
    DR_TRY(status);
    bank->valid = true;
    bank->complete = true;
    bank->last_sequence = header.through;
    bank->snapshot_left = header.count;
    status = dr_vault_bank_walk(vault, bank_index, scan_record);
    bank->complete = bank->complete && status == DR_OK && bank->snapshot_left == 0;
    return status;
}

static enum dr_status
same_as_workspace(const struct dr_vault *vault, uint32_t address, uint32_t size_bytes)
{
    uint8_t part[COMPARE_BYTES];
    for (uint32_t done = 0; done < size_bytes;) { /* bound: one part per round */
        uint32_t count = smaller(size_bytes - done, sizeof part);
        DR_TRY(dr_flash_read(flash_of(vault), address + done, part, count));
        if (memcmp(part, vault->config.workspace + done, count) != 0) {
            return DR_E_IO;
        }
        done += count;
    }
    return DR_OK;
}

/* Program size_bytes of the workspace at the bank's end and read them back. */
static enum dr_status put(struct dr_vault *vault, uint32_t bank_index, uint32_t size_bytes)
{
    struct dr_vault_bank *bank = &vault->banks[bank_index];
    uint32_t address = bank->address + bank->used_bytes;
    bank->used_bytes += size_bytes; /* whatever comes of it: this place has been used */
    DR_TRY(dr_flash_program(flash_of(vault), address, vault->config.workspace, size_bytes));
    return same_as_workspace(vault, address, size_bytes);
}

enum dr_status dr_vault_bank_append(
    struct dr_vault *vault, uint32_t bank_index, uint32_t record_bytes, uint32_t sequence,
    uint32_t *ret_offset)
{
    struct dr_vault_bank *bank = &vault->banks[bank_index];
    if (record_bytes > bank->size_bytes - bank->used_bytes) {
        return DR_E_SPACE;
    }
    uint32_t offset = bank->used_bytes;
    enum dr_status status = put(vault, bank_index, record_bytes);
    if (status == DR_OK) {
        status = dr_flash_sync(flash_of(vault));
    }
    if (status != DR_OK) {
        bank->complete = false;
        return status;
    }
    bank->last_sequence = sequence;
    bank->last_offset = offset;
    *ret_offset = offset;
    return DR_OK;
}

/* Bring a record over in parts of the workspace's size. */
static enum dr_status
copy_record(struct dr_vault *vault, uint32_t to, uint32_t from_offset, uint32_t *ret_offset)
{
    const uint32_t from = 1u - to;
    const uint32_t part_max =
        vault->config.workspace_bytes / DR_VAULT_ALIGN_BYTES * DR_VAULT_ALIGN_BYTES;
    uint8_t header[DR_VAULT_HEADER_BYTES];
    struct dr_vault_record record;
    DR_TRY(bank_read(vault, from, from_offset, header, sizeof header));
    if (!dr_vault_header_decode(header, &record)) {
        return DR_E_CORRUPT;
    }
    uint32_t size_bytes = dr_vault_record_bytes(record.size_bytes);
    if (size_bytes > vault->banks[to].size_bytes - vault->banks[to].used_bytes) {
        return DR_E_SPACE;
    }
    struct dr_vault_found copy = {.bank = to, .offset = vault->banks[to].used_bytes};
    for (uint32_t done = 0; done < size_bytes;) { /* bound: one part per round */
        uint32_t part = smaller(size_bytes - done, part_max);
        DR_TRY(bank_read(vault, from, from_offset + done, vault->config.workspace, part));
        DR_TRY(put(vault, to, part));
        done += part;
    }
    bool whole = false;
    DR_TRY(check_record(vault, &copy, header, &whole));
    *ret_offset = copy.offset;
    return whole ? DR_OK : DR_E_CORRUPT;
}

enum dr_status dr_vault_bank_copy(
    struct dr_vault *vault, uint32_t to, uint32_t from_offset, uint32_t sequence,
    uint32_t *ret_offset)
{
    enum dr_status status = copy_record(vault, to, from_offset, ret_offset);
    if (status == DR_OK) {
        status = dr_flash_sync(flash_of(vault));
    }
    if (status != DR_OK) {
        vault->banks[to].complete = false;
        return status;
    }
    if (sequence > vault->banks[to].last_sequence) {
        vault->banks[to].last_sequence = sequence;
        vault->banks[to].last_offset = *ret_offset;
    }
    return DR_OK;
}

/* The first sector goes first and for good, and the header with it: a bank in which an erase was
 * cut does not pass for one. */
static enum dr_status erase_bank(struct dr_vault *vault, struct dr_vault_bank *bank)
{
    const struct dr_flash *flash = flash_of(vault);
    const uint32_t sector_bytes = flash->geometry.sector_bytes;
    DR_TRY(dr_flash_erase(flash, bank->address, sector_bytes));
    DR_TRY(dr_flash_sync(flash));
    if (bank->used_bytes > sector_bytes) {
        uint32_t rest = (bank->used_bytes - 1u) / sector_bytes * sector_bytes;
        DR_TRY(dr_flash_erase(flash, bank->address + sector_bytes, rest));
        DR_TRY(dr_flash_sync(flash));
    }
    bank->used_bytes = DR_VAULT_BANK_HEADER_BYTES;
    return DR_OK;
}

static enum dr_status write_header(struct dr_vault *vault, uint32_t bank_index, uint32_t count)
{
    struct dr_vault_bank *bank = &vault->banks[bank_index];
    struct dr_writer writer;
    uint8_t *bytes = vault->config.workspace;
    dr_writer_init(&writer, bytes, DR_VAULT_BANK_HEADER_BYTES);
    dr_write_u32(&writer, BANK_MAGIC);
    dr_write_u32(&writer, BANK_VERSION);
    dr_write_u32(&writer, vault->sequence);
    dr_write_u32(&writer, count);
    dr_write_u32(&writer, flash_of(vault)->geometry.sector_bytes);
    dr_write_fill(&writer, 0, DR_VAULT_BANK_HEADER_BYTES - CRC_BYTES - writer.size_bytes);
    dr_write_u32(&writer, dr_crc32(0, bytes, writer.size_bytes));
    DR_CHECK(writer.size_bytes == DR_VAULT_BANK_HEADER_BYTES);
    DR_TRY(dr_flash_sync(flash_of(vault))); /* the records before what vouches for them */
    DR_TRY(dr_flash_program(
        flash_of(vault), bank->address, vault->config.workspace, DR_VAULT_BANK_HEADER_BYTES));
    DR_TRY(dr_flash_sync(flash_of(vault)));
    DR_TRY(same_as_workspace(vault, bank->address, DR_VAULT_BANK_HEADER_BYTES));
    bank->last_sequence = vault->sequence;
    bank->last_offset = 0;
    bank->valid = true;
    bank->complete = true;
    return DR_OK;
}

static enum dr_status fill_bank(struct dr_vault *vault, uint32_t to)
{
    const uint32_t from = 1u - to;
    struct dr_vault_entry *anchored = &vault->newest_anchored;
    bool anchored_copied = anchored->id == 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < DR_VAULT_FILES_MAX; i++) {
        struct dr_vault_entry *entry = &vault->entries[i];
        if (entry->id == 0) {
            continue;
        }
        DR_TRY(copy_record(vault, to, entry->offset[from], &entry->offset[to]));
        count++;
        if (!anchored_copied && entry->sequence == anchored->sequence) {
            anchored->offset[to] = entry->offset[to];
            anchored_copied = true;
        }
    }
    if (!anchored_copied) { /* the removal that the anchor's generation rests on */
        DR_TRY(copy_record(vault, to, anchored->offset[from], &anchored->offset[to]));
        count++;
    }
    return write_header(vault, to, count);
}

/* Is there a sound copy in the bank that is to be copied from? If not, that bank is the one that
 * needs help. */
static enum dr_status
check_source(struct dr_vault *vault, uint32_t from, struct dr_vault_entry *entry)
{
    uint8_t header[DR_VAULT_HEADER_BYTES];
    struct dr_vault_found found = {.bank = from, .offset = entry->offset[from]};
    bool whole = false;
    if (entry->id == 0) {
        return DR_OK;
    }
    if (found.offset != 0) {
        DR_TRY(check_record(vault, &found, header, &whole));
    }
    if (whole && found.record.id == entry->id && found.record.sequence == entry->sequence) {
        return DR_OK;
    }
    entry->offset[from] = 0;
    vault->banks[from].complete = false;
    return DR_E_CORRUPT;
}

enum dr_status dr_vault_bank_rebuild(struct dr_vault *vault, uint32_t bank_index)
{
    struct dr_vault_bank *bank = &vault->banks[bank_index];
    for (uint32_t i = 0; i < DR_VAULT_FILES_MAX; i++) {
        DR_TRY(check_source(vault, 1u - bank_index, &vault->entries[i]));
    }
    DR_TRY(check_source(vault, 1u - bank_index, &vault->newest_anchored));
    bank->valid = false;
    bank->complete = false;
    for (uint32_t i = 0; i < DR_VAULT_FILES_MAX; i++) {
        vault->entries[i].offset[bank_index] = 0;
    }
    vault->newest_anchored.offset[bank_index] = 0;
    DR_TRY(erase_bank(vault, bank));
    return fill_bank(vault, bank_index);
}

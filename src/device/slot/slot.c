/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/slot/slot.h"

#include "base/check.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "device/slot/map_priv.h"
#include "device/slot/slot_priv.h"

#include <string.h>

#define SCRATCH_BYTES_MIN 64u

enum dr_status dr_slot_open(struct dr_slot *slot, const struct dr_slot_config *config)
{
    memset(slot, 0, sizeof *slot);
    if (config->scratch_bytes < SCRATCH_BYTES_MIN || config->scratch_bytes % 32u != 0 ||
        config->batch_sectors == 0 || config->batch_sectors > DR_SLOT_BATCH_MAX) {
        return DR_E_ARGUMENT;
    }
    slot->scratch = config->scratch;
    slot->scratch_bytes = config->scratch_bytes;
    slot->batch_sectors = config->batch_sectors;
    memcpy(slot->slot_key, config->slot_key, sizeof slot->slot_key);
    return dr_slot_reader_open(
        &slot->reader, config->crypto, config->flash, &config->area, config->slot_key);
}

void dr_slot_wipe(struct dr_slot *slot)
{
    dr_wipe(slot, sizeof *slot);
}

static bool block_size_valid(const struct dr_slot *slot, uint32_t block_bytes)
{
    const uint32_t sector_bytes = slot->reader.layout.sector_bytes;
    const uint32_t unit = slot->reader.flash->geometry.program_unit_bytes;
    if (block_bytes == 0 || block_bytes % unit != 0 || block_bytes % DR_AES_BLOCK_BYTES != 0) {
        return false;
    }
    if (block_bytes < sector_bytes) {
        return sector_bytes % block_bytes == 0 &&
               sector_bytes / block_bytes <= DR_SLOT_BLOCKS_PER_SECTOR_MAX;
    }
    return block_bytes % sector_bytes == 0;
}

/* The record as it will lie on flash, under the keys of the new install. */
static void install_encode(
    struct dr_slot *slot, const struct dr_slot_install *install,
    uint8_t record[DR_SLOT_INSTALL_BYTES])
{
    const struct dr_crypto *crypto = slot->reader.crypto;
    const uint32_t sequence = install->journal_sequence;
    const uint8_t bytes[4] = {
        (uint8_t)sequence, (uint8_t)(sequence >> 8), (uint8_t)(sequence >> 16),
        (uint8_t)(sequence >> 24)};
    uint8_t *install_id = record + DR_SLOT_INSTALL_AT_ID;
    const size_t covered = DR_SLOT_INSTALL_BYTES - DR_SLOT_TAG_BYTES;
    struct dr_sha256 sha;
    crypto->sha256_begin(&sha);
    crypto->sha256_update(&sha, bytes, sizeof bytes);
    crypto->sha256_update(&sha, install->random, sizeof install->random);
    crypto->sha256_finish(&sha, install_id);
    dr_slot_derive_keys(&slot->reader, slot->slot_key, install_id);

    dr_slot_head(&slot->reader, install->image_bytes, record);
    memcpy(record + DR_SLOT_INSTALL_AT_KEY, install->resume_key, DR_SHA256_BYTES);
    dr_slot_tag(&slot->reader, record, covered, record + covered);
}

/* The first sector goes first and for good: with it goes the old install record, so that no cut
 * leaves an old install with part of its map. */
static enum dr_status erase_header(const struct dr_slot *slot)
{
    const struct dr_slot_layout *layout = &slot->reader.layout;
    for (uint32_t at = 0; at < layout->header_bytes; at += layout->sector_bytes) {
        DR_TRY(
            dr_flash_erase(slot->reader.flash, layout->header_address + at, layout->sector_bytes));
        DR_TRY(dr_flash_sync(slot->reader.flash));
    }
    return DR_OK;
}

enum dr_status dr_slot_begin(struct dr_slot *slot, const struct dr_slot_install *install)
{
    const struct dr_slot_layout *layout = &slot->reader.layout;
    if (layout->data_sectors == 0) {
        return DR_E_STATE; /* open failed */
    }
    if (!block_size_valid(slot, install->block_bytes) || install->image_bytes == 0) {
        return DR_E_ARGUMENT;
    }
    if (install->image_bytes > layout->data_sectors * layout->sector_bytes) {
        return DR_E_SPACE;
    }
    slot->block_bytes = 0;
    slot->reader.image_bytes = 0;
    memset(&slot->reader.current, 0, sizeof slot->reader.current);
    memset(&slot->session, 0, sizeof slot->session);
    slot->log_used = 0;
    dr_slot_session_abandon(slot);
    memset(slot->whole, 0, sizeof slot->whole);
    slot->reload = false;
    DR_TRY(erase_header(slot));

    uint8_t record[DR_SLOT_INSTALL_BYTES];
    install_encode(slot, install, record);
    DR_TRY(dr_slot_put(slot, layout->header_address, record, sizeof record));
    slot->reader.image_bytes = install->image_bytes;
    slot->block_bytes = install->block_bytes;
    memcpy(slot->reader.resume_key, install->resume_key, sizeof slot->reader.resume_key);
    memcpy(slot->random, install->random, sizeof slot->random);
    slot->places_erased = true;
    return DR_OK;
}

enum dr_status dr_slot_resume(
    struct dr_slot *slot, uint32_t block_bytes, const uint8_t random[DR_SLOT_RANDOM_BYTES])
{
    if (slot->reader.image_bytes == 0) {
        return DR_E_STATE;
    }
    if (!block_size_valid(slot, block_bytes)) {
        return DR_E_ARGUMENT;
    }
    DR_TRY(dr_slot_flush(slot)); /* resumed twice without a reset: what is whole stays */
    dr_slot_session_abandon(slot);
    DR_TRY(dr_slot_map_load(slot));
    if (slot->log_used >= slot->reader.layout.log_places) {
        return DR_E_SPACE;
    }
    slot->block_bytes = block_bytes;
    memcpy(slot->random, random, sizeof slot->random);
    return DR_OK;
}

/* Erase the sector, and with it as many of the following as the batch allows and need it. */
static enum dr_status prepare(struct dr_slot *slot, uint32_t sector)
{
    const uint32_t sector_bytes = slot->reader.layout.sector_bytes;
    if (dr_slot_bit(slot->prepared, sector)) {
        return DR_OK;
    }
    uint32_t count = 0;
    while (count < slot->batch_sectors && sector + count < dr_slot_sector_count(slot) &&
           !dr_slot_bit(slot->whole, sector + count) &&
           !dr_slot_bit(slot->prepared, sector + count)) {
        count++;
    }
    DR_TRY(dr_flash_erase(
        slot->reader.flash, slot->reader.layout.data_address + sector * sector_bytes,
        count * sector_bytes));
    for (uint32_t i = 0; i < count; i++) {
        dr_slot_bit_set(slot->prepared, sector + i);
    }
    return DR_OK;
}

/* Encrypt and program a run inside one sector; the image's last unit is filled up. */
static enum dr_status
program_run(struct dr_slot *slot, uint32_t offset_bytes, const uint8_t *data, uint32_t size_bytes)
{
    const struct dr_flash *flash = slot->reader.flash;
    const uint32_t unit_mask = flash->geometry.program_unit_bytes - 1u;
    const uint32_t sector_bytes = slot->reader.layout.sector_bytes;
    struct dr_slot_entry entry = slot->session;
    dr_slot_put_u16(entry.bytes, offset_bytes / sector_bytes);
    while (size_bytes > 0) { /* bound: at least one byte per round */
        uint32_t part = size_bytes < slot->scratch_bytes ? size_bytes : slot->scratch_bytes;
        uint32_t padded = (part + unit_mask) & ~unit_mask;
        memset(slot->scratch + part, flash->geometry.erased_value, padded - part);
        DR_TRY(dr_slot_cipher(
            &slot->reader, &entry, offset_bytes % sector_bytes, data, slot->scratch, part));
        DR_TRY(dr_flash_program(
            flash, slot->reader.layout.data_address + offset_bytes, slot->scratch, padded));
        offset_bytes += part;
        data += part;
        size_bytes -= part;
    }
    return DR_OK;
}

/* Where the blocks of a partly filled sector are remembered; DR_SLOT_OPEN_MAX: no room. */
static uint32_t open_or_free_index(const struct dr_slot *slot, uint32_t sector)
{
    uint32_t index = dr_slot_open_index(slot, sector);
    for (uint32_t i = 0; i < DR_SLOT_OPEN_MAX && index == DR_SLOT_OPEN_MAX; i++) {
        if (slot->open[i].written == 0) {
            index = i;
        }
    }
    return index;
}

/* A block, or that part of it which lies in one sector. A sector that this fills is whole; one that
 * it does not is remembered in RAM until it is. */
static enum dr_status
write_run(struct dr_slot *slot, uint32_t offset_bytes, const uint8_t *data, uint32_t size_bytes)
{
    const uint32_t sector_bytes = slot->reader.layout.sector_bytes;
    const uint32_t sector = offset_bytes / sector_bytes;
    const uint32_t left = slot->reader.image_bytes - sector * sector_bytes;
    const uint32_t filled = left < sector_bytes ? left : sector_bytes;
    const uint32_t index = open_or_free_index(slot, sector);
    if (dr_slot_bit(slot->whole, sector)) {
        return DR_OK;
    }
    if (size_bytes < filled && index == DR_SLOT_OPEN_MAX) {
        return DR_E_BUSY;
    }
    DR_TRY(prepare(slot, sector));
    DR_TRY(program_run(slot, offset_bytes, data, size_bytes));
    if (size_bytes < filled) {
        struct dr_slot_open_sector *open = &slot->open[index];
        open->sector = (uint16_t)sector;
        open->written |= (uint32_t)1 << (offset_bytes % sector_bytes / slot->block_bytes);
        uint32_t last = (filled - 1u) / slot->block_bytes;
        if (open->written != UINT32_MAX >> (DR_SLOT_BLOCKS_PER_SECTOR_MAX - 1u - last)) {
            return DR_OK;
        }
        open->written = 0;
    }
    return dr_slot_sector_whole(slot, sector);
}

enum dr_status
dr_slot_write(struct dr_slot *slot, uint32_t offset_bytes, const uint8_t *data, uint32_t size_bytes)
{
    const uint32_t image_bytes = slot->reader.image_bytes;
    if (slot->block_bytes == 0) {
        return DR_E_STATE;
    }
    if (offset_bytes >= image_bytes || offset_bytes % slot->block_bytes != 0) {
        return DR_E_RANGE;
    }
    uint32_t left = image_bytes - offset_bytes;
    if (size_bytes != (left < slot->block_bytes ? left : slot->block_bytes)) {
        return DR_E_RANGE;
    }
    const uint32_t block_index = offset_bytes / slot->block_bytes;
    if (dr_slot_has_block(slot, block_index)) {
        return DR_OK;
    }
    enum dr_status status = dr_slot_session_begin(slot);
    if (dr_slot_has_block(slot, block_index)) {
        return status; /* the session found that it is there after all */
    }
    while (size_bytes > 0 && status == DR_OK) { /* bound: a sector per round */
        uint32_t run = slot->reader.layout.sector_bytes;
        run = run < size_bytes ? run : size_bytes;
        status = write_run(slot, offset_bytes, data, run);
        offset_bytes += run;
        data += run;
        size_bytes -= run;
    }
    if (status != DR_OK && status != DR_E_BUSY) {
        dr_slot_session_abandon(slot);
    }
    return status;
}

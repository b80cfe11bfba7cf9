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
    DR_TRY(dr_slot_reader_open(
        &slot->reader, config->crypto, config->flash, &config->area, config->slot_key));
    return dr_slot_map_load(slot);
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

/* Encrypt [offset, offset + size) into the scratch buffer, up to its end or to a sector that is
 * whole already. Sectors are prepared on the way. */
static enum dr_status fill_scratch(
    struct dr_slot *slot, uint32_t offset_bytes, const uint8_t *data, uint32_t size_bytes,
    uint32_t *ret_filled_bytes)
{
    const uint32_t sector_bytes = slot->reader.layout.sector_bytes;
    struct dr_slot_entry entry = slot->session;
    uint32_t filled = 0;
    uint32_t limit = size_bytes < slot->scratch_bytes ? size_bytes : slot->scratch_bytes;
    while (filled < limit) { /* bound: at least one byte per round */
        uint32_t sector = (offset_bytes + filled) / sector_bytes;
        uint32_t within = (offset_bytes + filled) % sector_bytes;
        uint32_t run = sector_bytes - within;
        run = run < limit - filled ? run : limit - filled;
        if (dr_slot_bit(slot->whole, sector)) {
            break;
        }
        DR_TRY(prepare(slot, sector));
        dr_slot_put_u16(entry.bytes, sector);
        DR_TRY(dr_slot_cipher(
            &slot->reader, &entry, within, data + filled, slot->scratch + filled, run));
        filled += run;
    }
    *ret_filled_bytes = filled;
    return DR_OK;
}

/* Program what the scratch buffer holds; the image's last unit is filled up. */
static enum dr_status
program_scratch(struct dr_slot *slot, uint32_t offset_bytes, uint32_t filled_bytes)
{
    const struct dr_flash_geometry *geometry = &slot->reader.flash->geometry;
    uint32_t padded =
        (filled_bytes + geometry->program_unit_bytes - 1u) & ~(geometry->program_unit_bytes - 1u);
    memset(slot->scratch + filled_bytes, geometry->erased_value, padded - filled_bytes);
    return dr_flash_program(
        slot->reader.flash, slot->reader.layout.data_address + offset_bytes, slot->scratch, padded);
}

/* Blocks of a sector or more: each sector in [from, to) that this finished is whole. */
static enum dr_status finish_sectors(struct dr_slot *slot, uint32_t from, uint32_t to)
{
    const uint32_t sector_bytes = slot->reader.layout.sector_bytes;
    const uint32_t image_bytes = slot->reader.image_bytes;
    for (uint32_t sector = from / sector_bytes; sector * sector_bytes < to; sector++) {
        uint32_t left = image_bytes - sector * sector_bytes;
        uint32_t end = sector * sector_bytes + (left < sector_bytes ? left : sector_bytes);
        if (end <= to) {
            DR_TRY(dr_slot_sector_whole(slot, sector));
        }
    }
    return DR_OK;
}

static enum dr_status
write_bytes(struct dr_slot *slot, uint32_t offset_bytes, const uint8_t *data, uint32_t size_bytes)
{
    const uint32_t sector_bytes = slot->reader.layout.sector_bytes;
    uint32_t done = 0;
    while (done < size_bytes) { /* bound: every round advances */
        uint32_t at = offset_bytes + done;
        uint32_t filled = 0;
        DR_TRY(fill_scratch(slot, at, data + done, size_bytes - done, &filled));
        if (filled == 0) { /* this sector is whole: on to the next */
            done += sector_bytes - at % sector_bytes;
            continue;
        }
        DR_TRY(program_scratch(slot, at, filled));
        if (slot->block_bytes >= sector_bytes) {
            DR_TRY(finish_sectors(slot, at, at + filled));
        }
        done += filled;
    }
    return DR_OK;
}

/* A block smaller than a sector: remembered in RAM until its sector is whole. */
static enum dr_status
write_part(struct dr_slot *slot, uint32_t block_index, const uint8_t *data, uint32_t size_bytes)
{
    const uint32_t per_sector = slot->reader.layout.sector_bytes / slot->block_bytes;
    const uint32_t sector = block_index / per_sector;
    uint32_t index = dr_slot_open_index(slot, sector);
    if (index == DR_SLOT_OPEN_MAX) {
        index = 0;
        while (index < DR_SLOT_OPEN_MAX && slot->open[index].written != 0) {
            index++;
        }
    }
    if (index == DR_SLOT_OPEN_MAX) {
        return DR_E_BUSY;
    }
    DR_TRY(write_bytes(slot, block_index * slot->block_bytes, data, size_bytes));
    slot->open[index].sector = (uint16_t)sector;
    slot->open[index].written |= (uint64_t)1 << (block_index % per_sector);
    uint32_t left = dr_slot_block_count(slot) - sector * per_sector;
    uint32_t blocks = left < per_sector ? left : per_sector;
    if (slot->open[index].written != ~(uint64_t)0 >> (DR_SLOT_BLOCKS_PER_SECTOR_MAX - blocks)) {
        return DR_OK;
    }
    slot->open[index].written = 0;
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
    /* The session may find that the block is there after all. */
    enum dr_status status = dr_slot_session_begin(slot);
    if (status == DR_OK && !dr_slot_has_block(slot, block_index)) {
        status = slot->block_bytes < slot->reader.layout.sector_bytes
                     ? write_part(slot, block_index, data, size_bytes)
                     : write_bytes(slot, offset_bytes, data, size_bytes);
    }
    if (status != DR_OK && status != DR_E_BUSY) {
        dr_slot_session_abandon(slot);
    }
    return status;
}

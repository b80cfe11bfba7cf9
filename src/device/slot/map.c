/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The journalled block map: sessions, marks, and what is missing. */
#include "base/check.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "device/slot/map_priv.h"
#include "device/slot/slot_priv.h"

#include <string.h>

#define LOG_TRIES 3u
#define REWRITE_COUNT_MAX 0xffffu

bool dr_slot_bit(const uint8_t *bits, uint32_t index)
{
    return ((unsigned)bits[index / 8u] >> (index % 8u) & 1u) != 0;
}

void dr_slot_bit_set(uint8_t *bits, uint32_t index)
{
    bits[index / 8u] = (uint8_t)(bits[index / 8u] | 1u << (index % 8u));
}

static void bit_clear(uint8_t *bits, uint32_t index)
{
    bits[index / 8u] = (uint8_t)(bits[index / 8u] & ~(1u << (index % 8u)));
}

static bool all_erased(const struct dr_slot *slot, const uint8_t *bytes, uint32_t size_bytes)
{
    uint8_t difference = 0;
    for (uint32_t i = 0; i < size_bytes; i++) {
        difference |= (uint8_t)(bytes[i] ^ slot->reader.flash->geometry.erased_value);
    }
    return difference == 0;
}

static void entry_encode(
    const struct dr_slot *slot, enum dr_slot_entry_kind kind, uint32_t sector,
    uint8_t bytes[DR_SLOT_ENTRY_BYTES])
{
    struct dr_writer writer;
    dr_writer_init(&writer, bytes, DR_SLOT_ENTRY_BYTES);
    dr_write_u16(&writer, (uint16_t)kind);
    dr_write_u16(&writer, (uint16_t)sector);
    dr_write_u32(&writer, slot->rewrite_count);
    dr_write_bytes(&writer, slot->salt, sizeof slot->salt);
    DR_CHECK(writer.size_bytes == DR_SLOT_ENTRY_BYTES - DR_SLOT_TAG_BYTES);
    dr_slot_tag(&slot->reader, bytes, writer.size_bytes, bytes + writer.size_bytes);
}

static void load_entry(struct dr_slot *slot, const uint8_t bytes[DR_SLOT_ENTRY_BYTES])
{
    struct dr_slot_entry entry;
    if (!dr_slot_entry_decode(&slot->reader, bytes, &entry)) {
        return;
    }
    if (entry.rewrite_count > slot->rewrite_count) {
        slot->rewrite_count = entry.rewrite_count;
    }
    if (entry.kind == DR_SLOT_ENTRY_DONE) {
        dr_slot_bit_set(slot->whole, entry.sector);
    }
}

enum dr_status dr_slot_map_load(struct dr_slot *slot)
{
    const struct dr_slot_layout *layout = &slot->reader.layout;
    const uint32_t places = layout->data_sectors + layout->log_places;
    const uint32_t per_read = slot->scratch_bytes / DR_SLOT_ENTRY_BYTES;
    slot->log_used = 0;
    memset(slot->whole, 0, sizeof slot->whole);
    for (uint32_t at = 0; at < places; at += per_read) {
        uint32_t count = places - at < per_read ? places - at : per_read;
        DR_TRY(dr_flash_read(
            slot->reader.flash, layout->places_address + at * DR_SLOT_ENTRY_BYTES, slot->scratch,
            count * DR_SLOT_ENTRY_BYTES));
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t *bytes = slot->scratch + i * DR_SLOT_ENTRY_BYTES;
            if (all_erased(slot, bytes, DR_SLOT_ENTRY_BYTES)) {
                continue;
            }
            load_entry(slot, bytes);
            if (at + i >= layout->data_sectors) {
                slot->log_used = at + i - layout->data_sectors + 1u;
            }
        }
    }
    return DR_OK;
}

/* Append to the log; a place that does not take the entry is left behind. */
static enum dr_status
log_append(struct dr_slot *slot, enum dr_slot_entry_kind kind, uint32_t sector)
{
    const struct dr_slot_layout *layout = &slot->reader.layout;
    enum dr_status status = DR_E_IO;
    for (uint32_t i = 0; i < LOG_TRIES && status == DR_E_IO; i++) {
        if (slot->log_used >= layout->log_places) {
            return DR_E_SPACE;
        }
        uint32_t address = layout->log_address + slot->log_used * DR_SLOT_ENTRY_BYTES;
        uint8_t bytes[DR_SLOT_ENTRY_BYTES];
        uint8_t back[DR_SLOT_ENTRY_BYTES];
        entry_encode(slot, kind, sector, bytes);
        slot->log_used++;
        status = dr_flash_program(slot->reader.flash, address, bytes, sizeof bytes);
        if (status == DR_OK) {
            status = dr_flash_read(slot->reader.flash, address, back, sizeof back);
        }
        if (status == DR_OK && memcmp(bytes, back, sizeof bytes) != 0) {
            status = DR_E_IO;
        }
    }
    return status;
}

enum dr_status dr_slot_session_begin(struct dr_slot *slot)
{
    if (slot->session_open) {
        return DR_OK;
    }
    DR_CHECK(slot->pending_count == 0);
    if (slot->reload) {
        DR_TRY(dr_slot_map_load(slot));
        slot->reload = false;
    }
    if (slot->rewrite_count == REWRITE_COUNT_MAX) {
        return DR_E_SPACE;
    }
    slot->rewrite_count++;
    const uint8_t count[2] = {(uint8_t)slot->rewrite_count, (uint8_t)(slot->rewrite_count >> 8)};
    const struct dr_bytes key = {slot->reader.key_map, sizeof slot->reader.key_map};
    const struct dr_bytes parts[2] = {{slot->random, sizeof slot->random}, {count, sizeof count}};
    uint8_t mac[DR_SHA256_BYTES];
    dr_hmac_sha256(slot->reader.crypto, key, parts, 2, mac);
    memcpy(slot->salt, mac, sizeof slot->salt);
    DR_TRY(log_append(slot, DR_SLOT_ENTRY_SESSION, 0));
    DR_TRY(dr_flash_sync(slot->reader.flash));
    memset(slot->prepared, 0, sizeof slot->prepared);
    slot->session_open = true;
    return DR_OK;
}

void dr_slot_session_abandon(struct dr_slot *slot)
{
    for (uint32_t i = 0; i < slot->pending_count; i++) {
        bit_clear(slot->whole, slot->pending[i]);
    }
    slot->pending_count = 0;
    memset(slot->open, 0, sizeof slot->open);
    slot->session_open = false;
    slot->reload = true;
}

/* Mark `count` sectors from `first`, whose places lie next to each other, in one program. */
static enum dr_status mark_run(struct dr_slot *slot, uint32_t first, uint32_t count)
{
    const struct dr_flash *flash = slot->reader.flash;
    const uint32_t address = slot->reader.layout.places_address + first * DR_SLOT_ENTRY_BYTES;
    const uint32_t size_bytes = count * DR_SLOT_ENTRY_BYTES;
    DR_TRY(dr_flash_read(flash, address, slot->scratch, size_bytes));
    if (all_erased(slot, slot->scratch, size_bytes)) {
        for (uint32_t i = 0; i < count; i++) {
            entry_encode(
                slot, DR_SLOT_ENTRY_DONE, first + i, slot->scratch + i * DR_SLOT_ENTRY_BYTES);
        }
        /* Read back: an entry that a failed program left is as good as any other. */
        DR_IGNORE(dr_flash_program(flash, address, slot->scratch, size_bytes));
        DR_TRY(dr_flash_read(flash, address, slot->scratch, size_bytes));
    }
    /* What is not in its place, because a cut or a fault spoiled it, goes to the log. */
    for (uint32_t i = 0; i < count; i++) {
        struct dr_slot_entry entry;
        const uint8_t *bytes = slot->scratch + i * DR_SLOT_ENTRY_BYTES;
        if (!dr_slot_entry_decode(&slot->reader, bytes, &entry) ||
            entry.kind != DR_SLOT_ENTRY_DONE || entry.rewrite_count != slot->rewrite_count) {
            DR_TRY(log_append(slot, DR_SLOT_ENTRY_DONE, first + i));
        }
    }
    return DR_OK;
}

/* The data is on the medium before the mark that vouches for it. */
static enum dr_status mark_pending(struct dr_slot *slot)
{
    const uint32_t run_max = slot->scratch_bytes / DR_SLOT_ENTRY_BYTES;
    DR_TRY(dr_flash_sync(slot->reader.flash));
    uint32_t i = 0;
    while (i < slot->pending_count) { /* bound: at least one sector per round */
        uint32_t first = slot->pending[i];
        uint32_t count = 1;
        while (i + count < slot->pending_count && count < run_max &&
               slot->pending[i + count] == first + count) {
            count++;
        }
        DR_TRY(mark_run(slot, first, count));
        i += count;
    }
    slot->pending_count = 0;
    slot->marks_unsynced = true;
    return DR_OK;
}

enum dr_status dr_slot_flush(struct dr_slot *slot)
{
    enum dr_status status = slot->pending_count > 0 ? mark_pending(slot) : DR_OK;
    if (status == DR_OK && slot->marks_unsynced) {
        status = dr_flash_sync(slot->reader.flash);
    }
    if (status != DR_OK) {
        dr_slot_session_abandon(slot);
        return status;
    }
    slot->marks_unsynced = false;
    return DR_OK;
}

enum dr_status dr_slot_sector_whole(struct dr_slot *slot, uint32_t sector)
{
    DR_CHECK(slot->pending_count < DR_SLOT_BATCH_MAX);
    dr_slot_bit_set(slot->whole, sector);
    slot->pending[slot->pending_count++] = (uint16_t)sector;
    if (slot->pending_count < slot->batch_sectors &&
        dr_slot_next_missing(slot, 0) < dr_slot_block_count(slot)) {
        return DR_OK;
    }
    return mark_pending(slot);
}

uint32_t dr_slot_sector_count(const struct dr_slot *slot)
{
    return (slot->reader.image_bytes - 1u) / slot->reader.layout.sector_bytes + 1u;
}

uint32_t dr_slot_block_count(const struct dr_slot *slot)
{
    return slot->block_bytes == 0 ? 0 : (slot->reader.image_bytes - 1u) / slot->block_bytes + 1u;
}

/* For blocks that are not larger than a sector. */
uint32_t dr_slot_blocks_in(const struct dr_slot *slot, uint32_t sector)
{
    const uint32_t per_sector = slot->reader.layout.sector_bytes / slot->block_bytes;
    uint32_t left = dr_slot_block_count(slot) - sector * per_sector;
    return left < per_sector ? left : per_sector;
}

/* Index of the open sector, or DR_SLOT_OPEN_MAX. */
static uint32_t open_index(const struct dr_slot *slot, uint32_t sector)
{
    for (uint32_t i = 0; i < DR_SLOT_OPEN_MAX; i++) {
        if (slot->open[i].used && slot->open[i].sector == sector) {
            return i;
        }
    }
    return DR_SLOT_OPEN_MAX;
}

struct dr_slot_open_sector *dr_slot_open_find(struct dr_slot *slot, uint32_t sector)
{
    uint32_t index = open_index(slot, sector);
    return index < DR_SLOT_OPEN_MAX ? &slot->open[index] : NULL;
}

bool dr_slot_has_block(const struct dr_slot *slot, uint32_t block_index)
{
    const uint32_t sector_bytes = slot->reader.layout.sector_bytes;
    if (block_index >= dr_slot_block_count(slot)) {
        return false;
    }
    if (slot->block_bytes < sector_bytes) {
        const uint32_t per_sector = sector_bytes / slot->block_bytes;
        uint32_t sector = block_index / per_sector;
        uint32_t index = open_index(slot, sector);
        return dr_slot_bit(slot->whole, sector) ||
               (index < DR_SLOT_OPEN_MAX &&
                (slot->open[index].written >> (block_index % per_sector) & 1u) != 0);
    }
    const uint32_t per_block = slot->block_bytes / sector_bytes;
    uint32_t end = (block_index + 1u) * per_block;
    end = end < dr_slot_sector_count(slot) ? end : dr_slot_sector_count(slot);
    for (uint32_t sector = block_index * per_block; sector < end; sector++) {
        if (!dr_slot_bit(slot->whole, sector)) {
            return false;
        }
    }
    return true;
}

uint32_t dr_slot_next_missing(const struct dr_slot *slot, uint32_t block_index)
{
    const uint32_t count = dr_slot_block_count(slot);
    const uint32_t sector_bytes = slot->reader.layout.sector_bytes;
    while (block_index < count && dr_slot_has_block(slot, block_index)) {
        uint32_t step = 1;
        if (slot->block_bytes < sector_bytes) {
            const uint32_t per_sector = sector_bytes / slot->block_bytes;
            if (dr_slot_bit(slot->whole, block_index / per_sector)) {
                step = per_sector - block_index % per_sector;
            }
        }
        block_index += step;
    }
    return block_index < count ? block_index : count;
}

uint32_t dr_slot_missing_count(const struct dr_slot *slot)
{
    const uint32_t count = dr_slot_block_count(slot);
    uint32_t missing = 0;
    for (uint32_t i = dr_slot_next_missing(slot, 0); i < count;
         i = dr_slot_next_missing(slot, i + 1u)) {
        missing++;
    }
    return missing;
}

void dr_slot_missing_map(
    const struct dr_slot *slot, uint32_t first_block, uint8_t *map, uint32_t size_bytes)
{
    const uint32_t count = dr_slot_block_count(slot);
    memset(map, 0, size_bytes);
    for (uint32_t i = 0; i < size_bytes * 8u && first_block + i < count; i++) {
        if (!dr_slot_has_block(slot, first_block + i)) {
            dr_slot_bit_set(map, i);
        }
    }
}

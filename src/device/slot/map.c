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
    memcpy(bytes, slot->session.bytes, sizeof slot->session.bytes);
    dr_slot_put_u16(bytes, sector);
    bytes[DR_SLOT_ENTRY_AT_KIND] = (uint8_t)kind;
    dr_slot_tag(
        &slot->reader, bytes, sizeof slot->session.bytes, bytes + sizeof slot->session.bytes);
}

static void load_entry(struct dr_slot *slot, const uint8_t bytes[DR_SLOT_ENTRY_BYTES])
{
    uint8_t *count = slot->session.bytes + DR_SLOT_ENTRY_AT_COUNT;
    uint8_t kind = dr_slot_entry_kind(&slot->reader, bytes);
    if (kind == 0) {
        return;
    }
    if (dr_slot_u16(bytes + DR_SLOT_ENTRY_AT_COUNT) > dr_slot_u16(count)) {
        memcpy(count, bytes + DR_SLOT_ENTRY_AT_COUNT, 2);
    }
    if (kind == DR_SLOT_ENTRY_DONE) {
        dr_slot_bit_set(slot->whole, dr_slot_u16(bytes));
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

enum dr_status dr_slot_put(
    const struct dr_slot *slot, uint32_t address, const uint8_t *record, uint32_t size_bytes)
{
    const struct dr_flash *flash = slot->reader.flash;
    uint8_t back[DR_SLOT_INSTALL_BYTES];
    DR_CHECK(size_bytes <= sizeof back);
    DR_TRY(dr_flash_program(flash, address, record, size_bytes));
    DR_TRY(dr_flash_sync(flash));
    DR_TRY(dr_flash_read(flash, address, back, size_bytes));
    return memcmp(record, back, size_bytes) == 0 ? DR_OK : DR_E_IO;
}

/* Append to the log; a place that does not take the entry is left behind. */
static enum dr_status
log_append(struct dr_slot *slot, enum dr_slot_entry_kind kind, uint32_t sector)
{
    const struct dr_slot_layout *layout = &slot->reader.layout;
    uint8_t bytes[DR_SLOT_ENTRY_BYTES];
    enum dr_status status = DR_E_IO;
    entry_encode(slot, kind, sector, bytes);
    for (uint32_t i = 0; i < LOG_TRIES && status == DR_E_IO; i++) {
        if (slot->log_used >= layout->log_places) {
            return DR_E_SPACE;
        }
        uint32_t address = layout->log_address + slot->log_used++ * DR_SLOT_ENTRY_BYTES;
        status = dr_slot_put(slot, address, bytes, sizeof bytes);
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
    uint8_t *count = slot->session.bytes + DR_SLOT_ENTRY_AT_COUNT;
    if (dr_slot_u16(count) == REWRITE_COUNT_MAX) {
        return DR_E_SPACE;
    }
    dr_slot_put_u16(count, dr_slot_u16(count) + 1u);
    const struct dr_bytes key = {slot->reader.key_map, sizeof slot->reader.key_map};
    const struct dr_bytes parts[2] = {{slot->random, sizeof slot->random}, {count, 2}};
    uint8_t mac[DR_SHA256_BYTES];
    dr_hmac_sha256(slot->reader.crypto, key, parts, 2, mac);
    memcpy(slot->session.bytes + DR_SLOT_ENTRY_AT_SALT, mac, DR_SLOT_SALT_BYTES);
    DR_TRY(log_append(slot, DR_SLOT_ENTRY_SESSION, 0));
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
    slot->places_erased = false;
}

/* Mark `count` sectors from `first`, whose places lie next to each other, in one program. */
static enum dr_status mark_run(struct dr_slot *slot, uint32_t first, uint32_t count)
{
    const struct dr_flash *flash = slot->reader.flash;
    const uint32_t address = slot->reader.layout.places_address + first * DR_SLOT_ENTRY_BYTES;
    const uint32_t size_bytes = count * DR_SLOT_ENTRY_BYTES;
    if (!slot->places_erased) {
        DR_TRY(dr_flash_read(flash, address, slot->scratch, size_bytes));
    }
    if (slot->places_erased || all_erased(slot, slot->scratch, size_bytes)) {
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
        const uint8_t *bytes = slot->scratch + i * DR_SLOT_ENTRY_BYTES;
        if (dr_slot_entry_kind(&slot->reader, bytes) != DR_SLOT_ENTRY_DONE) {
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

uint32_t dr_slot_sector_count(const struct dr_slot *slot)
{
    return (slot->reader.image_bytes - 1u) / slot->reader.layout.sector_bytes + 1u;
}

enum dr_status dr_slot_sector_whole(struct dr_slot *slot, uint32_t sector)
{
    DR_CHECK(slot->pending_count < DR_SLOT_BATCH_MAX);
    dr_slot_bit_set(slot->whole, sector);
    slot->pending[slot->pending_count++] = (uint16_t)sector;
    uint32_t first_missing = 0;
    while (first_missing < dr_slot_sector_count(slot) && dr_slot_bit(slot->whole, first_missing)) {
        first_missing++;
    }
    if (first_missing == dr_slot_sector_count(slot)) {
        return dr_slot_flush(slot);
    }
    return slot->pending_count < slot->batch_sectors ? DR_OK : mark_pending(slot);
}

uint32_t dr_slot_block_count(const struct dr_slot *slot)
{
    return slot->block_bytes == 0 ? 0 : (slot->reader.image_bytes - 1u) / slot->block_bytes + 1u;
}

uint32_t dr_slot_open_index(const struct dr_slot *slot, uint32_t sector)
{
    uint32_t i = 0;
    while (i < DR_SLOT_OPEN_MAX && (slot->open[i].written == 0 || slot->open[i].sector != sector)) {
        i++;
    }
    return i;
}

/* All sectors that the block touches are whole, or the block is remembered in its open one. */
bool dr_slot_has_block(const struct dr_slot *slot, uint32_t block_index)
{
    const uint32_t sector_bytes = slot->reader.layout.sector_bytes;
    if (block_index >= dr_slot_block_count(slot)) {
        return false;
    }
    uint32_t at = block_index * slot->block_bytes;
    uint32_t end = slot->reader.image_bytes - at < slot->block_bytes ? slot->reader.image_bytes
                                                                     : at + slot->block_bytes;
    for (; at < end; at += sector_bytes) {
        uint32_t sector = at / sector_bytes;
        if (dr_slot_bit(slot->whole, sector)) {
            continue;
        }
        uint32_t open = dr_slot_open_index(slot, sector);
        if (open == DR_SLOT_OPEN_MAX ||
            (slot->open[open].written >> (at % sector_bytes / slot->block_bytes) & 1u) == 0) {
            return false;
        }
    }
    return true;
}

uint32_t dr_slot_next_missing(const struct dr_slot *slot, uint32_t block_index)
{
    const uint32_t count = dr_slot_block_count(slot);
    while (block_index < count && dr_slot_has_block(slot, block_index)) {
        block_index++;
    }
    return block_index < count ? block_index : count;
}

uint32_t dr_slot_missing_count(const struct dr_slot *slot)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < dr_slot_block_count(slot); i++) {
        missing += dr_slot_has_block(slot, i) ? 0 : 1u;
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

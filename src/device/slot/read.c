/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/slot/read.h"

#include "base/check.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "device/slot/slot_priv.h"

#include <string.h>

#define LABEL_DATA "daruma slot data v1"
#define LABEL_MAP "daruma slot map v1"

DR_STATIC_ASSERT(DR_SLOT_INSTALL_BYTES % 32u == 0, "whole program units");
DR_STATIC_ASSERT(
    DR_SLOT_INSTALL_BYTES == DR_SLOT_INSTALL_AT_KEY + DR_SHA256_BYTES + DR_SLOT_TAG_BYTES,
    "install record");
DR_STATIC_ASSERT(DR_SLOT_ENTRY_BYTES == 8u + DR_SLOT_SALT_BYTES + DR_SLOT_TAG_BYTES, "map entry");

enum dr_status dr_slot_layout_compute(
    const struct dr_flash_geometry *geometry, const struct dr_flash_area *area,
    struct dr_slot_layout *ret_layout)
{
    const uint32_t sector_bytes = geometry->sector_bytes;
    if (sector_bytes < DR_SLOT_ENTRY_BYTES || geometry->program_unit_bytes > DR_SLOT_ENTRY_BYTES ||
        (area->address | area->size_bytes) % sector_bytes != 0 ||
        area->address > geometry->size_bytes ||
        area->size_bytes > geometry->size_bytes - area->address) {
        return DR_E_ARGUMENT;
    }
    const uint32_t sectors = area->size_bytes / sector_bytes;
    for (uint32_t header = 1; header < sectors; header++) {
        uint32_t data = sectors - header;
        uint32_t fixed = DR_SLOT_INSTALL_BYTES + data * DR_SLOT_ENTRY_BYTES;
        uint32_t room = header * sector_bytes;
        if (data > DR_SLOT_SECTORS_MAX ||
            fixed + DR_SLOT_LOG_PLACES_MIN * DR_SLOT_ENTRY_BYTES > room) {
            continue;
        }
        ret_layout->header_address = area->address;
        ret_layout->header_bytes = room;
        ret_layout->places_address = area->address + DR_SLOT_INSTALL_BYTES;
        ret_layout->log_address = area->address + fixed;
        ret_layout->log_places = (room - fixed) / DR_SLOT_ENTRY_BYTES;
        ret_layout->data_address = area->address + room;
        ret_layout->data_sectors = data;
        ret_layout->sector_bytes = sector_bytes;
        return DR_OK;
    }
    return DR_E_ARGUMENT;
}

uint32_t
dr_slot_capacity(const struct dr_flash_geometry *geometry, const struct dr_flash_area *area)
{
    struct dr_slot_layout layout;
    if (dr_slot_layout_compute(geometry, area, &layout) != DR_OK) {
        return 0;
    }
    return layout.data_sectors * layout.sector_bytes;
}

static void derive(
    const struct dr_slot_reader *reader, const uint8_t slot_key[DR_SHA256_BYTES], const char *label,
    const uint8_t install_id[DR_SHA256_BYTES], uint8_t key[DR_SHA256_BYTES])
{
    const struct dr_bytes info[2] = {
        {(const uint8_t *)label, strlen(label)}, {install_id, DR_SHA256_BYTES}};
    const struct dr_bytes secret = {slot_key, DR_SHA256_BYTES};
    dr_hkdf_sha256(reader->crypto, secret, info, 2, key);
}

void dr_slot_derive_keys(
    struct dr_slot_reader *reader, const uint8_t slot_key[DR_SHA256_BYTES],
    const uint8_t install_id[DR_SHA256_BYTES])
{
    derive(reader, slot_key, LABEL_DATA, install_id, reader->key_data);
    derive(reader, slot_key, LABEL_MAP, install_id, reader->key_map);
}

void dr_slot_tag(
    const struct dr_slot_reader *reader, const uint8_t *data, size_t size_bytes,
    uint8_t tag[DR_SLOT_TAG_BYTES])
{
    uint8_t mac[DR_SHA256_BYTES];
    const struct dr_bytes key = {reader->key_map, sizeof reader->key_map};
    const struct dr_bytes covered = {data, size_bytes};
    dr_hmac_sha256(reader->crypto, key, &covered, 1, mac);
    memcpy(tag, mac, DR_SLOT_TAG_BYTES);
}

static bool tag_fits(const struct dr_slot_reader *reader, const uint8_t *record, size_t size_bytes)
{
    uint8_t tag[DR_SLOT_TAG_BYTES];
    size_t covered = size_bytes - sizeof tag;
    dr_slot_tag(reader, record, covered, tag);
    return dr_equal_ct(tag, record + covered, sizeof tag);
}

uint32_t dr_slot_u16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

void dr_slot_put_u16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

uint8_t
dr_slot_entry_kind(const struct dr_slot_reader *reader, const uint8_t bytes[DR_SLOT_ENTRY_BYTES])
{
    bool genuine = dr_slot_u16(bytes) < reader->layout.data_sectors &&
                   tag_fits(reader, bytes, DR_SLOT_ENTRY_BYTES);
    return genuine ? bytes[DR_SLOT_ENTRY_AT_KIND] : 0;
}

void dr_slot_head(
    const struct dr_slot_reader *reader, uint32_t image_bytes,
    uint8_t head[DR_SLOT_INSTALL_HEAD_BYTES])
{
    struct dr_writer writer;
    dr_writer_init(&writer, head, DR_SLOT_INSTALL_HEAD_BYTES);
    dr_write_u32(&writer, DR_SLOT_INSTALL_MAGIC);
    dr_write_u32(&writer, DR_SLOT_INSTALL_VERSION);
    dr_write_u32(&writer, reader->layout.sector_bytes);
    dr_write_u32(&writer, image_bytes);
}

/* The head is as it would be written; the tag fits under the keys that the record's own install id
 * gives. */
static enum dr_status
read_install(struct dr_slot_reader *reader, const uint8_t slot_key[DR_SHA256_BYTES])
{
    uint8_t record[DR_SLOT_INSTALL_BYTES];
    uint8_t head[DR_SLOT_INSTALL_HEAD_BYTES];
    struct dr_reader in;
    DR_TRY(
        dr_flash_read(reader->flash, reader->layout.header_address, record, DR_SLOT_INSTALL_BYTES));
    dr_reader_init(&in, record + DR_SLOT_INSTALL_AT_SIZE, sizeof(uint32_t));
    uint32_t image_bytes = dr_read_u32(&in);
    dr_slot_head(reader, image_bytes, head);
    dr_slot_derive_keys(reader, slot_key, record + DR_SLOT_INSTALL_AT_ID);
    if (memcmp(record, head, sizeof head) != 0 || image_bytes == 0 ||
        image_bytes > reader->layout.data_sectors * reader->layout.sector_bytes ||
        !tag_fits(reader, record, sizeof record)) {
        return DR_E_NOT_FOUND;
    }
    memcpy(reader->resume_key, record + DR_SLOT_INSTALL_AT_KEY, sizeof reader->resume_key);
    reader->image_bytes = image_bytes;
    return DR_OK;
}

enum dr_status dr_slot_reader_open(
    struct dr_slot_reader *reader, const struct dr_crypto *crypto, const struct dr_flash *flash,
    const struct dr_flash_area *area, const uint8_t slot_key[DR_SHA256_BYTES])
{
    memset(reader, 0, sizeof *reader);
    reader->crypto = crypto;
    reader->flash = flash;
    DR_TRY(dr_slot_layout_compute(&DR_FLASH(flash)->geometry, area, &reader->layout));
    return read_install(reader, slot_key);
}

uint32_t dr_slot_image_bytes(const struct dr_slot_reader *reader)
{
    return reader->image_bytes;
}

void dr_slot_reader_wipe(struct dr_slot_reader *reader)
{
    dr_wipe(reader, sizeof *reader);
}

/* Is the entry at address this sector's DONE entry? Fills reader->current. */
static enum dr_status try_entry(struct dr_slot_reader *reader, uint32_t address, uint32_t sector)
{
    uint8_t bytes[DR_SLOT_ENTRY_BYTES];
    DR_TRY(dr_flash_read(reader->flash, address, bytes, sizeof bytes));
    if (dr_slot_u16(bytes) != sector || dr_slot_entry_kind(reader, bytes) != DR_SLOT_ENTRY_DONE) {
        return DR_E_NOT_FOUND;
    }
    memcpy(reader->current.bytes, bytes, sizeof reader->current.bytes);
    return DR_OK;
}

/* The sector's own place, else the log. */
static enum dr_status select_sector(struct dr_slot_reader *reader, uint32_t sector)
{
    if (reader->current.bytes[DR_SLOT_ENTRY_AT_KIND] != 0 &&
        dr_slot_u16(reader->current.bytes) == sector) {
        return DR_OK;
    }
    const struct dr_slot_layout *layout = &reader->layout;
    enum dr_status status =
        try_entry(reader, layout->places_address + sector * DR_SLOT_ENTRY_BYTES, sector);
    for (uint32_t i = 0; status == DR_E_NOT_FOUND && i < layout->log_places; i++) {
        status = try_entry(reader, layout->log_address + i * DR_SLOT_ENTRY_BYTES, sector);
    }
    return status;
}

enum dr_status dr_slot_cipher(
    const struct dr_slot_reader *reader, const struct dr_slot_entry *entry, uint32_t offset_bytes,
    const uint8_t *in, uint8_t *out, uint32_t size_bytes)
{
    uint8_t counter[DR_AES_BLOCK_BYTES];
    const uint32_t block = offset_bytes / DR_AES_BLOCK_BYTES;
    memcpy(counter, entry->bytes, DR_SLOT_ENTRY_AT_KIND);
    dr_slot_put_u16(counter + DR_SLOT_ENTRY_AT_KIND, block >> 16);
    dr_slot_put_u16(counter + DR_SLOT_ENTRY_AT_KIND + 2u, block);
    return DR_CRYPTO(reader->crypto)->aes256_ctr(reader->key_data, counter, in, out, size_bytes);
}

/* Ciphertext that begins inside a cipher block: its part of the key stream, by hand. */
static enum dr_status decrypt_head(
    struct dr_slot_reader *reader, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes)
{
    uint8_t stream[DR_AES_BLOCK_BYTES] = {0};
    uint32_t skip = offset_bytes % DR_AES_BLOCK_BYTES;
    DR_TRY(dr_slot_cipher(
        reader, &reader->current, offset_bytes - skip, stream, stream, sizeof stream));
    for (uint32_t i = 0; i < size_bytes; i++) {
        out[i] ^= stream[skip + i];
    }
    dr_wipe(stream, sizeof stream);
    return DR_OK;
}

/* A run inside one sector. */
static enum dr_status
read_run(struct dr_slot_reader *reader, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes)
{
    const uint32_t sector_bytes = reader->layout.sector_bytes;
    DR_TRY(select_sector(reader, offset_bytes / sector_bytes));
    DR_TRY(
        dr_flash_read(reader->flash, reader->layout.data_address + offset_bytes, out, size_bytes));
    uint32_t within = offset_bytes % sector_bytes;
    uint32_t head = (0u - within) % DR_AES_BLOCK_BYTES;
    head = head < size_bytes ? head : size_bytes;
    if (head > 0) {
        DR_TRY(decrypt_head(reader, within, out, head));
    }
    if (head == size_bytes) {
        return DR_OK;
    }
    return dr_slot_cipher(
        reader, &reader->current, within + head, out + head, out + head, size_bytes - head);
}

enum dr_status dr_slot_read(
    struct dr_slot_reader *reader, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes)
{
    if (offset_bytes > reader->image_bytes || size_bytes > reader->image_bytes - offset_bytes) {
        return DR_E_RANGE;
    }
    while (size_bytes > 0) { /* bound: at least one byte per round */
        uint32_t run = reader->layout.sector_bytes - offset_bytes % reader->layout.sector_bytes;
        run = run < size_bytes ? run : size_bytes;
        DR_TRY(read_run(reader, offset_bytes, out, run));
        offset_bytes += run;
        out += run;
        size_bytes -= run;
    }
    return DR_OK;
}

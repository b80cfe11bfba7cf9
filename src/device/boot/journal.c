/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/journal.h"

#include "base/crc32.h"
#include "base/cursor.h"
#include "base/secret.h"

#include <string.h>

/* Record: magic u32 | version u32 | sequence u32 | state | HMAC 32 | CRC u32. */
#define MAGIC 0x4a425244u /* "DRBJ" */
#define VERSION 1u
#define HEADER_BYTES 12u
#define MAC_OFFSET (HEADER_BYTES + DR_BOOT_STATE_BYTES)
#define CRC_OFFSET (MAC_OFFSET + DR_SHA256_BYTES)

_Static_assert(CRC_OFFSET + 4u == DR_JOURNAL_RECORD_BYTES, "record layout");
_Static_assert(DR_JOURNAL_RECORD_BYTES % 32u == 0, "whole program units");

uint32_t dr_journal_capacity(const struct dr_flash *flash)
{
    return flash->geometry.sector_bytes / DR_JOURNAL_RECORD_BYTES;
}

static uint32_t sector_address(const struct dr_journal *journal, uint32_t sector)
{
    return journal->area.address + sector * journal->flash->geometry.sector_bytes;
}

static enum dr_status
read_record(const struct dr_journal *journal, uint32_t sector, uint32_t position, uint8_t *out)
{
    return dr_flash_read(
        journal->flash, sector_address(journal, sector) + position * DR_JOURNAL_RECORD_BYTES, out,
        DR_JOURNAL_RECORD_BYTES);
}

static void
record_mac(const struct dr_journal *journal, const uint8_t *record, uint8_t mac[DR_SHA256_BYTES])
{
    struct dr_bytes key = {journal->key, DR_BOOT_KEY_BYTES};
    struct dr_bytes part = {record, MAC_OFFSET};
    dr_hmac_sha256(journal->crypto, key, &part, 1, mac);
}

/* The sequence of a valid record, 0 for anything else: numbers begin at 1. */
static uint32_t record_sequence(const struct dr_journal *journal, const uint8_t *record)
{
    struct dr_reader reader;
    uint8_t mac[DR_SHA256_BYTES];
    dr_reader_init(&reader, record + CRC_OFFSET, 4);
    if (dr_read_u32(&reader) != dr_crc32(0, record, CRC_OFFSET)) {
        return 0;
    }
    record_mac(journal, record, mac);
    if (!dr_equal_ct(mac, record + MAC_OFFSET, sizeof mac)) {
        return 0;
    }
    dr_reader_init(&reader, record, HEADER_BYTES);
    bool known = dr_read_u32(&reader) == MAGIC && dr_read_u32(&reader) == VERSION;
    return known ? dr_read_u32(&reader) : 0;
}

static bool is_blank(const struct dr_journal *journal, const uint8_t *record)
{
    for (size_t i = 0; i < DR_JOURNAL_RECORD_BYTES; i++) {
        if (record[i] != journal->flash->geometry.erased_value) {
            return false;
        }
    }
    return true;
}

/* One pass over a sector; the newest record seen so far is kept in journal->record. */
static void scan_sector(struct dr_journal *journal, uint8_t sector, bool *readable)
{
    bool snapshot = false;
    bool newest_here = false;
    uint32_t used = 0;   /* records up to and including the last that is not blank */
    uint32_t newest = 0; /* position of the newest one here */
    for (uint32_t i = 0; i < dr_journal_capacity(journal->flash); i++) {
        if (read_record(journal, sector, i, journal->check) != DR_OK) {
            used = i + 1u;
            continue;
        }
        *readable = true;
        if (is_blank(journal, journal->check)) {
            continue;
        }
        used = i + 1u;
        uint32_t sequence = record_sequence(journal, journal->check);
        snapshot = snapshot || (i == 0 && sequence != 0);
        if (sequence > journal->sequence) {
            memcpy(journal->record, journal->check, sizeof journal->record);
            journal->sequence = sequence;
            newest_here = true;
            newest = i;
        }
    }
    if (newest_here) {
        journal->found = true;
        journal->sector = sector;
        journal->open = snapshot;
        journal->position = used;
        journal->skipped = used - newest - 1u;
    }
}

enum dr_status dr_journal_open(
    struct dr_journal *journal, const struct dr_flash *flash, struct dr_flash_area area,
    const struct dr_crypto *crypto, const uint8_t key[DR_BOOT_KEY_BYTES],
    struct dr_boot_state *ret_state)
{
    memset(journal, 0, sizeof *journal);
    journal->flash = flash;
    journal->crypto = crypto;
    journal->key = key;
    journal->area = area;
    bool readable = false;
    scan_sector(journal, 0, &readable);
    scan_sector(journal, 1, &readable);
    if (!readable) {
        return DR_E_IO;
    }
    if (!journal->found) {
        return DR_E_NOT_FOUND;
    }
    if (dr_boot_state_decode(journal->record + HEADER_BYTES, ret_state) != DR_OK) {
        journal->found = false;
        return DR_E_NOT_FOUND;
    }
    ret_state->sequence = journal->sequence;
    journal->firm = read_record(
                        journal, journal->sector, journal->position - journal->skipped - 1u,
                        journal->check) == DR_OK &&
                    memcmp(journal->record, journal->check, sizeof journal->record) == 0;
    return DR_OK;
}

static void
build_record(struct dr_journal *journal, const struct dr_boot_state *state, uint32_t sequence)
{
    struct dr_writer writer;
    dr_writer_init(&writer, journal->record, sizeof journal->record);
    dr_write_u32(&writer, MAGIC);
    dr_write_u32(&writer, VERSION);
    dr_write_u32(&writer, sequence);
    dr_boot_state_encode(state, journal->record + HEADER_BYTES);
    record_mac(journal, journal->record, journal->record + MAC_OFFSET);
    dr_writer_init(&writer, journal->record + CRC_OFFSET, 4);
    dr_write_u32(&writer, dr_crc32(0, journal->record, CRC_OFFSET));
}

/* Program journal->record and read it back twice. */
static enum dr_status write_record(struct dr_journal *journal, uint32_t sector, uint32_t position)
{
    uint32_t address = sector_address(journal, sector) + position * DR_JOURNAL_RECORD_BYTES;
    DR_TRY(dr_flash_program(journal->flash, address, journal->record, DR_JOURNAL_RECORD_BYTES));
    DR_TRY(dr_flash_sync(journal->flash));
    for (int i = 0; i < 2; i++) {
        DR_TRY(read_record(journal, sector, position, journal->check));
        if (memcmp(journal->record, journal->check, sizeof journal->record) != 0) {
            return DR_E_IO;
        }
    }
    return DR_OK;
}

/* Begin `sector` anew with journal->record as its snapshot. It is erased whatever it seems to hold.
 */
static enum dr_status write_snapshot(struct dr_journal *journal, uint8_t sector)
{
    DR_TRY(dr_flash_erase(
        journal->flash, sector_address(journal, sector), journal->flash->geometry.sector_bytes));
    DR_TRY(dr_flash_sync(journal->flash));
    return write_record(journal, sector, 0);
}

static enum dr_status written(
    struct dr_journal *journal, struct dr_boot_state *state, uint32_t sequence, uint8_t sector,
    uint32_t position)
{
    journal->found = true;
    journal->firm = true;
    journal->open = true;
    journal->sector = sector;
    journal->position = position + 1u;
    journal->skipped = 0;
    journal->sequence = sequence;
    state->sequence = sequence;
    return DR_OK;
}

enum dr_status
dr_journal_append(struct dr_journal *journal, struct dr_boot_state *state, uint32_t base)
{
    /* A spoiled record may have carried a number already: go past it, so that no number ever means
     * two states. */
    uint32_t last = journal->found ? journal->sequence : base;
    if (last > UINT32_MAX - journal->skipped - 1u) {
        return DR_E_SPACE;
    }
    uint32_t sequence = last + journal->skipped + 1u;
    build_record(journal, state, sequence);
    if (journal->open && journal->position < dr_journal_capacity(journal->flash)) {
        uint32_t position = journal->position;
        if (write_record(journal, journal->sector, position) == DR_OK) {
            return written(journal, state, sequence, journal->sector, position);
        }
        journal->position++;
        journal->skipped++;
    }
    /* Never the sector that holds the newest record; the other one gets a second chance. */
    for (uint8_t i = 0; i < 2; i++) {
        uint8_t sector = journal->found ? journal->sector ^ 1u : i;
        if (write_snapshot(journal, sector) == DR_OK) {
            return written(journal, state, sequence, sector, 0);
        }
    }
    return DR_E_IO;
}

bool dr_journal_is_firm(const struct dr_journal *journal)
{
    return journal->found && journal->firm;
}

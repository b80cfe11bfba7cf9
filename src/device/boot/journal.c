/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/journal.h"

#include "base/check.h"
#include "device/boot/record_priv.h"

#include <string.h>

#define MAGIC 0x314a5244u /* "DRJ1" */

DR_STATIC_ASSERT(
    DR_RECORD_HEADER_BYTES + DR_BOOT_STATE_BYTES + DR_RECORD_TAIL_BYTES == DR_JOURNAL_RECORD_BYTES,
    "a record is a state with its frame");
DR_STATIC_ASSERT(DR_JOURNAL_RECORD_BYTES % 32u == 0, "whole program units");

uint32_t dr_journal_capacity(const struct dr_flash *flash)
{
    return DR_FLASH(flash)->geometry.sector_bytes / DR_JOURNAL_RECORD_BYTES;
}

static uint32_t sector_address(const struct dr_journal *journal, uint32_t sector)
{
    return journal->area.address + sector * DR_FLASH(journal->flash)->geometry.sector_bytes;
}

static enum dr_status
read_record(const struct dr_journal *journal, uint32_t sector, uint32_t position, uint8_t *out)
{
    return dr_flash_read(
        journal->flash, sector_address(journal, sector) + position * DR_JOURNAL_RECORD_BYTES, out,
        DR_JOURNAL_RECORD_BYTES);
}

/* The sequence of a valid record, 0 for anything else: numbers begin at 1. */
static uint32_t valid_sequence(const struct dr_journal *journal)
{
    const uint8_t *record = journal->check;
    uint32_t sequence = dr_record_sequence(MAGIC, record, DR_JOURNAL_RECORD_BYTES);
    bool genuine =
        sequence != 0 &&
        dr_record_genuine(journal->crypto, journal->key, record, DR_JOURNAL_RECORD_BYTES);
    return genuine ? sequence : 0;
}

/* What was met on the way: bits of journal->seen. */
#define SEEN_SPOILED(sector) (1u << (sector)) /* something in that sector is no record */
#define SEEN_UNREADABLE 4u
#define SEEN_READABLE 8u

/* One pass over a sector; the newest record seen so far is kept in journal->record. */
static void scan_sector(struct dr_journal *journal, uint8_t sector)
{
    unsigned seen = journal->seen;
    bool snapshot = false;
    bool newest_here = false;
    uint32_t used = 0;   /* records up to and including the last that is not blank */
    uint32_t newest = 0; /* position of the newest one here */
    for (uint32_t i = 0; i < dr_journal_capacity(journal->flash); i++) {
        if (read_record(journal, sector, i, journal->check) != DR_OK) {
            used = i + 1u;
            seen |= SEEN_SPOILED(sector) | SEEN_UNREADABLE;
            continue;
        }
        seen |= SEEN_READABLE;
        if (dr_record_blank(
                journal->check, sizeof journal->check,
                DR_FLASH(journal->flash)->geometry.erased_value)) {
            continue;
        }
        used = i + 1u;
        uint32_t sequence = valid_sequence(journal);
        if (sequence == 0) {
            seen |= SEEN_SPOILED(sector);
        }
        snapshot = snapshot || (i == 0 && sequence != 0);
        if (sequence > journal->sequence) {
            memcpy(journal->record, journal->check, sizeof journal->record);
            journal->sequence = sequence;
            newest_here = true;
            newest = i;
        }
    }
    journal->seen = (uint8_t)seen;
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
    scan_sector(journal, 0);
    scan_sector(journal, 1);
    if ((journal->seen & SEEN_READABLE) == 0) {
        return DR_E_IO;
    }
    if (!journal->found) {
        return DR_E_NOT_FOUND;
    }
    if (dr_boot_state_decode(journal->record + DR_RECORD_HEADER_BYTES, ret_state) != DR_OK) {
        journal->found = false;
        return DR_E_NOT_FOUND;
    }
    ret_state->sequence = journal->sequence;
    journal->firm = read_record(
                        journal, journal->sector, journal->position - journal->skipped - 1u,
                        journal->check) == DR_OK &&
                    memcmp(journal->record, journal->check, sizeof journal->record) == 0 &&
                    journal->skipped == 0;
    if ((journal->seen & SEEN_SPOILED(journal->sector ^ 1u)) != 0) {
        journal->firm = false;
        journal->open = false;
        journal->skipped += dr_journal_capacity(flash);
    }
    return DR_OK;
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
        journal->flash, sector_address(journal, sector),
        DR_FLASH(journal->flash)->geometry.sector_bytes));
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
    dr_boot_state_encode(state, journal->record + DR_RECORD_HEADER_BYTES);
    dr_record_finish(
        journal->crypto, journal->key, MAGIC, sequence, journal->record, sizeof journal->record);
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

bool dr_journal_is_readable(const struct dr_journal *journal)
{
    return (journal->seen & SEEN_UNREADABLE) == 0;
}

bool dr_journal_is_firm(const struct dr_journal *journal)
{
    return journal->found && journal->firm;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The boot journal: two flash sectors of whole-state records, written by the boot ROM alone.
 *
 * A record is the encoded state with sequence, HMAC (key boot-mac) and CRC. The newest valid record
 * is the state; everything older is history. A sector is open for appending while its first record,
 * the snapshot, is valid; when it is full, or has no valid snapshot, the other sector is erased,
 * whatever it seems to hold, and begins with a snapshot. So at every moment the newest record, or
 * the one before it, is intact, and nothing is ever changed in place.
 *
 * A record that cannot be read, or reads as garbage, may be newer than the newest valid one: a
 * sector that did not read for a moment holds no less than before. So the newest one found is not
 * firm then: the ROM appends it anew, with a number that skips whatever may have stood there,
 * before anything rests on it; in the other sector's case by erasing that one. What it costs if the
 * unreadable record was whole is what an older dump of the flash costs: tries, a request; never a
 * counter.
 *
 * The ROM's pass reads each record once, into RAM, and decides from that copy. Before anything that
 * cannot be undone is done because of a record (an anchor's counter advanced, a spare named), the
 * record has been read back twice: journal->firm says so.
 *
 * Rules: docs/boot.md.
 */
#ifndef DR_DEVICE_BOOT_JOURNAL_H
#define DR_DEVICE_BOOT_JOURNAL_H

#include "base/status.h"
#include "crypto/crypto.h"
#include "device/boot/state.h"
#include "device/flash/flash.h"

#include <stdbool.h>
#include <stdint.h>

/* magic, sequence | state | MAC | CRC; a multiple of every program unit. */
#define DR_JOURNAL_RECORD_BYTES 672u

struct dr_journal {
    const struct dr_flash *flash;   /* borrowed for the life of the journal */
    const struct dr_crypto *crypto; /* likewise */
    const uint8_t *key;             /* boot-mac, likewise */
    struct dr_flash_area area;      /* two sectors */

    /* Private, do not touch. */
    bool found;
    bool firm;
    uint8_t seen;
    bool open;         /* the newest record's sector may be appended to */
    uint8_t sector;    /* of the newest record */
    uint32_t position; /* next free record of that sector */
    uint32_t skipped;  /* records spoiled since the newest */
    uint32_t sequence; /* of the newest record */
    uint8_t record[DR_JOURNAL_RECORD_BYTES];
    uint8_t check[DR_JOURNAL_RECORD_BYTES];
};

/* Read both sectors and find the newest valid record. An unreadable record counts as invalid.
 *
 * DR_OK: *ret_state is the state. DR_E_NOT_FOUND: no valid record. DR_E_IO: not a single record
 * could be read. */
DR_MUST_USE enum dr_status dr_journal_open(
    struct dr_journal *journal, const struct dr_flash *flash, struct dr_flash_area area,
    const struct dr_crypto *crypto, const uint8_t key[DR_BOOT_KEY_BYTES],
    struct dr_boot_state *ret_state);

/* Append state as the newest record; on DR_OK it was read back twice and state->sequence is its
 * number. base is the number before the first one when the journal has no record.
 *
 * DR_E_IO: it could not be written; the journal still holds what it held (an unreadable part may
 * have become unusable). DR_E_SPACE: the numbers are used up. */
DR_MUST_USE enum dr_status
dr_journal_append(struct dr_journal *journal, struct dr_boot_state *state, uint32_t base);

/* Every record could be read. */
bool dr_journal_is_readable(const struct dr_journal *journal);

/* The newest record was read back twice in this boot and agreed each time, and nothing on the flash
 * may be newer. */
bool dr_journal_is_firm(const struct dr_journal *journal);

/* Records that fit one sector. */
uint32_t dr_journal_capacity(const struct dr_flash *flash);

#endif

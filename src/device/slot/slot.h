/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Receiving an image into a slot: encrypted, in any order, across power cuts.
 *
 * Life: open; then resume (same resume key) or begin (anything else); write blocks as they come;
 * flush; when nothing is missing, read it back through `slot.reader` and verify.
 *
 * Blocks: block_bytes divides the sector size (at most 32 blocks to a sector) or is a multiple of
 * it, and is a multiple of the program unit. Blocks arrive in any order, as often as they like. At
 * most DR_SLOT_OPEN_MAX sectors are partly filled at one time.
 *
 * Power may go at any point: afterwards each sector is whole and marked, or missing. Sectors that
 * were partly filled, and up to batch_sectors whole ones that were not marked yet, are fetched
 * again. A failed program costs the partly filled sectors the same way. One install survives at
 * least DR_SLOT_LOG_PLACES_MIN / 2 cuts (typically hundreds); then it says DR_E_SPACE: begin anew.
 */
#ifndef DR_DEVICE_SLOT_SLOT_H
#define DR_DEVICE_SLOT_SLOT_H

#include "device/slot/read.h"

#include <stdbool.h>
#include <stdint.h>

#define DR_SLOT_OPEN_MAX 16u
#define DR_SLOT_BATCH_MAX 32u
#define DR_SLOT_BLOCKS_PER_SECTOR_MAX 32u
#define DR_SLOT_RANDOM_BYTES 16u

struct dr_slot_config {
    const struct dr_crypto *crypto; /* kept */
    const struct dr_flash *flash;   /* kept */
    struct dr_flash_area area;
    const uint8_t *slot_key; /* 32 bytes, borrowed for the call */
    uint8_t *scratch;        /* kept; data is encrypted here on its way to the flash */
    uint32_t scratch_bytes;  /* at least 64, multiple of 32; the larger, the fewer flash calls */
    uint32_t batch_sectors;  /* erased ahead and marked together, 1 to DR_SLOT_BATCH_MAX */
};

struct dr_slot_install {
    uint32_t image_bytes;
    uint32_t block_bytes;
    uint8_t resume_key[DR_SHA256_BYTES]; /* SHA-256(file size || header || both TLV areas) */
    uint32_t journal_sequence;
    uint8_t random[DR_SLOT_RANDOM_BYTES]; /* fresh for every call that takes it */
};

struct dr_slot_open_sector {
    uint32_t written; /* bit i: block i of this sector is on flash; 0: unused */
    uint16_t sector;
};

struct dr_slot {
    struct dr_slot_reader reader; /* for dr_slot_read; image_bytes and resume_key are valid */
    /* private, do not touch */
    uint8_t *scratch;
    uint32_t scratch_bytes;
    uint32_t batch_sectors;
    uint32_t block_bytes; /* 0: neither begun nor resumed since open */
    uint32_t log_used;
    bool session_open;
    bool marks_unsynced;
    bool reload;                  /* the map in RAM may be behind the one on flash */
    bool places_erased;           /* of every sector that is not whole, since dr_slot_begin */
    struct dr_slot_entry session; /* rewrite count and salt in force; the rest is filled in */
    uint8_t random[DR_SLOT_RANDOM_BYTES];
    uint8_t slot_key[DR_SHA256_BYTES];
    uint32_t pending_count;
    uint16_t pending[DR_SLOT_BATCH_MAX];
    uint8_t whole[DR_SLOT_SECTORS_MAX / 8];    /* all bytes written, marked or about to be */
    uint8_t prepared[DR_SLOT_SECTORS_MAX / 8]; /* erased in this session */
    struct dr_slot_open_sector open[DR_SLOT_OPEN_MAX];
};

/* DR_OK: there is an install; compare slot->reader.resume_key, then resume or begin.
 * DR_E_NOT_FOUND: there is none; begin. Other failures: the slot is not usable. Writes nothing. */
DR_MUST_USE enum dr_status dr_slot_open(struct dr_slot *slot, const struct dr_slot_config *config);

/* Start over: the header is erased, a new install id is made, written and read back. What was in
 * the slot is gone. DR_E_SPACE: the image does not fit. DR_E_ARGUMENT: block size. */
DR_MUST_USE enum dr_status
dr_slot_begin(struct dr_slot *slot, const struct dr_slot_install *install);

/* Go on with the install that dr_slot_open found. block_bytes may differ from the last time.
 * DR_E_STATE: open found none. DR_E_SPACE: cut too often, begin anew. Writes nothing yet. */
DR_MUST_USE enum dr_status dr_slot_resume(
    struct dr_slot *slot, uint32_t block_bytes, const uint8_t random[DR_SLOT_RANDOM_BYTES]);

/* Write one block. Safe to repeat: what is there already is not written again.
 *
 * offset_bytes  multiple of block_bytes; size_bytes = block_bytes, or the rest of the image.
 *
 * DR_E_RANGE  not a block of this image.
 * DR_E_BUSY   too many sectors are partly filled: send the missing blocks of those first.
 * DR_E_IO     the flash refused; this block is missing still, and so are those of partly filled
 *             sectors (ask dr_slot_next_missing again).
 * DR_E_SPACE  as dr_slot_resume. */
DR_MUST_USE enum dr_status dr_slot_write(
    struct dr_slot *slot, uint32_t offset_bytes, const uint8_t *data, uint32_t size_bytes);

/* Mark the whole sectors that are not marked yet; when this returns DR_OK a cut costs none of them.
 * dr_slot_write does it by itself when the image is complete. */
DR_MUST_USE enum dr_status dr_slot_flush(struct dr_slot *slot);

/* Is this block on flash? block_index counts from 0 in units of block_bytes. */
bool dr_slot_has_block(const struct dr_slot *slot, uint32_t block_index);

/* First missing block at or after block_index, or the number of blocks when there is none. */
uint32_t dr_slot_next_missing(const struct dr_slot *slot, uint32_t block_index);

uint32_t dr_slot_block_count(const struct dr_slot *slot);
uint32_t dr_slot_missing_count(const struct dr_slot *slot);

/* Bit i (least significant first) of the map is set when block first + i is missing; bits beyond
 * the image are clear. size_bytes of map are written. */
void dr_slot_missing_map(
    const struct dr_slot *slot, uint32_t first_block, uint8_t *map, uint32_t size_bytes);

/* Forget the keys. */
void dr_slot_wipe(struct dr_slot *slot);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The block map of a slot being written: what map.c does for slot.c. */
#ifndef DR_DEVICE_SLOT_MAP_PRIV_H
#define DR_DEVICE_SLOT_MAP_PRIV_H

#include "device/slot/slot.h"

#include <stdbool.h>
#include <stdint.h>

bool dr_slot_bit(const uint8_t *bits, uint32_t index);
void dr_slot_bit_set(uint8_t *bits, uint32_t index);

/* Sectors that the image covers. */
uint32_t dr_slot_sector_count(const struct dr_slot *slot);

/* Index of the partly filled sector's record; DR_SLOT_OPEN_MAX when it is not one. */
uint32_t dr_slot_open_index(const struct dr_slot *slot, uint32_t sector);

/* Program a record, sync, and read it back. DR_E_IO: it did not take. */
DR_MUST_USE enum dr_status dr_slot_put(
    const struct dr_slot *slot, uint32_t address, const uint8_t *record, uint32_t size_bytes);

/* Read all entries: which sectors are whole, where the log ends; raises the rewrite count to the
 * highest seen. */
DR_MUST_USE enum dr_status dr_slot_map_load(struct dr_slot *slot);

/* Make sure that a SESSION entry of this session is on the medium. */
DR_MUST_USE enum dr_status dr_slot_session_begin(struct dr_slot *slot);

/* After a failed write: no key stream of this session may be used again. Partly filled sectors and
 * whole ones that are not marked are missing again; what is marked after all is found when the next
 * session begins. */
void dr_slot_session_abandon(struct dr_slot *slot);

/* A sector has all its bytes: mark it with its batch, the last one of an image for good. */
DR_MUST_USE enum dr_status dr_slot_sector_whole(struct dr_slot *slot, uint32_t sector);

#endif

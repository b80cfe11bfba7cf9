/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* How a slot's bytes are laid out, for the two halves of this room (read.c, slot.c).
 *
 *   header sectors                                              data sectors
 *   install record | one place per data sector | log places ... | sector 0 | sector 1 | ...
 *
 * Install record (96 bytes): magic u32, version u32, sector size u32, image size u32 (all
 * little-endian), install id 32, resume key 32, tag 16. It is written once, after the whole header
 * was erased, and read back before the first data byte.
 *
 * Entry (32 bytes): sector u16, rewrite count u16 (both big-endian), salt 8, kind u8, zeros,
 * tag 16. SESSION  every sector not done is from here on written with this rewrite count and salt.
 * In the log; written before the first erase of each power-up that goes on with a download. DONE
 * this data sector is whole, and was written with this rewrite count and salt. In the sector's own
 * place, or in the log when a cut spoiled that place.
 *
 * Keys:  HKDF(slot key, "daruma slot data v1" || install id)  AES-256-CTR of the data
 *        HKDF(slot key, "daruma slot map v1" || install id)   HMAC-SHA-256 of records, 16 bytes
 * kept An entry thus belongs to one install and to nothing else; the tag finds accidents as well.
 * Counter block: the entry's first 12 bytes || block counter u32, big-endian. A
 * sector is erased at most once per rewrite count and each unit programmed once in between, so no
 * part of the key stream meets two plaintexts. The salt keeps that true even where an attacker, or
 * an erase that was cut, takes SESSION entries away.
 */
#ifndef DR_DEVICE_SLOT_LAYOUT_H
#define DR_DEVICE_SLOT_LAYOUT_H

#include "crypto/crypto.h"
#include "device/flash/flash.h"

#include <stdbool.h>
#include <stdint.h>

#define DR_SLOT_INSTALL_MAGIC 0x31535244u /* "DRS1" */
#define DR_SLOT_INSTALL_VERSION 1u
#define DR_SLOT_INSTALL_BYTES 96u
#define DR_SLOT_INSTALL_HEAD_BYTES 16u
#define DR_SLOT_INSTALL_AT_SIZE 12u
#define DR_SLOT_INSTALL_AT_ID 16u
#define DR_SLOT_INSTALL_AT_KEY 48u
#define DR_SLOT_ENTRY_BYTES 32u
#define DR_SLOT_TAG_BYTES 16u
#define DR_SLOT_SALT_BYTES 8u
#define DR_SLOT_LOG_PLACES_MIN 16u
#define DR_SLOT_SECTORS_MAX 1024u

enum dr_slot_entry_kind {
    DR_SLOT_ENTRY_SESSION = 1,
    DR_SLOT_ENTRY_DONE = 2,
};

struct dr_slot_layout {
    uint32_t header_address;
    uint32_t header_bytes; /* whole sectors */
    uint32_t places_address;
    uint32_t log_address;
    uint32_t log_places;
    uint32_t data_address;
    uint32_t data_sectors;
    uint32_t sector_bytes;
};

/* The bytes of an entry without its tag; see above. */
#define DR_SLOT_ENTRY_AT_COUNT 2u
#define DR_SLOT_ENTRY_AT_SALT 4u
#define DR_SLOT_ENTRY_AT_KIND 12u
struct dr_slot_entry {
    uint8_t bytes[DR_SLOT_ENTRY_BYTES - DR_SLOT_TAG_BYTES];
};

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the writing half uses of the reading half. */
#ifndef DR_DEVICE_SLOT_SLOT_PRIV_H
#define DR_DEVICE_SLOT_SLOT_PRIV_H

#include "device/slot/read.h"

#include <stdbool.h>
#include <stdint.h>

/* The keys of one install. */
void dr_slot_derive_keys(
    struct dr_slot_reader *reader, const uint8_t slot_key[DR_SHA256_BYTES],
    const uint8_t install_id[DR_SHA256_BYTES]);

/* The first DR_SLOT_INSTALL_HEAD_BYTES of an install record. */
void dr_slot_head(
    const struct dr_slot_reader *reader, uint32_t image_bytes,
    uint8_t head[DR_SLOT_INSTALL_HEAD_BYTES]);

/* First DR_SLOT_TAG_BYTES of HMAC(map key, data). */
void dr_slot_tag(
    const struct dr_slot_reader *reader, const uint8_t *data, size_t size_bytes,
    uint8_t tag[DR_SLOT_TAG_BYTES]);

/* The kind of a genuine entry; 0: torn, damaged, erased, or of another install. */
uint8_t
dr_slot_entry_kind(const struct dr_slot_reader *reader, const uint8_t bytes[DR_SLOT_ENTRY_BYTES]);

/* Big-endian: an entry's sector, its rewrite count. */
uint32_t dr_slot_u16(const uint8_t *bytes);
void dr_slot_put_u16(uint8_t *bytes, uint32_t value);

/* XOR with the key stream of entry's sector; offset_bytes within the sector, multiple of 16. in and
 * out may be the same. */
DR_MUST_USE enum dr_status dr_slot_cipher(
    const struct dr_slot_reader *reader, const struct dr_slot_entry *entry, uint32_t offset_bytes,
    const uint8_t *in, uint8_t *out, uint32_t size_bytes);

#endif

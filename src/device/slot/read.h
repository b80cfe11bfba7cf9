/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Reading an image out of a slot: the half that the boot ROM carries.
 *
 * Decrypts; does not judge. What comes out is what was put in, or garbage where somebody changed
 * the flash: the image's signature decides, on a copy in RAM (docs/device.md 9).
 */
#ifndef DR_DEVICE_SLOT_READ_H
#define DR_DEVICE_SLOT_READ_H

#include "crypto/crypto.h"
#include "device/flash/flash.h"
#include "device/slot/layout.h"

#include <stdint.h>

struct dr_slot_reader {
    /* private, do not touch */
    const struct dr_crypto *crypto;
    const struct dr_flash *flash;
    struct dr_slot_layout layout;
    uint8_t key_data[DR_SHA256_BYTES];
    uint8_t key_map[DR_SHA256_BYTES];
    uint32_t image_bytes;
    uint8_t resume_key[DR_SHA256_BYTES];
    struct dr_slot_entry current; /* the DONE entry of the sector read last; all zero: none */
};

/* Find the install. crypto and flash are kept; slot_key is borrowed.
 * DR_E_ARGUMENT: the area does not fit the part, or has too few or too many sectors.
 * DR_E_NOT_FOUND: no install record that fits this key. DR_E_IO: the flash failed. */
DR_MUST_USE enum dr_status dr_slot_reader_open(
    struct dr_slot_reader *reader, const struct dr_crypto *crypto, const struct dr_flash *flash,
    const struct dr_flash_area *area, const uint8_t slot_key[DR_SHA256_BYTES]);

/* Size the image was announced with; the slot may still be incomplete. */
uint32_t dr_slot_image_bytes(const struct dr_slot_reader *reader);

/* Plaintext of [offset_bytes, offset_bytes + size_bytes) of the image.
 * DR_E_RANGE: outside the image. DR_E_NOT_FOUND: a sector of it was never completed. On failure out
 * holds nothing useful. */
DR_MUST_USE enum dr_status dr_slot_read(
    struct dr_slot_reader *reader, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes);

/* Forget the keys. */
void dr_slot_reader_wipe(struct dr_slot_reader *reader);

/* Where things are in an area; pure. DR_E_ARGUMENT as for dr_slot_reader_open. */
DR_MUST_USE enum dr_status dr_slot_layout_compute(
    const struct dr_flash_geometry *geometry, const struct dr_flash_area *area,
    struct dr_slot_layout *ret_layout);

/* The largest image an area takes; 0 when the area cannot be a slot. */
uint32_t
dr_slot_capacity(const struct dr_flash_geometry *geometry, const struct dr_flash_area *area);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The NOR part: device/flash over the storage window.
 *
 * The window is plain memory, so the rules of NOR are kept here: erase sets a sector to 0xff, a
 * unit is programmed only while all of it reads erased (a second program is DR_E_IO, as on a part
 * with ECC), nothing outside the storage is touched. A power cut stops between two stores.
 *
 * Which areas may be written is the memory protection unit's to say (common/mpu.h): a program or
 * erase elsewhere is refused with DR_E_DENIED before it faults.
 */
#ifndef DR_BOARDS_MPS2_NOR_H
#define DR_BOARDS_MPS2_NOR_H

#include "device/flash/flash.h"

#include <stdint.h>

struct dr_nor {
    /* private, do not touch */
    uint8_t spare; /* enum dr_slot_id */
};

/* The boot ROM's port: may write journal and requests. */
extern const struct dr_flash dr_nor_flash_rom;

/* A firmware's: requests, vault and the spare that the hand-off names. nor is kept for the life of
 * the port. */
void dr_nor_port_firmware(struct dr_nor *nor, uint8_t spare, struct dr_flash *ret_flash);

#endif

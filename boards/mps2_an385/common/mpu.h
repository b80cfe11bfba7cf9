/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Memory protection against stray writes. Not against malice: whoever runs privileged may turn it
 * off again (docs/security.md says so for this board).
 *
 * Regions 0 to 3 are the storage's and set by the boot ROM before the jump: storage read-only and
 * never executed, but for requests with vault, the spare, and the board's own pages. Regions 4 to 7
 * are the firmware's; a higher number wins where two overlap. Everything else keeps the
 * processor's default map.
 */
#ifndef DR_BOARDS_MPS2_MPU_H
#define DR_BOARDS_MPS2_MPU_H

#include <stdint.h>

#define DR_MPU_FIRST_FREE 4u
#define DR_MPU_REGIONS 8u

enum dr_mpu_access {
    DR_MPU_NONE = 0,            /* no access at all: a guard */
    DR_MPU_WRITE = 1,           /* read and write, never executed */
    DR_MPU_READ = 5,            /* read only, never executed */
    DR_MPU_READ_EXECUTE = 0x15, /* code */
};

/* Storage regions as above, and the unit switched on. spare: enum dr_slot_id. */
void dr_mpu_protect_storage(uint8_t spare);

/* One region; size is a power of two of at least 32 on a multiple of itself, 0 turns it off. */
void dr_mpu_region(uint32_t number, uint32_t address, uint32_t size_bytes, uint32_t access);

#endif

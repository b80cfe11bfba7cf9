/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A guard under the stack of whoever runs: the last region of the protection unit moves along at
 * every switch of tasks. Reading stays allowed, because the kernel looks at the same bytes for its
 * own check and for high-water marks; a write is a fault at once, before it spoils a neighbour. */
#include "boards/mps2_an385/common/mpu.h"

#define GUARD_REGION (DR_MPU_REGIONS - 1u)
#define GUARD_BYTES 32u

void dr_mps2_guard(const uint32_t *stack);

/* stack: its lowest word. All stacks here begin at a multiple of 32; others lose up to 28 bytes. */
void dr_mps2_guard(const uint32_t *stack)
{
    uint32_t at = ((uint32_t)(uintptr_t)stack + GUARD_BYTES - 1u) & ~(GUARD_BYTES - 1u);
    dr_mpu_region(GUARD_REGION, at, GUARD_BYTES, DR_MPU_READ);
}

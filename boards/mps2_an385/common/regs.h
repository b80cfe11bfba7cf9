/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Registers and memory that somebody else looks at too. */
#ifndef DR_BOARDS_MPS2_REGS_H
#define DR_BOARDS_MPS2_REGS_H

#include <stdint.h>

static inline uint32_t dr_reg_read(uint32_t address)
{
    return *(volatile const uint32_t *)(uintptr_t)address;
}

static inline void dr_reg_write(uint32_t address, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)address = value;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/common/clock.h"

#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/map.h"

#define COUNTER (DR_MPS2_FPGAIO_AT + 0x018u)
#define PRESCALE (DR_MPS2_FPGAIO_AT + 0x01cu)

void dr_clock_start(void)
{
    dr_reg_write(PRESCALE, DR_MPS2_FPGAIO_HZ / 1000u - 1u);
    dr_reg_write(COUNTER, 0);
}

uint32_t dr_clock_ms(void)
{
    return dr_reg_read(COUNTER);
}

void dr_clock_wait(uint32_t wait_ms)
{
    uint32_t begin_ms = dr_clock_ms();
    while (dr_clock_ms() - begin_ms < wait_ms) { /* bound: wait_ms */
    }
}

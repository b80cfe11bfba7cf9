/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/common/watchdog.h"

#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/map.h"

#define LOAD (DR_MPS2_WATCHDOG_AT + 0x000u)
#define CONTROL (DR_MPS2_WATCHDOG_AT + 0x008u)
#define INTERRUPT_CLEAR (DR_MPS2_WATCHDOG_AT + 0x00cu)
#define RAW_STATUS (DR_MPS2_WATCHDOG_AT + 0x010u)
#define LOCK (DR_MPS2_WATCHDOG_AT + 0xc00u)
#define LOCK_OPEN 0x1acce551u
#define CONTROL_INTERRUPT_AND_RESET 3u
#define TICKS_PER_MS (DR_MPS2_CPU_HZ / 1000u)

#define AIRCR 0xe000ed0cu
#define AIRCR_SYSTEM_RESET 0x05fa0004u

static void load(uint32_t period_ms)
{
    uint32_t ms = period_ms < DR_WATCHDOG_MS_MAX ? period_ms : DR_WATCHDOG_MS_MAX;
    dr_reg_write(LOCK, LOCK_OPEN);
    dr_reg_write(LOAD, (ms > 0 ? ms : 1u) * TICKS_PER_MS);
}

void dr_watchdog_arm(uint32_t period_ms)
{
    load(period_ms);
    dr_reg_write(CONTROL, CONTROL_INTERRUPT_AND_RESET);
    dr_watchdog_feed();
}

void dr_watchdog_feed(void)
{
    /* Clearing the interrupt reloads the counter, also when none is pending. */
    dr_reg_write(INTERRUPT_CLEAR, 1);
}

void dr_watchdog_end(void)
{
    if ((dr_reg_read(RAW_STATUS) & 1u) == 0) {
        dr_system_reset();
    }
    /* The interrupt stays pending: the next expiry is the reset. */
    load(DR_WATCHDOG_GRACE_MS);
    for (;;) { /* bound: the reset */
    }
}

void dr_system_reset(void)
{
    __asm volatile("dsb" ::: "memory");
    dr_reg_write(AIRCR, AIRCR_SYSTEM_RESET);
    for (;;) { /* bound: the reset */
    }
}

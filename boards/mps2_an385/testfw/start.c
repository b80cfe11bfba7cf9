/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Vectors, and what a dying image leaves behind. */
#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/common/retained.h"
#include "boards/mps2_an385/common/vectors.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/testfw/testfw.h"

#define CFSR 0xe000ed28u
#define FRAME_LR 5
#define FRAME_PC 6

extern uint8_t testfw_stack_end[];

static __attribute__((used)) void die(const uint32_t *frame, uint32_t reason)
{
    uint8_t encoded[DR_CRASH_BYTES];
    const struct dr_crash_record record = {
        .reason = (uint8_t)reason,
        .pc = frame[FRAME_PC],
        .lr = frame[FRAME_LR],
        .fault_status = dr_reg_read(CFSR),
        .uptime_ms = dr_clock_ms()};
    dr_crash_encode(&record, encoded);
    dr_retained_crash_write(encoded);
    dr_watchdog_end();
}

/* The frame that the processor pushed is on the main stack: there is no other. */
static __attribute__((naked)) void on_nmi(void)
{
    __asm volatile("mrs r0, msp   \n"
                   "movs r1, #1   \n" /* DR_CRASH_HANG */
                   "b die         \n");
}

static __attribute__((naked)) void on_fault(void)
{
    __asm volatile("mrs r0, msp   \n"
                   "movs r1, #2   \n" /* DR_CRASH_FAULT */
                   "b die         \n");
}

DR_VECTORS_SECTION static const struct dr_vectors vectors = {
    .stack = testfw_stack_end,
    .reset = testfw_main,
    .nmi = on_nmi,
    .others = DR_VECTORS_OTHERS(on_fault),
};

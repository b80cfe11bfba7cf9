/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/firmware/fault.h"

#include "base/check.h"
#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/common/console.h"
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/common/retained.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/map.h"

#include <FreeRTOS.h>
#include <task.h>

#include <string.h>

#define FAULT_STATUS_AT 0xe000ed28u
#define FRAME_LR 5
#define FRAME_PC 6
#define FRAME_BYTES 32u
#define SAVED_REGISTERS 8u
#define NOT_STACKED 0x1010u /* the frame could not be written (MSTKERR, STKERR) */

static uint8_t running_digest[DR_IMAGE_DIGEST_BYTES];

void dr_fault_identify(const uint8_t digest[DR_IMAGE_DIGEST_BYTES])
{
    memcpy(running_digest, digest, sizeof(running_digest));
}

/* A task by the first letter of its name, which no two share; NULL: the one that runs. 0: none
 * ran yet. */
static uint8_t letter_of(TaskHandle_t task)
{
    if (xTaskGetSchedulerState() == taskSCHEDULER_NOT_STARTED) {
        return 0;
    }
    return (uint8_t)pcTaskGetName(task)[0];
}

static void record(enum dr_crash_reason reason, TaskHandle_t task, uint32_t pc, uint32_t lr)
{
    struct dr_crash_record crash = {
        .reason = (uint8_t)reason,
        .task = letter_of(task),
        .pc = pc,
        .lr = lr,
        .fault_status = dr_reg_read(FAULT_STATUS_AT),
        .uptime_ms = dr_clock_ms(),
    };
    uint8_t bytes[DR_CRASH_BYTES];
    memcpy(crash.digest, running_digest, sizeof(crash.digest));
    dr_crash_encode(&crash, bytes);
    dr_retained_crash_write(bytes);
}

void dr_fault_record(enum dr_crash_reason reason, uint32_t pc)
{
    record(reason, NULL, pc, 0);
}

/* frame: what the processor pushed when the exception came; it may be anywhere if a stack
 * overflowed. */
static void from_frame(enum dr_crash_reason reason, TaskHandle_t task, const uint32_t *frame)
{
    uint32_t at = (uint32_t)(uintptr_t)frame;
    bool readable =
        at >= DR_MPS2_FW_RAM_AT && at <= DR_MPS2_FW_RAM_AT + DR_MPS2_FW_RAM_BYTES - FRAME_BYTES;
    record(reason, task, readable ? frame[FRAME_PC] : 0, readable ? frame[FRAME_LR] : 0);
}

void dr_fault_nmi_frame(const uint32_t *frame);
void dr_fault_hard_frame(const uint32_t *frame);

__attribute__((used)) void dr_fault_nmi_frame(const uint32_t *frame)
{
    from_frame(DR_CRASH_HANG, NULL, frame);
    dr_console_line("watchdog: hang");
    dr_watchdog_end();
}

__attribute__((used)) void dr_fault_hard_frame(const uint32_t *frame)
{
    bool stacked = (dr_reg_read(FAULT_STATUS_AT) & NOT_STACKED) == 0;
    from_frame(DR_CRASH_FAULT, NULL, stacked ? frame : NULL);
    dr_console_line("fault");
    dr_system_reset();
}

/* Which of the two stack pointers was in use stands in the link register. */
#define ENTER(function)                                                                            \
    __asm volatile("tst lr, #4\n"                                                                  \
                   "ite eq\n"                                                                      \
                   "mrseq r0, msp\n"                                                               \
                   "mrsne r0, psp\n"                                                               \
                   "b " #function "\n")

__attribute__((naked)) void dr_fault_nmi(void)
{
    ENTER(dr_fault_nmi_frame);
}

__attribute__((naked)) void dr_fault_hard(void)
{
    ENTER(dr_fault_hard_frame);
}

/* The kernel saves a task's registers on its stack, r4 to r11 below what the processor pushes, and
 * keeps the stack pointer in the first word of what the handle points to. */
void dr_fault_silent(void *task)
{
    const uint32_t *saved = task != NULL ? *(uint32_t *const *)task : NULL;
    from_frame(DR_CRASH_HANG, task, saved != NULL ? saved + SAVED_REGISTERS : NULL);
    const char *name = pcTaskGetName(task);
    dr_console_write("silent: ", 8);
    dr_console_write(name, strlen(name));
    dr_console_write("\n", 1);
    dr_system_reset();
}

_Noreturn void dr_check_failed(const char *file, int line)
{
    (void)file;
    record(DR_CRASH_CHECK, NULL, (uint32_t)(uintptr_t)__builtin_return_address(0), (uint32_t)line);
    dr_console_line("check failed");
    dr_system_reset();
}

/* Asked for by the kernel: what its check of the stacks calls. */
void vApplicationStackOverflowHook(TaskHandle_t task, char *name);

void vApplicationStackOverflowHook(TaskHandle_t task, char *name)
{
    (void)task;
    (void)name;
    record(DR_CRASH_FAULT, NULL, 0, 0);
    dr_console_line("stack overflow");
    dr_system_reset();
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Vectors, and the way from the boot ROM's jump to main. */
#include "boards/mps2_an385/common/console.h"
#include "boards/mps2_an385/common/mpu.h"
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/firmware/fault.h"
#include "boards/mps2_an385/firmware/firmware.h"
#include "boards/mps2_an385/map.h"
#include "boards/mps2_an385/port/ethernet.h"

#include <stdint.h>
#include <string.h>

#define VTOR_AT 0xe000ed08u
#define CODE_REGION (DR_MPU_FIRST_FREE)
#define DATA_REGION (DR_MPU_FIRST_FREE + 1u)
#define GAP_REGION (DR_MPU_FIRST_FREE + 2u)
#define CODE_BYTES 0x80000u /* the ROM's former RAM and the first part of the load window */

/* Made by the linker script. */
extern uint32_t dr_firmware_stack_end[];
extern uint8_t dr_firmware_data_begin[];
extern uint8_t dr_firmware_data_end[];
extern const uint8_t dr_firmware_data_from[];
extern uint8_t dr_firmware_bss_begin[];
extern uint8_t dr_firmware_bss_end[];

/* The kernel's. */
void dr_mps2_svc(void);
void dr_mps2_pend_sv(void);
void dr_mps2_tick(void);

int main(void);
_Noreturn void dr_firmware_reset(void);

typedef void (*vector)(void);

#define EXCEPTIONS 16
#define INTERRUPTS 32

struct vectors {
    uint32_t *stack;
    vector handlers[EXCEPTIONS - 1 + INTERRUPTS];
};

const struct vectors dr_firmware_vectors;

__attribute__((section(".vectors"), used)) const struct vectors dr_firmware_vectors = {
    .stack = dr_firmware_stack_end,
    .handlers =
        {
            [0] = dr_firmware_reset,
            [1] = dr_fault_nmi,
            [2] = dr_fault_hard,
            [3] = dr_fault_hard,
            [4] = dr_fault_hard,
            [5] = dr_fault_hard,
            [10] = dr_mps2_svc,
            [13] = dr_mps2_pend_sv,
            [14] = dr_mps2_tick,
            [EXCEPTIONS - 1 + DR_MPS2_ETHERNET_IRQ] = dr_ethernet_interrupt,
        },
};

/* Code is not written, data is not executed, and nothing lies between the two. */
void dr_firmware_protect(void)
{
    dr_mpu_region(CODE_REGION, DR_MPS2_RAM_AT, CODE_BYTES, DR_MPU_READ_EXECUTE);
    dr_mpu_region(DATA_REGION, DR_MPS2_FW_RAM_AT, DR_MPS2_FW_RAM_BYTES, DR_MPU_WRITE);
    dr_mpu_region(GAP_REGION, DR_MPS2_RAM_AT + CODE_BYTES, 0x40000u, DR_MPU_NONE);
}

void dr_firmware_reset(void)
{
    dr_reg_write(VTOR_AT, (uint32_t)(uintptr_t)&dr_firmware_vectors);
    dr_console_start(); /* a fault before main has its last words, too */
    memcpy(
        dr_firmware_data_begin, dr_firmware_data_from,
        (size_t)(dr_firmware_data_end - dr_firmware_data_begin));
    memset(dr_firmware_bss_begin, 0, (size_t)(dr_firmware_bss_end - dr_firmware_bss_begin));
    (void)main();
    dr_fault_record(DR_CRASH_CHECK, (uint32_t)(uintptr_t)&main);
    dr_system_reset();
}

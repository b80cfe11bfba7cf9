/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Vectors and the first instructions. */
#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/common/vectors.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/rom/rom.h"
#include "boards/panel.h"
#include "device/boot/policy.h"

#include <string.h>

/* From the linker script. */
extern uint8_t dr_rom_bss_begin[];
extern uint8_t dr_rom_bss_end[];
extern uint8_t dr_rom_stack_end[];

_Noreturn void dr_rom_reset(void);

void dr_rom_reset(void)
{
    dr_watchdog_arm(dr_boot_policy_default.rom_watchdog_ms);
    dr_clock_start();
    memset(dr_rom_bss_begin, 0, (size_t)(dr_rom_bss_end - dr_rom_bss_begin));
    dr_rom_main();
}

/* The watchdog's first expiry: nothing that was begun here is worth a record. */
static _Noreturn void on_nmi(void)
{
    dr_system_reset();
}

static _Noreturn void on_fault(void)
{
    dr_rom_stop(DR_LED_HALT_FAULT);
}

DR_VECTORS_SECTION static const struct dr_vectors vectors = {
    .stack = dr_rom_stack_end,
    .reset = dr_rom_reset,
    .nmi = on_nmi,
    .others = DR_VECTORS_OTHERS(on_fault),
};

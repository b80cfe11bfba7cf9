/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The boot ROM of the Cortex-M3 board: device/boot over the machine's registers.
 *
 * No system, no heap, no interrupts but the two that end a boot. It runs from memory that the
 * emulator restores at each reset; the product's keys are burned into the device's own copy of it
 * (boards/linux/rom/trust.h has the record). The chosen image is copied into RAM once, and that
 * copy is what is verified and what runs.
 */
#ifndef DR_BOARDS_MPS2_ROM_ROM_H
#define DR_BOARDS_MPS2_ROM_ROM_H

#include "boards/linux/rom/trust.h"
#include "boards/mps2_an385/common/anchor_uart.h"
#include "device/boot/boot.h"

#include <stdint.h>

/* start.c */
_Noreturn void dr_rom_main(void);

/* Show why on the LED and let the watchdog start over in about a second. */
_Noreturn void dr_rom_stop(uint32_t led);

/* jump.c: clear the RAM outside [image_at, image_at + image_bytes) and the hand-off, forget the
 * stack, and enter the image through its vector table. */
_Noreturn void dr_rom_jump(uint32_t image_at, uint32_t image_bytes, uint32_t vectors_at);

/* port.c: all constant, so that the compiler sees through it; what varies is in dr_rom_memory. */
extern const struct dr_boot_platform dr_rom_platform;

struct dr_rom_memory {
    struct dr_trust_record trust;
    struct dr_boot_policy policy;
    struct dr_anchor_uart anchor;
};
extern struct dr_rom_memory dr_rom_memory;

#endif

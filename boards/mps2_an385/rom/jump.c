/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The boot ROM's last instructions. */
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/map.h"
#include "boards/mps2_an385/rom/rom.h"

#define VTOR 0xe000ed08u
#define WORD_MASK 3u

static DR_APART void clear(uint32_t from, uint32_t to)
{
    while (from < to) { /* bound: the RAM */
        if ((from & WORD_MASK) == 0 && to - from > WORD_MASK) {
            dr_reg_write(from, 0);
            from += WORD_MASK;
        } else {
            *(volatile uint8_t *)(uintptr_t)from = 0;
        }
        from++;
    }
}

/* Everything below the hand-off page, which holds this function's own stack, and then the image:
 * nothing of this program remains but what is in ROM. */
#define BY_REGISTER __attribute__((unused))
static __attribute__((naked, noreturn)) void
enter(BY_REGISTER uint32_t vectors_at, BY_REGISTER uint32_t from, BY_REGISTER uint32_t to)
{
    __asm volatile("movs r3, #0            \n"
                   "1: str r3, [r1], #4    \n"
                   "cmp r1, r2             \n"
                   "blo 1b                 \n"
                   "ldr r1, [r0]           \n"
                   "ldr r2, [r0, #4]       \n"
                   "msr msp, r1            \n"
                   "mov r0, #0             \n"
                   "mov r1, r0             \n"
                   "mov r3, r0             \n"
                   "mov r4, r0             \n"
                   "mov r5, r0             \n"
                   "mov r6, r0             \n"
                   "mov r7, r0             \n"
                   "mov r8, r0             \n"
                   "mov r9, r0             \n"
                   "mov r10, r0            \n"
                   "mov r11, r0            \n"
                   "mov r12, r0            \n"
                   "mvn lr, r0             \n"
                   "dsb                    \n"
                   "isb                    \n"
                   "bx r2                  \n");
}

void dr_rom_jump(uint32_t image_at, uint32_t image_bytes, uint32_t vectors_at)
{
    clear(DR_MPS2_HANDOFF_AT + DR_BOOT_INFO_BYTES, image_at);
    clear(image_at + image_bytes, DR_MPS2_RAM_AT + DR_MPS2_RAM_BYTES);
    dr_reg_write(VTOR, vectors_at);
    enter(vectors_at, DR_MPS2_RAM_AT, DR_MPS2_HANDOFF_AT);
}

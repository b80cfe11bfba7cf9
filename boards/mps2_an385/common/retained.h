/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* RAM that keeps its content over a reset and loses it with the power.
 *
 * A page of the board, not of the machine: the emulator ends at a processor lock-up, and on a real
 * part that is a reset which keeps RAM. The board fills it with noise at power-on.
 *
 *   0x000  the retained block (device/boot/info.h)
 *   0x200  the crash record
 *   0x600  noise of this power-up (the board's), then a u32 that the boot ROM counts resets in
 *   0x800  what the boot ROM tells the board: u32 magic, then the hand-off without its keys
 */
#ifndef DR_BOARDS_MPS2_RETAINED_H
#define DR_BOARDS_MPS2_RETAINED_H

#include "device/boot/info.h"

#define DR_MPS2_RETAINED_BLOCK_AT 0x000u
#define DR_MPS2_RETAINED_CRASH_AT 0x200u
#define DR_MPS2_RETAINED_NOISE_AT 0x600u
#define DR_MPS2_NOISE_BYTES 32u
#define DR_MPS2_RETAINED_RESETS_AT (DR_MPS2_RETAINED_NOISE_AT + DR_MPS2_NOISE_BYTES)
#define DR_MPS2_RETAINED_SUMMARY_AT 0x800u
#define DR_MPS2_SUMMARY_MAGIC                                                                      \
    0x46464f48u /* "HOFF"; anything else: no hand-off in this boot yet                             \
                 */

void dr_retained_block_read(uint8_t out[DR_RETAINED_BYTES]);
void dr_retained_block_write(const uint8_t data[DR_RETAINED_BYTES]);
void dr_retained_crash_read(uint8_t out[DR_CRASH_BYTES]);
void dr_retained_crash_write(const uint8_t data[DR_CRASH_BYTES]);
void dr_retained_crash_clear(void);

#endif

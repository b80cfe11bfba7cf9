/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Images that fail, for tests of what the device does about it.
 *
 * Each is the firmware's own objects with one function wrapped by the linker (--wrap, see
 * firmware.cmake), so that the firmware has no place made for faults. All are real, signed images;
 * each fails in every boot.
 */
#ifndef DR_BOARDS_MPS2_FAULTY_H
#define DR_BOARDS_MPS2_FAULTY_H

_Noreturn static inline void faulty_hang(void)
{
    for (;;) { /* bound: the watchdog */
    }
}

#endif

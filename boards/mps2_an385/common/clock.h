/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Milliseconds since reset, from the board's own counter: exact where a tick interrupt may be late.
 */
#ifndef DR_BOARDS_MPS2_CLOCK_H
#define DR_BOARDS_MPS2_CLOCK_H

#include <stdint.h>

/* Boot ROM, first thing: starts the counter at 0. */
void dr_clock_start(void);

/* Wraps after 49 days: whoever needs 64 bits counts the wraps. */
uint32_t dr_clock_ms(void);

/* Busy. */
void dr_clock_wait(uint32_t wait_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Time since the reset in 64 bits, from the board's own counter. Any task, also before the kernel
 * runs; must be asked at least once in 49 days. */
#ifndef DR_BOARDS_MPS2_UPTIME_H
#define DR_BOARDS_MPS2_UPTIME_H

#include <stdint.h>

uint64_t dr_mps2_uptime_ms(void);

#endif

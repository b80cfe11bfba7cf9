/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Small images for the board's own tests: no system, no network. Each says who it is and what it
 * was handed, then behaves in one way. */
#ifndef DR_BOARDS_MPS2_TESTFW_H
#define DR_BOARDS_MPS2_TESTFW_H

#include "device/boot/info.h"

#include <stdint.h>

/* What this image does; supplied by each. Returning means: be well for ever. */
void testfw_run(struct dr_boot_info *info);
extern const char testfw_name[];

/* start.c: after a reset. */
_Noreturn void testfw_main(void);

/* One line: the text, then numbers in decimal, separated by blanks. */
void testfw_say(const char *text, const uint32_t *numbers, uint32_t count);

/* Feed the watchdog for so long. */
void testfw_feed_for(uint32_t duration_ms);

#endif

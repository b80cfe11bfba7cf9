/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Comes up, then feeds the watchdog no more, with interrupts off. */
#include "boards/mps2_an385/testfw/testfw.h"

const char testfw_name[] = "hang";

void testfw_run(struct dr_boot_info *info)
{
    (void)info;
    testfw_feed_for(300);
    testfw_say("no longer feeding", NULL, 0);
    __asm volatile("cpsid i");
    for (;;) { /* bound: the watchdog */
    }
}

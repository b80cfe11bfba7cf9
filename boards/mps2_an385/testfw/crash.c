/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Comes up, then jumps to where nothing is. */
#include "boards/mps2_an385/testfw/testfw.h"

const char testfw_name[] = "crash";

void testfw_run(struct dr_boot_info *info)
{
    (void)info;
    testfw_feed_for(300);
    ((void (*)(void))(uintptr_t)0xf0000001u)();
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Comes up, then faults with no vector table to handle it. */
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/testfw/testfw.h"

#define VTOR 0xe000ed08u

const char testfw_name[] = "lockup";

void testfw_run(struct dr_boot_info *info)
{
    (void)info;
    testfw_feed_for(300);
    dr_reg_write(VTOR, 0xf0000000u);
    ((void (*)(void))(uintptr_t)0xf0000001u)();
}

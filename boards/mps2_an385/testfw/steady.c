/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Runs for ever and harms nobody. */
#include "boards/mps2_an385/testfw/testfw.h"

const char testfw_name[] = "steady";

void testfw_run(struct dr_boot_info *info)
{
    (void)info;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Runs for ever and harms nobody. */
#include "boards/linux/testfw/testfw.h"

#include <limits.h>

int main(void)
{
    struct dr_channel channel;
    struct dr_boot_info info;
    testfw_start(&channel, &info, "steady");
    for (;;) {
        testfw_feed_for(&channel, UINT_MAX / 2u);
    }
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Comes up and ends, which no processor does: a lock-up. */
#include "boards/linux/testfw/testfw.h"

int main(void)
{
    struct dr_channel channel;
    struct dr_boot_info info;
    testfw_start(&channel, &info, "quit");
    testfw_feed_for(&channel, 300);
    return 7;
}

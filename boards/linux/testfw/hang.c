/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Comes up, then feeds the watchdog no more. */
#include "boards/linux/testfw/testfw.h"

#include <unistd.h>

int main(void)
{
    struct dr_channel channel;
    struct dr_boot_info info;
    testfw_start(&channel, &info, "hang");
    testfw_feed_for(&channel, 300);
    testfw_say(&channel, "hang: no longer feeding");
    for (;;) {
        pause();
    }
}

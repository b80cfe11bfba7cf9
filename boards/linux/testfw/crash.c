/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Comes up, then writes where nothing is. */
#include "boards/linux/testfw/testfw.h"

#include <sys/mman.h>

int main(void)
{
    struct dr_channel channel;
    struct dr_boot_info info;
    testfw_start(&channel, &info, "crash");
    testfw_feed_for(&channel, 300);
    volatile char *nothing = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    nothing[0] = 1;
    return 0;
}

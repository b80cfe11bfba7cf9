/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Small programs that run where firmware runs, for the board's own tests. They know the channel and
 * nothing of agents or networks. */
#ifndef DR_BOARDS_LINUX_TESTFW_TESTFW_H
#define DR_BOARDS_LINUX_TESTFW_TESTFW_H

#include "boards/linux/channel.h"
#include "device/boot/info.h"

/* Greet the board, take the hand-off, install the crash handlers, light the LED and say "NAME: up".
 * Ends the process when any of it fails. */
void testfw_start(struct dr_channel *channel, struct dr_boot_info *ret_info, const char *name);

/* A line for the console. */
void testfw_say(struct dr_channel *channel, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Feed the watchdog for duration_ms. */
void testfw_feed_for(struct dr_channel *channel, unsigned duration_ms);

#endif

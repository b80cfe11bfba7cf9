/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What a firmware leaves behind when it dies: the crash record (device/boot/info.h) in retained
 * RAM, at DR_LINUX_CRASH_AT.
 *
 * Sent by the dying firmware's own signal handler, completed and stored by the board; a firmware
 * that could not say anything is a lock-up, and the board writes the record for it.
 */
#ifndef DR_BOARDS_LINUX_CRASH_H
#define DR_BOARDS_LINUX_CRASH_H

#include "base/status.h"

struct dr_channel;

/* The signal that stands for the NMI of a microcontroller: the watchdog's first expiry. */
#define DR_CRASH_NMI_SIGNAL 3 /* SIGQUIT */

/* Install handlers for processor faults, abort() and the NMI. They send the record; a fault then
 * takes its default action, an NMI waits for the reset. fault_status is the signal number, pc the
 * low 32 bits. channel is kept until the process ends. Once per process; this is the only
 * file-scope state of the client. */
DR_MUST_USE enum dr_status dr_crash_install(struct dr_channel *channel);

#endif

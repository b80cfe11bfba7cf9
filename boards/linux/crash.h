/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What a firmware leaves behind when it dies: a crash record in retained RAM.
 *
 * Written by the dying firmware's signal handler through the channel, or by the board when the
 * firmware could not (then pc and lr are 0). Fixed fields only, and whoever reads it treats it as
 * hostile: the author may be a compromised image. Little-endian, CRC-32 at the end.
 */
#ifndef DR_BOARDS_LINUX_CRASH_H
#define DR_BOARDS_LINUX_CRASH_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct dr_channel;

#define DR_CRASH_RECORD_BYTES 88u
#define DR_CRASH_TASK_BYTES 16u

enum dr_crash_kind {
    DR_CRASH_FAULT = 1,   /* a processor fault: SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS */
    DR_CRASH_ABORT = 2,   /* the firmware gave up: a failed check, abort() */
    DR_CRASH_HANG = 3,    /* the watchdog's first expiry */
    DR_CRASH_LOCK_UP = 4, /* it died without being able to say why */
};

struct dr_crash_record {
    enum dr_crash_kind kind;
    uint32_t fault; /* signal number on this board, fault status register on a microcontroller */
    uint64_t pc;
    uint64_t lr;                    /* 0 where the architecture keeps it on the stack */
    uint64_t address;               /* what was accessed, 0 if unknown */
    uint32_t uptime_ms;             /* at the crash, saturated */
    char task[DR_CRASH_TASK_BYTES]; /* printable, NUL-padded */
    uint8_t digest[32];             /* of the image that ran, filled in by the board */
};

void dr_crash_encode(const struct dr_crash_record *record, uint8_t out[DR_CRASH_RECORD_BYTES]);

/* DR_E_NOT_FOUND: no record there (also after a power cut). */
DR_MUST_USE enum dr_status
dr_crash_decode(const uint8_t *data, size_t size_bytes, struct dr_crash_record *ret_record);

/* Read the record of the last crash and clear it. DR_E_NOT_FOUND: none. */
DR_MUST_USE enum dr_status
dr_crash_take(struct dr_channel *channel, struct dr_crash_record *ret_record);

/* Install handlers for processor faults, abort() and the watchdog's first expiry. They send the
 * record and then wait for the reset, as the NMI handler of a microcontroller does. channel is kept
 * until the process ends. Once per process; the only file-scope state of the client. */
DR_MUST_USE enum dr_status dr_crash_install(struct dr_channel *channel);

/* The signal that stands for the NMI. */
#define DR_CRASH_NMI_SIGNAL 3 /* SIGQUIT */

#endif

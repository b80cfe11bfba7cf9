/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Last words: a crash record in memory that keeps its content, then the reset. */
#ifndef DR_BOARDS_MPS2_FIRMWARE_FAULT_H
#define DR_BOARDS_MPS2_FIRMWARE_FAULT_H

#include "device/boot/info.h"

#include <stdint.h>

/* Whose record it is. Before anything can go wrong. */
void dr_fault_identify(const uint8_t digest[DR_IMAGE_DIGEST_BYTES]);

/* Vectors. The watchdog's first expiry is the NMI: it means that somebody hangs. */
void dr_fault_nmi(void);
void dr_fault_hard(void);

/* pc: where; 0 = not known. */
void dr_fault_record(enum dr_crash_reason reason, uint32_t pc);

/* A task (the kernel's handle; NULL: not known) stands still: records where, and resets. Not from
 * that task. */
_Noreturn void dr_fault_silent(void *task);

#endif

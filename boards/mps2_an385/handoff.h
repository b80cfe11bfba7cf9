/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* From the boot ROM to the image, on this board.
 *
 * The encoded struct dr_boot_info (device/boot/info.h) lies at DR_MPS2_HANDOFF_AT. The image
 * decodes it early and then wipes the page: it holds keys. At its entry: stack pointer and vector
 * table are its own, interrupts are enabled and none is pending, thread mode, privileged; all other
 * RAM is zero; the watchdog runs with the image's hang limit; the storage regions of the memory
 * protection unit are set and on (common/mpu.h); the clock counts since reset.
 */
#ifndef DR_BOARDS_MPS2_HANDOFF_H
#define DR_BOARDS_MPS2_HANDOFF_H

#include "device/boot/info.h"

/* Decode the page, then wipe it, whatever the outcome. Failures as dr_boot_info_decode. */
DR_MUST_USE enum dr_status dr_handoff_take(struct dr_boot_info *ret_info);

#endif

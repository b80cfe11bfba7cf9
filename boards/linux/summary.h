/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What a boot ROM tells the board of its hand-off; the same on every board. */
#ifndef DR_BOARDS_LINUX_SUMMARY_H
#define DR_BOARDS_LINUX_SUMMARY_H

#include "boards/linux/wire.h"
#include "device/boot/info.h"

void dr_wire_summary_of(const struct dr_boot_info *info, struct dr_wire_summary *ret_summary);

#endif

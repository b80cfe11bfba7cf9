/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The board's flash part as data: for the boot ROM, the firmware, and the tools that fill it. */
#ifndef DR_BOARDS_MPS2_PART_H
#define DR_BOARDS_MPS2_PART_H

#include "device/flash/flash.h"

extern const struct dr_flash_geometry dr_mps2_flash_geometry;
extern const struct dr_flash_map dr_mps2_flash_map;

#endif

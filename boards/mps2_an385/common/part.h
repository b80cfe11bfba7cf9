/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The board's flash part as data: for the boot ROM, the firmware, and the tools that fill it. */
#ifndef DR_BOARDS_MPS2_PART_H
#define DR_BOARDS_MPS2_PART_H

#include "boards/mps2_an385/map.h"
#include "device/flash/flash.h"

#define DR_MPS2_FLASH_GEOMETRY                                                                     \
    {                                                                                              \
        .size_bytes = DR_MPS2_FLASH_BYTES, .sector_bytes = DR_MPS2_SECTOR_BYTES,                   \
        .program_unit_bytes = DR_MPS2_PROGRAM_UNIT_BYTES, .erased_value = DR_MPS2_ERASED_VALUE,    \
    }

extern const struct dr_flash_geometry dr_mps2_flash_geometry;
extern const struct dr_flash_map dr_mps2_flash_map;

#endif

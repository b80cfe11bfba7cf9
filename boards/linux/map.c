/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/map.h"

#include "base/check.h"

DR_STATIC_ASSERT(
    DR_LINUX_REQUESTS_AT == DR_LINUX_JOURNAL_AT + 2u * DR_LINUX_SECTOR_BYTES,
    "the journal is two sectors");
DR_STATIC_ASSERT(DR_LINUX_SLOT_B_AT == DR_LINUX_SLOT_A_AT + DR_LINUX_SLOT_BYTES, "A, then B");
DR_STATIC_ASSERT(
    DR_LINUX_FACTORY_AT + DR_LINUX_FACTORY_BYTES <= DR_LINUX_PANEL_SECTOR_AT,
    "the panel comes last");
DR_STATIC_ASSERT(DR_PANEL_BYTES <= DR_LINUX_SECTOR_BYTES, "the panel page fits its sector");
DR_STATIC_ASSERT(
    DR_LINUX_CRASH_AT + DR_LINUX_CRASH_BYTES == DR_LINUX_RETAINED_BYTES,
    "the crash record ends the retained RAM");

const struct dr_flash_geometry dr_linux_flash_geometry = {
    .size_bytes = DR_LINUX_FLASH_BYTES,
    .sector_bytes = DR_LINUX_SECTOR_BYTES,
    .program_unit_bytes = DR_LINUX_PROGRAM_UNIT_BYTES,
    .erased_value = DR_LINUX_ERASED_VALUE,
};

const struct dr_flash_map dr_linux_flash_map = {
    .journal = {DR_LINUX_JOURNAL_AT, 2u * DR_LINUX_SECTOR_BYTES},
    .requests = {DR_LINUX_REQUESTS_AT, DR_LINUX_SECTOR_BYTES},
    .slot_a = {DR_LINUX_SLOT_A_AT, DR_LINUX_SLOT_BYTES},
    .slot_b = {DR_LINUX_SLOT_B_AT, DR_LINUX_SLOT_BYTES},
    .factory = {DR_LINUX_FACTORY_AT, DR_LINUX_FACTORY_BYTES},
    .vault = {DR_LINUX_VAULT_AT, DR_LINUX_VAULT_BYTES},
    .panel = {DR_LINUX_PANEL_SECTOR_AT, DR_LINUX_SECTOR_BYTES},
};

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The Linux board: its flash part, and where things are on it.
 *
 * 32 MiB of NOR behind ECC, so a unit is programmed once between two erases. Areas begin on round
 * addresses, so that a person finds them in a dump; gaps are unused and erased.
 */
#ifndef DR_BOARDS_LINUX_MAP_H
#define DR_BOARDS_LINUX_MAP_H

#include "boards/panel.h"
#include "device/flash/flash.h"

#define DR_LINUX_FLASH_BYTES 0x02000000u
#define DR_LINUX_SECTOR_BYTES 0x00004000u
#define DR_LINUX_PROGRAM_UNIT_BYTES 32u
#define DR_LINUX_ERASED_VALUE 0xffu

#define DR_LINUX_JOURNAL_AT 0x00000000u
#define DR_LINUX_REQUESTS_AT 0x00008000u
#define DR_LINUX_VAULT_AT 0x00100000u
#define DR_LINUX_VAULT_BYTES 0x00100000u
#define DR_LINUX_SLOT_A_AT 0x00200000u
#define DR_LINUX_SLOT_B_AT 0x00e00000u
#define DR_LINUX_SLOT_BYTES 0x00c00000u
#define DR_LINUX_FACTORY_AT 0x01a00000u
#define DR_LINUX_FACTORY_BYTES 0x00400000u

/* The panel owns the last sector; its page is the last 4 KiB of it. */
#define DR_LINUX_PANEL_SECTOR_AT (DR_LINUX_FLASH_BYTES - DR_LINUX_SECTOR_BYTES)
#define DR_LINUX_PANEL_AT (DR_LINUX_FLASH_BYTES - DR_PANEL_BYTES)

/* RAM that keeps its content over a reset and loses it with the power: the first part is the boot
 * logic's retained block, the second the crash record of a firmware that died. */
#define DR_LINUX_RETAINED_BYTES 1024u
#define DR_LINUX_CRASH_AT 512u
#define DR_LINUX_CRASH_BYTES 512u

/* The board's own bound for the watchdog of a firmware; the boot ROM's policy is not above it. */
#define DR_LINUX_HANG_S_MAX 60u

/* The boot ROM's own watchdog period, from entry to the jump. */
#define DR_LINUX_ROM_WATCHDOG_MS 10000u

extern const struct dr_flash_geometry dr_linux_flash_geometry;
extern const struct dr_flash_map dr_linux_flash_map;

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The Cortex-M3 board (QEMU mps2-an385): memory, storage and devices, in one place.
 *
 * ROM       0x00000000  boot ROM with vectors; reloaded by the emulator at each reset: immutable
 * RAM       0x20000000  1 MiB of the machine's 4: the boot ROM's own, the hand-off page, and the
 *                       load window, where an image finds its code, its data and its stacks
 * Storage   0x21000000  16 MiB backed by the file flash.bin: the NOR part; its last 64 KiB are not
 *                       storage but the board itself (mailbox, retained RAM, front panel)
 *
 * All areas that a memory protection unit has to tell apart are powers of two on their own size.
 * Includable from linker scripts and assembly: only object-like macros of plain numbers.
 */
#ifndef DR_BOARDS_MPS2_MAP_H
#define DR_BOARDS_MPS2_MAP_H

#define DR_MPS2_CPU_HZ 25000000
#define DR_MPS2_FPGAIO_HZ 25000000

/* Boot ROM. */
#define DR_MPS2_ROM_AT 0x00000000
#define DR_MPS2_ROM_BYTES 0x00008000

/* RAM. The boot ROM clears all of it but the image and the hand-off page before the jump, so a
 * firmware may use the ROM's part as it likes. */
#define DR_MPS2_RAM_AT 0x20000000
#define DR_MPS2_RAM_BYTES 0x00100000
#define DR_MPS2_ROM_RAM_AT 0x20000000
#define DR_MPS2_ROM_RAM_BYTES 0x0000e000
#define DR_MPS2_SECRET_AT 0x2000e000 /* put there at each reset, wiped before the jump */
#define DR_MPS2_SECRET_BYTES 32
#define DR_MPS2_HANDOFF_AT 0x2000f000 /* encoded struct dr_boot_info */
#define DR_MPS2_HANDOFF_BYTES 0x00001000

/* An image (header, payload, TLVs) is loaded to its header's load address, which is the start of
 * the window; vectors are the payload's first bytes. Its stack pointer and entry must lie in the
 * window; what the image does not fill is its RAM. */
#define DR_MPS2_LOAD_AT 0x20010000
#define DR_MPS2_LOAD_BYTES 0x000f0000
#define DR_MPS2_IMAGE_HEADER_BYTES 0x400
#define DR_MPS2_VECTORS_AT 0x20010400
#define DR_MPS2_FW_CODE_BYTES 0x000b0000 /* from the start of the window */
#define DR_MPS2_FW_RAM_AT 0x200c0000     /* the window's last part: data, stacks, buffers */
#define DR_MPS2_FW_RAM_BYTES 0x00040000

/* Storage: addresses inside the part. */
#define DR_MPS2_STORE_AT 0x21000000
#define DR_MPS2_FLASH_BYTES 0x01000000
#define DR_MPS2_SECTOR_BYTES 0x00004000
#define DR_MPS2_PROGRAM_UNIT_BYTES 32
#define DR_MPS2_ERASED_VALUE 0xff

#define DR_MPS2_JOURNAL_AT 0x00000000
#define DR_MPS2_DATA_AT 0x00100000 /* requests and vault share one protection region */
#define DR_MPS2_DATA_BYTES 0x00080000
#define DR_MPS2_REQUESTS_AT 0x00100000
#define DR_MPS2_VAULT_AT 0x00140000
#define DR_MPS2_VAULT_BYTES 0x00040000
#define DR_MPS2_SLOT_A_AT 0x00200000
#define DR_MPS2_SLOT_B_AT 0x00300000
#define DR_MPS2_FACTORY_AT 0x00400000
#define DR_MPS2_SLOT_BYTES 0x00100000

/* The board itself, in the last 64 KiB. */
#define DR_MPS2_BOARD_AT 0x00ff0000
#define DR_MPS2_BOARD_BYTES 0x00010000
#define DR_MPS2_MAILBOX_AT 0x00ff0000 /* common/mailbox.h */
#define DR_MPS2_MAILBOX_BYTES 0x0000e000
#define DR_MPS2_RETAINED_AT 0x00ffe000 /* common/retained.h */
#define DR_MPS2_RETAINED_BYTES 0x00001000
#define DR_MPS2_PANEL_AT 0x00fff000 /* boards/panel.h */

/* Devices. */
#define DR_MPS2_UART_CONSOLE_AT 0x40004000
#define DR_MPS2_UART_ANCHOR_AT 0x40005000
#define DR_MPS2_WATCHDOG_AT 0x40008000
#define DR_MPS2_FPGAIO_AT 0x40028000
#define DR_MPS2_ETHERNET_AT 0x40200000
#define DR_MPS2_ETHERNET_IRQ 13

#endif

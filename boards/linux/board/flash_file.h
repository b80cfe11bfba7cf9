/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The flash part of the Linux board: NOR in a file, with the rules of NOR.
 *
 * The file holds the complement of the cells, so that an erased part is a hole and a new 32 MiB
 * device takes a few KiB. Its last 4 KiB, the panel page, is plain and mapped.
 *
 * Between two erases of its sector a unit is programmed once, whatever its content, as on a part
 * with ECC: a second program is refused. What was programmed since the file was opened is
 * remembered exactly; of older content, a unit that reads all erased counts as erased.
 *
 * Power-cut model: a cut is SIGKILL of the board. What was written lives in the page cache and
 * survives, an operation in flight is torn at an arbitrary page; there is no fsync per operation,
 * and a crash of the host itself is not modelled. The other ways to tear a write are the
 * simulator's (sim/).
 */
#ifndef DR_BOARDS_LINUX_BOARD_FLASH_FILE_H
#define DR_BOARDS_LINUX_BOARD_FLASH_FILE_H

#include "base/status.h"
#include "boards/linux/map.h"

#include <stdbool.h>
#include <stdint.h>

#define DR_FLASH_FILE_UNITS (DR_LINUX_FLASH_BYTES / DR_LINUX_PROGRAM_UNIT_BYTES)
#define DR_FLASH_FILE_SECTORS (DR_LINUX_FLASH_BYTES / DR_LINUX_SECTOR_BYTES)
#define DR_FLASH_FILE_CHUNK_BYTES 65536u

struct dr_flash_file {
    /* private, do not touch */
    int fd; /* -1: the part does not answer */
    volatile uint32_t *panel;
    uint8_t programmed[DR_FLASH_FILE_UNITS / 8u]; /* one bit per unit, since it was opened */
    uint8_t erased[DR_FLASH_FILE_SECTORS / 8u];   /* one bit per sector, since it was opened */
    uint8_t cells[DR_FLASH_FILE_CHUNK_BYTES];
};

/* Make an erased part with a fresh panel page. DR_E_EXISTS, DR_E_IO. */
DR_MUST_USE enum dr_status dr_flash_file_create(const char *path);

/* Always leaves a usable object with a panel, to be closed. DR_E_FORMAT: the file has another size;
 * DR_E_IO: it cannot be opened or mapped. After a failure every flash operation gives DR_E_IO and
 * the panel is a page of its own. */
DR_MUST_USE enum dr_status dr_flash_file_open(struct dr_flash_file *file, const char *path);
void dr_flash_file_close(struct dr_flash_file *file);

/* DR_E_ARGUMENT: range or alignment. DR_E_IO: the file failed, or a unit is programmed twice. */
DR_MUST_USE enum dr_status
dr_flash_file_read(struct dr_flash_file *file, uint32_t address, uint8_t *out, uint32_t size_bytes);
DR_MUST_USE enum dr_status dr_flash_file_program(
    struct dr_flash_file *file, uint32_t address, const uint8_t *data, uint32_t size_bytes);
DR_MUST_USE enum dr_status
dr_flash_file_erase(struct dr_flash_file *file, uint32_t address, uint32_t size_bytes);

/* The same as a flash port, for the factory that fills the part before it is soldered in. file is
 * kept for the life of the port. */
void dr_flash_file_port(struct dr_flash_file *file, struct dr_flash *ret_flash);

/* One word of the panel page; offset is one of DR_PANEL_*_AT. */
uint32_t dr_flash_file_panel(const struct dr_flash_file *file, uint32_t offset);
void dr_flash_file_panel_set(struct dr_flash_file *file, uint32_t offset, uint32_t value);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The board's flash part as the factory has it in its hands: a file with the cells as they are.
 * Only rules that a filling machine needs are kept: alignment, range, no second program of a unit.
 */
#ifndef DR_BOARDS_MPS2_HOST_NOR_FILE_H
#define DR_BOARDS_MPS2_HOST_NOR_FILE_H

#include "device/flash/flash.h"

struct dr_nor_file {
    /* private, do not touch */
    uint8_t *cells; /* NULL: not open */
};

/* Make an erased part with a fresh panel page. DR_E_EXISTS, DR_E_IO. */
DR_MUST_USE enum dr_status dr_nor_file_create(const char *path);

/* DR_E_FORMAT: the file has another size; DR_E_IO. file is kept for the life of the port. */
DR_MUST_USE enum dr_status
dr_nor_file_open(struct dr_nor_file *file, const char *path, struct dr_flash *ret_flash);
void dr_nor_file_close(struct dr_nor_file *file);

#endif

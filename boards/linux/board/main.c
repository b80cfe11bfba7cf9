/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* daruma-board: a device on the desk. See board.h for what it is made of. */
#include "boards/linux/board/board.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

/* Half a megabyte that one process has one of. */
static struct dr_board the_board;

_Noreturn void dr_check_failed(const char *file, int line)
{
    fprintf(stderr, "daruma-board: internal fault at %s:%d\n", file, line);
    abort();
}

static enum dr_status open_flash(struct dr_board *board)
{
    return dr_flash_file_open(&board->flash, DR_BOARD_FLASH_PATH);
}

static void close_flash(struct dr_board *board)
{
    dr_flash_file_close(&board->flash);
}

int main(int argc, char **argv)
{
    static const struct dr_board_kind kind = {
        .program = "daruma-board",
        .what = "the virtual device",
        .open_flash = open_flash,
        .close_flash = close_flash};
    return dr_board_main(&the_board, &kind, argc, argv);
}

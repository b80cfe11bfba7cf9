/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* daruma-board-mps2: a microcontroller on the desk, in an emulator. */
#include "boards/mps2_an385/host/host.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

static struct dr_host the_host;

_Noreturn void dr_check_failed(const char *file, int line)
{
    fprintf(stderr, "daruma-board-mps2: internal fault at %s:%d\n", file, line);
    abort();
}

int main(int argc, char **argv)
{
    static const struct dr_board_kind kind = {
        .program = "daruma-board-mps2",
        .what = "the emulated Cortex-M3",
        .open_flash = dr_host_open_flash,
        .close_flash = dr_host_close_flash,
        .hear_wire = dr_host_hear_wire,
        .set_link = dr_host_set_link};
    the_host.store = -1;
    return dr_board_main(&the_host.board, &kind, argc, argv);
}

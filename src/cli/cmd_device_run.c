/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/device.h"
#include "tools/provision/device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int run(struct dr_cli *cli)
{
    struct dr_cli_device device;
    bool background = false;
    const struct dr_cli_option options[] = {{.name = "background", .flag = &background}};
    int result = dr_cli_device_parse(cli, options, 1, NULL, 0, true, &device);
    if (result != 0) {
        return result;
    }
    char board[PATH_MAX];
    snprintf(board, sizeof board, "%s", dr_cli_sister(cli, "daruma-board"));
    if (board[0] == '\0') {
        return dr_cli_error(cli, "daruma-board is not installed beside this program");
    }
    if (!background) {
        fflush(stdout);
        /* The board takes this process over: signals and the terminal are its own. */
        execl(board, "daruma-board", "--dir", device.directory, "--foreground", (char *)NULL);
        return dr_cli_error(cli, "cannot start %s: %s", board, strerror(errno));
    }
    enum dr_status status = dr_device_start(device.directory, board);
    if (status != DR_OK) {
        return dr_cli_error(
            cli, "the board does not start (%s); see %s/console.log", dr_status_text(status),
            device.directory);
    }
    pid_t pid = dr_device_board_pid(device.directory);
    if (cli->json) {
        return dr_cli_print_json(
            cli, json_pack("{s:s, s:i}", "name", device.name, "board_pid", (int)pid));
    }
    printf(
        "%s is on (process %d, console in %s/console.log)\n", device.name, (int)pid,
        device.directory);
    return DR_EXIT_DONE;
}

const struct dr_cli_verb dr_verb_device_run = {
    .noun = "device",
    .verb = "run",
    .summary = "switch a virtual device on",
    .usage = "device run NAME [--dir DIRECTORY] [--background]",
    .help = "Shows the serial console until Ctrl-C, which switches the device off.\n\n"
            "  --background   return as soon as the board answers; console in console.log\n"
            "  --dir D        where the devices are (DARUMA_DEVICES, else ./devices)\n",
    .run = run,
};

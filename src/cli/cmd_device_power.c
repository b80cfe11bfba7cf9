/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* `device power` and `device power-cut`. */
#include "cli/device.h"
#include "tools/provision/device.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define GONE_MS 5000u

static int done(struct dr_cli *cli, const struct dr_cli_device *device, const char *what)
{
    if (cli->json) {
        return dr_cli_print_json(cli, json_pack("{s:s, s:s}", "name", device->name, "power", what));
    }
    printf("%s: %s\n", device->name, what);
    return DR_EXIT_DONE;
}

static int switch_on(struct dr_cli *cli, const struct dr_cli_device *device)
{
    enum dr_status status =
        dr_device_start(device->directory, dr_cli_sister(cli, dr_cli_device_board(device)));
    if (status != DR_OK) {
        return dr_cli_error(
            cli, "the board does not start (%s); see %s/console.log", dr_status_text(status),
            device->directory);
    }
    return done(cli, device, "on");
}

static int switch_off(struct dr_cli *cli, const struct dr_cli_device *device)
{
    enum dr_status status = dr_device_stop(device->directory);
    if (status != DR_OK) {
        return dr_cli_error(cli, "the board does not end: %s", dr_status_text(status));
    }
    return done(cli, device, "off");
}

static int run_power(struct dr_cli *cli)
{
    struct dr_cli_device device;
    const char *what = NULL;
    char answer[DR_DEVICE_ANSWER_BYTES];
    int result = dr_cli_device_parse(cli, NULL, 0, &what, 1, true, &device);
    if (result != 0) {
        return result;
    }
    if (what == NULL) {
        return dr_cli_usage(cli, "on, off, cycle or reset?");
    }
    if (strcmp(what, "on") == 0) {
        return switch_on(cli, &device);
    }
    if (strcmp(what, "off") == 0) {
        return switch_off(cli, &device);
    }
    bool cycle = strcmp(what, "cycle") == 0;
    if (!cycle && strcmp(what, "reset") != 0) {
        return dr_cli_usage(cli, "on, off, cycle or reset, not %s", what);
    }
    result = dr_cli_device_command(cli, &device, cycle ? "power cycle" : "reset", answer);
    return result == 0 ? done(cli, &device, what) : result;
}

static int run_power_cut(struct dr_cli *cli)
{
    struct dr_cli_device device;
    char answer[DR_DEVICE_ANSWER_BYTES];
    int result = dr_cli_device_parse(cli, NULL, 0, NULL, 0, true, &device);
    if (result == 0) {
        result = dr_cli_device_command(cli, &device, "power cut", answer);
    }
    if (result != 0) {
        return result;
    }
    for (unsigned waited = 0; dr_device_board_pid(device.directory) != 0; waited++) {
        struct timespec pause = {.tv_nsec = 1000000};
        if (waited == GONE_MS) {
            return dr_cli_error(cli, "the board survived its power cut");
        }
        nanosleep(&pause, NULL);
    }
    return done(cli, &device, "cut");
}

const struct dr_cli_verb dr_verb_device_power = {
    .noun = "device",
    .verb = "power",
    .summary = "switch a virtual device on or off, or reset it",
    .usage = "device power NAME on|off|cycle|reset [--dir DIRECTORY]",
    .help = "  on      switch it on in the background\n"
            "  off     orderly: what is being written is finished\n"
            "  cycle   off and on at once; what RAM retained is lost\n"
            "  reset   the reset button; a running image that did not ask for it is charged\n"
            "          with a fault",
    .run = run_power,
};

const struct dr_cli_verb dr_verb_device_power_cut = {
    .noun = "device",
    .verb = "power-cut",
    .summary = "pull the plug: kill the whole board in mid-work",
    .usage = "device power-cut NAME [--dir DIRECTORY]",
    .help = "Board, firmware and secure element are killed at once (SIGKILL). `device run`\n"
            "or `device power NAME on` brings the device back.",
    .run = run_power_cut,
};

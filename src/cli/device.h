/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the `device` verbs share: which directory a name means, and how the board's answers read. */
#ifndef DR_CLI_DEVICE_H
#define DR_CLI_DEVICE_H

#include "cli/cli.h"

#include <limits.h>

struct dr_cli_device {
    const char *name;
    const char *parent; /* --dir as given, NULL without: for commands that are suggested */
    char directory[PATH_MAX];
};

/* Parse `NAME [--dir DIRECTORY]` and the verb's own options (at most 12). positional: words after
 * the name, at most positional_max; NULL when there may be none. --dir, else DARUMA_DEVICES, else
 * "devices": the directory that holds the devices. must_exist: refuse a name without a directory.
 * Returns 0, or an exit code after a message. */
int dr_cli_device_parse(
    struct dr_cli *cli, const struct dr_cli_option *options, size_t option_count,
    const char **positional, size_t positional_max, bool must_exist,
    struct dr_cli_device *ret_device);

/* The directory that holds the devices: as given, else DARUMA_DEVICES, else "devices". */
const char *dr_cli_device_parent(const char *given);

/* One command to the running board. Returns 0 and fills answer (DR_DEVICE_ANSWER_BYTES), or an
 * exit code after a message. */
int dr_cli_device_command(
    struct dr_cli *cli, const struct dr_cli_device *device, const char *command, char *answer);

/* "key value" lines as an object: whole numbers become numbers, "a.b" becomes an object in an
 * object. */
json_t *dr_cli_device_json(const char *answer);

/* How often the device's clocks run faster than a product's (board.conf), 1 normally. */
unsigned dr_cli_device_time_divisor(const struct dr_cli_device *device);

/* The program that is this device's board (board.conf); lies beside the command line tool. */
const char *dr_cli_device_board(const struct dr_cli_device *device);

/* The word for an LED number of boards/panel.h, and what it means. */
const char *dr_cli_device_led_word(unsigned led);
const char *dr_cli_device_led_text(unsigned led);

#endif

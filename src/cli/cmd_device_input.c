/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/device.h"
#include "tools/provision/device.h"

#include <stdio.h>
#include <string.h>

struct input {
    const char *name; /* of the option and of the board's command */
    const char *on;
    const char *off;
};

static const struct input inputs[] = {
    {"quiet", "on", "off"},
    {"door", "unlocked", "locked"},
    {"owner", "no", "yes"},
};

#define INPUT_COUNT (sizeof(inputs) / sizeof(inputs[0]))

static int run(struct dr_cli *cli)
{
    struct dr_cli_device device;
    const char *words[INPUT_COUNT] = {NULL};
    struct dr_cli_option options[INPUT_COUNT];
    memset(options, 0, sizeof(options));
    for (size_t i = 0; i < INPUT_COUNT; i++) {
        options[i].name = inputs[i].name;
        options[i].text = &words[i];
    }
    int result = dr_cli_device_parse(cli, options, INPUT_COUNT, NULL, 0, true, &device);
    bool any = false;
    for (size_t i = 0; result == 0 && i < INPUT_COUNT; i++) {
        bool known = words[i] == NULL || strcmp(words[i], inputs[i].on) == 0 ||
                     strcmp(words[i], inputs[i].off) == 0;
        any = any || words[i] != NULL;
        if (!known) {
            result = dr_cli_usage(
                cli, "--%s is %s or %s, not %s", inputs[i].name, inputs[i].on, inputs[i].off,
                words[i]);
        }
    }
    if (result == 0 && !any) {
        return dr_cli_usage(cli, "which input? --quiet, --door or --owner");
    }
    for (size_t i = 0; result == 0 && i < INPUT_COUNT; i++) {
        char command[32];
        char answer[DR_DEVICE_ANSWER_BYTES];
        if (words[i] != NULL) {
            bool on = strcmp(words[i], inputs[i].on) == 0;
            snprintf(command, sizeof command, "input %s=%u", inputs[i].name, on);
            result = dr_cli_device_command(cli, &device, command, answer);
        }
    }
    return result;
}

const struct dr_cli_verb dr_verb_device_input = {
    .noun = "device",
    .verb = "input",
    .summary = "tell the application of a virtual device something",
    .usage =
        "device input NAME [--quiet on|off] [--door unlocked|locked] [--owner yes|no] [--dir D]",
    .help = "What the reference product asks before an update:\n\n"
            "  --quiet on       quiet hours: no download begins, the job waits\n"
            "  --door unlocked  no reset while somebody may be in the door: the job waits\n"
            "  --owner no       the owner does not want updates: the job is rejected\n\n"
            "`daruma update watch` shows why a job waits and for how many seconds at most. The\n"
            "inputs hold until they are changed or the board's process ends.",
    .run = run,
};

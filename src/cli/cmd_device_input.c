/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/device.h"
#include "tools/provision/device.h"

#include <stdio.h>
#include <string.h>

struct input {
    const char *option;
    const char *command; /* the board's name of it */
    const char *shown;   /* in what the board shows */
    const char *on;
    const char *off;
};

static const struct input inputs[] = {
    {"quiet-hours", "quiet", "quiet_hours", "on", "off"},
    {"door", "door", "door", "unlocked", "locked"},
    {"owner", "owner", "owner", "no", "yes"},
};

#define INPUT_COUNT (sizeof(inputs) / sizeof(inputs[0]))

/* 0, or a usage error: an input has two words. */
static int check(struct dr_cli *cli, const char *const words[INPUT_COUNT])
{
    for (size_t i = 0; i < INPUT_COUNT; i++) {
        if (words[i] != NULL && strcmp(words[i], inputs[i].on) != 0 &&
            strcmp(words[i], inputs[i].off) != 0) {
            return dr_cli_usage(
                cli, "--%s is %s or %s, not %s", inputs[i].option, inputs[i].on, inputs[i].off,
                words[i]);
        }
    }
    return 0;
}

static int
set(struct dr_cli *cli, const struct dr_cli_device *device, const char *const words[INPUT_COUNT])
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < INPUT_COUNT; i++) {
        char command[32];
        char answer[DR_DEVICE_ANSWER_BYTES];
        if (words[i] != NULL) {
            bool on = strcmp(words[i], inputs[i].on) == 0;
            snprintf(command, sizeof command, "input %s=%u", inputs[i].command, on);
            result = dr_cli_device_command(cli, device, command, answer);
        }
    }
    return result;
}

/* What the board has now, not what was asked for. */
static int report(struct dr_cli *cli, const struct dr_cli_device *device)
{
    char answer[DR_DEVICE_ANSWER_BYTES];
    int result = dr_cli_device_command(cli, device, "show", answer);
    if (result != 0) {
        return result;
    }
    json_t *state = dr_cli_device_json(answer);
    json_t *now = json_incref(json_object_get(state, "inputs"));
    json_decref(state);
    if (now == NULL) {
        return dr_cli_error(
            cli, "the board says nothing of its inputs; switch %s off and on", device->name);
    }
    if (cli->json) {
        return dr_cli_print_json(cli, json_pack("{s:s, s:o}", "name", device->name, "inputs", now));
    }
    printf("%s:", device->name);
    for (size_t i = 0; i < INPUT_COUNT; i++) {
        const char *word = json_string_value(json_object_get(now, inputs[i].shown));
        printf("%s %s %s", i > 0 ? "," : "", inputs[i].option, word != NULL ? word : "?");
    }
    putchar('\n');
    json_decref(now);
    return DR_EXIT_DONE;
}

static int run(struct dr_cli *cli)
{
    struct dr_cli_device device;
    const char *words[INPUT_COUNT] = {NULL};
    struct dr_cli_option options[INPUT_COUNT];
    memset(options, 0, sizeof(options));
    for (size_t i = 0; i < INPUT_COUNT; i++) {
        options[i].name = inputs[i].option;
        options[i].text = &words[i];
    }
    int result = dr_cli_device_parse(cli, options, INPUT_COUNT, NULL, 0, true, &device);
    result = result != 0 ? result : check(cli, words);
    result = result != 0 ? result : set(cli, &device, words);
    return result != 0 ? result : report(cli, &device);
}

const struct dr_cli_verb dr_verb_device_input = {
    .noun = "device",
    .verb = "input",
    .summary = "tell the application of a virtual device something",
    .usage = "device input NAME [--quiet-hours on|off] [--door D] [--owner O]",
    .help = "What the reference product asks before an update; without an option, what is\n"
            "set.\n"
            "\n"
            "  --quiet-hours on  no download begins, the job waits (on or off)\n"
            "  --door unlocked   no reset while somebody may be in the door: the job waits\n"
            "                    (locked or unlocked)\n"
            "  --owner no        the owner does not want updates: the job is rejected\n"
            "                    (yes or no)\n"
            "\n"
            "`daruma update watch` shows why a job waits and for how many seconds at most.\n"
            "The inputs hold until they are changed or the board's process ends.",
    .run = run,
};

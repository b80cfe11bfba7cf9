/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/device.h"
#include "tools/provision/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int print_leds(struct dr_cli *cli, unsigned led, unsigned application)
{
    if (cli->json) {
        return dr_cli_print_json(
            cli, json_pack(
                     "{s:i, s:s, s:s, s:I}", "led", (int)led, "word", dr_cli_device_led_word(led),
                     "meaning", dr_cli_device_led_text(led), "app_leds", (json_int_t)application));
    }
    printf("%-14s", dr_cli_device_led_word(led));
    for (unsigned i = 0; i < 8; i++) {
        putchar((application >> i & 1u) != 0 ? '*' : '.');
    }
    printf("  %s\n", dr_cli_device_led_text(led));
    fflush(stdout);
    return DR_EXIT_DONE;
}

/* Two lines of the board's answer make one state. */
static void take_line(struct dr_cli *cli, const char *line, unsigned *led)
{
    unsigned value = 0;
    if (sscanf(line, "led %u", &value) == 1) {
        *led = value;
    } else if (sscanf(line, "app_leds %u", &value) == 1) {
        print_leds(cli, *led, value);
    }
}

static int follow(struct dr_cli *cli, const struct dr_cli_device *device)
{
    static const char command[] = "leds follow\n";
    char line[128];
    unsigned led = 0;
    int fd = dr_device_connect(device->directory);
    FILE *stream = fd >= 0 ? fdopen(fd, "r+") : NULL;
    if (stream == NULL || write(fd, command, sizeof command - 1u) != (ssize_t)sizeof command - 1) {
        return dr_cli_error(
            cli, "%s is switched off; switch it on with `daruma device run %s`", device->name,
            device->name);
    }
    while (fgets(line, sizeof line, stream) != NULL) { /* bound: until the board ends */
        take_line(cli, line, &led);
    }
    fclose(stream);
    return DR_EXIT_DONE;
}

static int run(struct dr_cli *cli)
{
    struct dr_cli_device device;
    bool once = false;
    char answer[DR_DEVICE_ANSWER_BYTES];
    char value[24];
    const struct dr_cli_option options[] = {{.name = "once", .flag = &once}};
    int result = dr_cli_device_parse(cli, options, 1, NULL, 0, true, &device);
    if (result != 0) {
        return result;
    }
    if (!once && !cli->json) {
        return follow(cli, &device);
    }
    result = dr_cli_device_command(cli, &device, "leds", answer);
    if (result != 0) {
        return result;
    }
    unsigned led = 0;
    unsigned application = 0;
    if (dr_device_value(answer, "led", value, sizeof value)) {
        led = (unsigned)strtoul(value, NULL, 10);
    }
    if (dr_device_value(answer, "app_leds", value, sizeof value)) {
        application = (unsigned)strtoul(value, NULL, 10);
    }
    return print_leds(cli, led, application);
}

const struct dr_cli_verb dr_verb_device_leds = {
    .noun = "device",
    .verb = "leds",
    .summary = "watch the LEDs of a virtual device",
    .usage = "device leds NAME [--once] [--dir DIRECTORY]",
    .help = "A line per change: the status LED's code, the application's first eight LEDs,\n"
            "and what it means.\n"
            "\n"
            "  --once   print the present state and end (so does --json)",
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/device.h"
#include "tools/provision/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLL_MS 50u
#define PRESS_MS_MAX 120000.0

/* In the middle of each stage of docs/boot.md, in a product's milliseconds. */
static const struct {
    const char *word;
    double ms;
} stages[] = {{"previous", 3500}, {"factory", 7500}, {"erase", 15000}};

/* Milliseconds to hold, or a negative number after a message. */
static double hold_ms(
    struct dr_cli *cli, const struct dr_cli_device *device, const char *seconds, const char *stage)
{
    if ((seconds == NULL) == (stage == NULL)) {
        dr_cli_usage(cli, "say either --seconds N or --stage previous|factory|erase");
        return -1;
    }
    if (seconds != NULL) {
        char *end = NULL;
        double value = strtod(seconds, &end) * 1000.0;
        if (*seconds == '\0' || *end != '\0' || !(value >= 1.0 && value <= PRESS_MS_MAX)) {
            dr_cli_usage(cli, "--seconds is 0.001 to 120, not %s", seconds);
            return -1;
        }
        return value;
    }
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        if (strcmp(stage, stages[i].word) == 0) {
            return stages[i].ms / dr_cli_device_time_divisor(device);
        }
    }
    dr_cli_usage(cli, "--stage is previous, factory or erase, not %s", stage);
    return -1;
}

/* Until the board says that the pin is free; the LED's last word comes back. */
static int wait_release(
    struct dr_cli *cli, const struct dr_cli_device *device, unsigned total_ms, unsigned *ret_led)
{
    char answer[DR_DEVICE_ANSWER_BYTES];
    char value[24];
    for (unsigned waited = 0; waited <= total_ms + 5000u; waited += POLL_MS) {
        struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
        int result = dr_cli_device_command(cli, device, "show", answer);
        if (result != 0) {
            return result;
        }
        bool held = dr_device_value(answer, "pin", value, sizeof value) && value[0] == '1';
        if (!held) {
            dr_cli_progress_end(cli);
            return 0;
        }
        if (dr_device_value(answer, "led", value, sizeof value)) {
            *ret_led = (unsigned)strtoul(value, NULL, 10);
        }
        dr_cli_progress(
            cli, dr_cli_device_led_word(*ret_led), waited < total_ms ? waited : total_ms, total_ms);
        nanosleep(&pause, NULL);
    }
    return dr_cli_error(cli, "the pin is still held; see `daruma device show %s`", device->name);
}

static int run(struct dr_cli *cli)
{
    struct dr_cli_device device;
    const char *seconds = NULL;
    const char *stage = NULL;
    bool live = false;
    char command[32];
    char answer[DR_DEVICE_ANSWER_BYTES];
    unsigned led = 0;
    const struct dr_cli_option options[] = {
        {.name = "seconds", .text = &seconds},
        {.name = "stage", .text = &stage},
        {.name = "live", .flag = &live}};
    int result = dr_cli_device_parse(cli, options, 3, NULL, 0, true, &device);
    if (result != 0) {
        return result;
    }
    double ms = hold_ms(cli, &device, seconds, stage);
    if (ms < 0) {
        return DR_EXIT_USAGE;
    }
    snprintf(command, sizeof command, "pin %u", (unsigned)ms);
    result = dr_cli_device_command(cli, &device, command, answer);
    if (result == 0 && !live) {
        result = dr_cli_device_command(cli, &device, "power cycle", answer);
    }
    if (result == 0) {
        result = wait_release(cli, &device, (unsigned)ms, &led);
    }
    if (result != 0) {
        return result;
    }
    if (cli->json) {
        return dr_cli_print_json(
            cli, json_pack(
                     "{s:s, s:i, s:s}", "name", device.name, "held_ms", (int)ms, "led",
                     dr_cli_device_led_word(led)));
    }
    printf(
        "held for %.1f s; the LED said %s (%s)\n", ms / 1000.0, dr_cli_device_led_word(led),
        dr_cli_device_led_text(led));
    return DR_EXIT_DONE;
}

const struct dr_cli_verb dr_verb_device_press = {
    .noun = "device",
    .verb = "press",
    .summary = "hold the pin of a virtual device while switching it on",
    .usage = "device press NAME --seconds N | --stage STAGE [--live]",
    .help = "The boot ROM looks at the pin from reset on and acts when it is let go:\n"
            "  below 2 s    nothing\n"
            "  2 to 5 s     the previous image\n"
            "  5 to 10 s    the factory image\n"
            "  10 to 20 s   the factory image, user data erased\n"
            "  above 20 s   nothing (changed one's mind)\n"
            "\n"
            "  --seconds N  how long, fractions allowed\n"
            "  --stage S    the middle of a stage: previous, factory or erase\n"
            "  --live       hold the pin without switching the power off and on",
    .run = run,
};

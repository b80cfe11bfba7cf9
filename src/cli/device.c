/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/device.h"

#include "boards/panel.h"
#include "tools/provision/device.h"
#include "tools/provision/provision.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MAX 12u
#define WORDS_MAX 4u
#define NAME_BYTES_MAX 64u /* the common name of its certificate, X.520 upper bound */

/* AWS's alphabet for thing names; nothing in it means something in a path. */
static bool valid_name(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)name[i]) && strchr("_-:", name[i]) == NULL) {
            return false;
        }
    }
    return len > 0 && len <= NAME_BYTES_MAX;
}

const char *dr_cli_device_parent(const char *given)
{
    const char *from_environment = getenv("DARUMA_DEVICES");
    if (given != NULL) {
        return given;
    }
    return from_environment != NULL ? from_environment : "devices";
}

static int locate(struct dr_cli *cli, const char *parent, struct dr_cli_device *device)
{
    parent = dr_cli_device_parent(parent);
    int len = snprintf(device->directory, sizeof device->directory, "%s/%s", parent, device->name);
    if (len <= 0 || (size_t)len >= sizeof device->directory) {
        return dr_cli_error(cli, "the path of the device is too long");
    }
    return 0;
}

int dr_cli_device_parse(
    struct dr_cli *cli, const struct dr_cli_option *options, size_t option_count,
    const char **positional, size_t positional_max, bool must_exist,
    struct dr_cli_device *ret_device)
{
    const char *parent = NULL;
    const char *words[WORDS_MAX + 1u] = {NULL};
    struct dr_cli_option all[OPTIONS_MAX + 1u] = {{.name = "dir", .text = &parent}};
    size_t count = 0;
    if (option_count > OPTIONS_MAX || positional_max > WORDS_MAX) {
        return dr_cli_error(cli, "internal fault: too many options");
    }
    if (option_count > 0) {
        memcpy(all + 1, options, option_count * sizeof *options);
    }
    int result = dr_cli_parse(cli, all, option_count + 1u, words, positional_max + 1u, &count);
    if (result != 0) {
        return result;
    }
    if (count == 0) {
        return dr_cli_usage(cli, "which device?");
    }
    if (!valid_name(words[0])) {
        return dr_cli_usage(
            cli, "a device name has 1 to 64 letters, digits, '_', '-' or ':': %s", words[0]);
    }
    ret_device->name = words[0];
    ret_device->parent = parent;
    for (size_t i = 0; i < positional_max; i++) {
        positional[i] = words[i + 1u];
    }
    result = locate(cli, parent, ret_device);
    if (result == 0 && must_exist && access(ret_device->directory, F_OK) != 0 && errno != EACCES) {
        return dr_cli_error(
            cli, "there is no device in %s; make it with `daruma device create %s`",
            ret_device->directory, ret_device->name);
    }
    if (result == 0 && must_exist && access(ret_device->directory, R_OK | W_OK | X_OK) != 0) {
        return dr_cli_error(
            cli, "%s cannot be used: %s; who made the device uses it", ret_device->directory,
            strerror(errno));
    }
    return result;
}

int dr_cli_device_command(
    struct dr_cli *cli, const struct dr_cli_device *device, const char *command, char *answer)
{
    enum dr_status status = dr_device_command(device->directory, command, answer);
    if (status == DR_OK) {
        return 0;
    }
    if (status == DR_E_STATE) {
        return dr_cli_error(cli, "the board refused: %s", answer);
    }
    return dr_cli_error(
        cli, "%s is switched off; switch it on with `daruma device run %s`", device->name,
        device->name);
}

static json_t *value_of(const char *key, const char *text)
{
    size_t len = strlen(text);
    bool name = strcmp(key, "version") == 0 || strcmp(key, "digest") == 0;
    if (!name && len > 0 && len < 18 && strspn(text, "0123456789") == len) {
        return json_integer(strtoll(text, NULL, 10));
    }
    return json_string(text);
}

static void put(json_t *object, char *key, const char *text)
{
    char *dot = strchr(key, '.');
    if (dot == NULL) {
        json_object_set_new(object, key, value_of(key, text));
        return;
    }
    *dot = '\0';
    json_t *inner = json_object_get(object, key);
    if (inner == NULL) {
        inner = json_object();
        json_object_set_new(object, key, inner);
    }
    json_object_set_new(inner, dot + 1, value_of(dot + 1, text));
}

json_t *dr_cli_device_json(const char *answer)
{
    char copy[DR_DEVICE_ANSWER_BYTES];
    json_t *object = json_object();
    char *rest = NULL;
    snprintf(copy, sizeof copy, "%s", answer);
    for (char *line = strtok_r(copy, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *space = strchr(line, ' ');
        if (space != NULL) {
            *space = '\0';
            put(object, line, space + 1);
        }
    }
    return object;
}

/* The value of a line of board.conf; false when there is none. */
static bool
conf_value(const struct dr_cli_device *device, const char *key, char *out, size_t capacity_bytes)
{
    char conf[1024];
    size_t size_bytes = 0;
    if (dr_device_read(
            device->directory, "board.conf", (uint8_t *)conf, sizeof conf - 1u, &size_bytes) !=
        DR_OK) {
        return false;
    }
    conf[size_bytes] = '\0';
    return dr_device_value(conf, key, out, capacity_bytes);
}

unsigned dr_cli_device_time_divisor(const struct dr_cli_device *device)
{
    char value[16];
    if (!conf_value(device, "time-divisor", value, sizeof value)) {
        return 1;
    }
    unsigned long divisor = strtoul(value, NULL, 10);
    return divisor >= 1 && divisor <= 3600 ? (unsigned)divisor : 1;
}

const char *dr_cli_device_board(const struct dr_cli_device *device)
{
    char value[32];
    const struct dr_provision_board *board = NULL;
    if (conf_value(device, "board", value, sizeof value)) {
        board = dr_provision_board_named(value);
    }
    return board != NULL ? board->board_program : "daruma-board";
}

struct led {
    unsigned number;
    const char *word;
    const char *text;
};

static const struct led leds[] = {
#define LED_ROW(name, number, word, text) {number, word, text},
    DR_LED_LIST(LED_ROW)
#undef LED_ROW
};

static const struct led *find_led(unsigned number)
{
    static const struct led unknown = {0, "unknown", "not a code of this panel"};
    for (size_t i = 0; i < sizeof leds / sizeof leds[0]; i++) {
        if (leds[i].number == number) {
            return &leds[i];
        }
    }
    return &unknown;
}

const char *dr_cli_device_led_word(unsigned led)
{
    return find_led(led)->word;
}

const char *dr_cli_device_led_text(unsigned led)
{
    return find_led(led)->text;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/device.h"
#include "tools/provision/device.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_BYTES 256u

/* Directories with a board.conf are devices; whatever else lies there is not ours. */
static int is_device(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static json_t *describe(const char *parent, const char *name)
{
    char directory[PATH_MAX + NAME_BYTES];
    char path[PATH_MAX + NAME_BYTES + 16];
    char answer[DR_DEVICE_ANSWER_BYTES];
    snprintf(directory, sizeof directory, "%s/%s", parent, name);
    snprintf(path, sizeof path, "%s/board.conf", directory);
    if (access(path, F_OK) != 0) {
        return NULL;
    }
    snprintf(path, sizeof path, "%s/provisioned", directory);
    const char *provisioned = access(path, F_OK) == 0 ? "yes" : "no";
    json_t *device =
        json_pack("{s:s, s:s, s:s}", "name", name, "running", "off", "provisioned", provisioned);
    if (dr_device_command(directory, "show", answer) == DR_OK) {
        json_t *state = dr_cli_device_json(answer);
        json_object_update(device, state);
        json_decref(state);
    }
    return device;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

static int print(struct dr_cli *cli, json_t *devices, const char *parent)
{
    size_t index = 0;
    const json_t *device = NULL;
    if (cli->json) {
        return dr_cli_print_json(cli, devices);
    }
    json_array_foreach(devices, index, device)
    {
        printf(
            "%-28s %-10s %-12s slot %-8s %s\n", text_of(device, "name"), text_of(device, "running"),
            text_of(device, "version"), text_of(device, "slot"), text_of(device, "state"));
    }
    if (json_array_size(devices) == 0) {
        printf("no devices in %s; make one with `daruma device create NAME`\n", parent);
    }
    json_decref(devices);
    return DR_EXIT_DONE;
}

static int run(struct dr_cli *cli)
{
    const char *given = NULL;
    const struct dr_cli_option options[] = {{.name = "dir", .text = &given}};
    size_t count = 0;
    int result = dr_cli_parse(cli, options, 1, NULL, 0, &count);
    if (result != 0) {
        return result;
    }
    const char *parent = dr_cli_device_parent(given);
    struct dirent **entries = NULL;
    int found = scandir(parent, &entries, is_device, alphasort);
    if (found < 0 && errno != ENOENT) {
        return dr_cli_error(cli, "cannot read %s: %s", parent, strerror(errno));
    }
    json_t *devices = json_array();
    for (int i = 0; i < found; i++) {
        json_t *device = describe(parent, entries[i]->d_name);
        if (device != NULL) {
            json_array_append_new(devices, device);
        }
        free(entries[i]);
    }
    free(entries);
    return print(cli, devices, parent);
}

const struct dr_cli_verb dr_verb_device_list = {
    .noun = "device",
    .verb = "list",
    .summary = "the virtual devices here, and what runs on them",
    .usage = "device list [--dir DIRECTORY]",
    .help = "One line a device: name, what runs (off, rom, firmware), version, slot, state\n"
            "of the image at its start (a candidate stays one here until the next). The cloud\n"
            "is not asked; `things list` shows what it knows.",
    .run = run,
};

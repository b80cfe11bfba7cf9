/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/device.h"
#include "cli/thing.h"
#include "tools/provision/device.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 16

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static bool has_file(const struct dr_cli_device *device, const char *name)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", device->directory, name);
    return access(path, F_OK) == 0;
}

/* The cloud first: a device whose thing is left over can be deleted again, one whose directory is
 * gone cannot. */
static int delete_thing(
    struct dr_cli *cli, const struct dr_cli_device *device, struct dr_cli_thing_deleted *deleted)
{
    struct dr_aws *aws = dr_aws_open(cli);
    int result = aws != NULL ? dr_cli_thing_delete(cli, aws, device->name, deleted) : DR_EXIT_ERROR;
    if (aws != NULL) {
        dr_aws_close(aws);
    }
    if (result != 0) {
        return dr_cli_error(
            cli,
            "%s is kept: its thing is still in the cloud; --keep-thing deletes it all the same",
            device->name);
    }
    return 0;
}

static int run(struct dr_cli *cli)
{
    struct dr_cli_device device;
    bool keep_thing = false;
    const struct dr_cli_option options[] = {{.name = "keep-thing", .flag = &keep_thing}};
    int result = dr_cli_device_parse(cli, options, 1, NULL, 0, true, &device);
    if (result != 0) {
        return result;
    }
    if (!has_file(&device, "board.conf")) {
        return dr_cli_error(
            cli, "%s holds no device (no board.conf): it is left alone", device.directory);
    }
    enum dr_status status = dr_device_stop(device.directory);
    if (status != DR_OK) {
        return dr_cli_error(cli, "the board does not end: %s", dr_status_text(status));
    }
    struct dr_cli_thing_deleted deleted = {.existed = false};
    if (!keep_thing && has_file(&device, "certificate-normal.json")) {
        result = delete_thing(cli, &device, &deleted);
    }
    if (result != 0) {
        return result;
    }
    if (nftw(device.directory, remove_one, DESCRIPTORS_MAX, FTW_DEPTH | FTW_PHYS) != 0) {
        return dr_cli_error(cli, "cannot delete all of %s: %s", device.directory, strerror(errno));
    }
    if (cli->json) {
        return dr_cli_print_json(
            cli, json_pack(
                     "{s:s, s:b, s:i}", "deleted", device.name, "thing", (int)deleted.existed,
                     "certificates", (int)deleted.certificates));
    }
    printf(
        deleted.existed ? "%s is deleted, here and in the cloud\n" : "%s is deleted\n",
        device.name);
    return DR_EXIT_DONE;
}

const struct dr_cli_verb dr_verb_device_delete = {
    .noun = "device",
    .verb = "delete",
    .summary = "delete a device: directory, thing and certificates",
    .usage = "device delete NAME [--keep-thing] [--dir DIRECTORY]",
    .help = "Switches the device off, deletes its thing and certificates in the cloud (see\n"
            "`things delete`), then its directory with flash, secure element and keys. There\n"
            "is no way back.\n"
            "\n"
            "  --keep-thing  only the directory; the cloud is not asked",
    .run = run,
};

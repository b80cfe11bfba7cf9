/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* First step: everything a device is made of, blank. */
#include "tools/provision/provision.h"

#include "boards/linux/board/board.h"
#include "tools/provision/device.h"
#include "tools/provision/provision_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum dr_status
dr_provision_fail(struct dr_provision_error *error, enum dr_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return status;
}

bool dr_provision_path(const char *directory, const char *name, char out[PATH_MAX])
{
    int len = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    return len > 0 && len < PATH_MAX;
}

/* A board may still run for a create that was killed; one that is in use is left alone. */
static enum dr_status quiet(const struct dr_provision_plan *plan, struct dr_provision_error *error)
{
    char marker[PATH_MAX];
    if (dr_device_board_pid(plan->directory) == 0) {
        return DR_OK;
    }
    if (!dr_provision_path(plan->directory, DR_BOARD_PROVISIONED_PATH, marker) ||
        access(marker, F_OK) == 0 || dr_device_stop(plan->directory) != DR_OK) {
        return dr_provision_fail(
            error, DR_E_BUSY, "the device runs; switch it off first (device power NAME off)");
    }
    return DR_OK;
}

static enum dr_status
make_directory(const struct dr_provision_plan *plan, struct dr_provision_error *error)
{
    if (mkdir(plan->directory, 0700) != 0 && errno != EEXIST) {
        return dr_provision_fail(
            error, DR_E_IO, "cannot make %s: %s", plan->directory, strerror(errno));
    }
    return quiet(plan, error);
}

static _Noreturn void exec_anchor(const struct dr_provision_plan *plan, const char *directory)
{
    if (plan->host_key_normal != NULL) {
        execl(
            plan->anchor_program, "daruma-anchor", "--create", "--dir", directory,
            "--key-from-host", plan->host_key_normal, "--key-from-host-recovery",
            plan->host_key_recovery, (char *)NULL);
    } else {
        execl(plan->anchor_program, "daruma-anchor", "--create", "--dir", directory, (char *)NULL);
    }
    _exit(127);
}

static enum dr_status
make_anchor(const struct dr_provision_plan *plan, struct dr_provision_error *error)
{
    char directory[PATH_MAX];
    int wait_status = -1;
    if (!dr_provision_path(plan->directory, DR_BOARD_ANCHOR_PATH, directory)) {
        return dr_provision_fail(error, DR_E_ARGUMENT, "the path is too long");
    }
    pid_t pid = fork();
    if (pid == 0) {
        exec_anchor(plan, directory);
    }
    if (pid < 0 || waitpid(pid, &wait_status, 0) != pid || !WIFEXITED(wait_status) ||
        WEXITSTATUS(wait_status) != 0) {
        return dr_provision_fail(
            error, DR_E_IO, "%s --create failed; what it printed says why", plan->anchor_program);
    }
    return DR_OK;
}

static enum dr_status
make_flash(const struct dr_provision_plan *plan, struct dr_provision_error *error)
{
    char path[PATH_MAX];
    if (!dr_provision_path(plan->directory, DR_BOARD_FLASH_PATH, path)) {
        return dr_provision_fail(error, DR_E_ARGUMENT, "the path is too long");
    }
    enum dr_status status = plan->board->create(path);
    if (status != DR_OK && status != DR_E_EXISTS) {
        return dr_provision_fail(error, status, "cannot make %s: %s", path, strerror(errno));
    }
    return DR_OK;
}

static enum dr_status check_burned(
    const struct dr_provision_plan *plan, const uint8_t *rom, size_t rom_bytes,
    struct dr_provision_error *error)
{
    uint8_t wanted[DR_TRUST_RECORD_BYTES] = {0};
    uint8_t burned[DR_TRUST_RECORD_BYTES] = {0};
    struct dr_trust_record record;
    DR_TRY(dr_trust_record_encode(&plan->trust, wanted));
    if (dr_provision_read_trust(rom, rom_bytes, &record) != DR_OK ||
        dr_trust_record_encode(&record, burned) != DR_OK ||
        memcmp(burned, wanted, sizeof wanted) != 0) {
        return dr_provision_fail(
            error, DR_E_CONFLICT,
            "this device exists with another product or other keys in its boot ROM; "
            "delete its directory to begin anew");
    }
    return DR_OK;
}

static enum dr_status
burn_rom(const struct dr_provision_plan *plan, uint8_t *rom, struct dr_provision_error *error)
{
    size_t rom_bytes = 0;
    enum dr_status status = dr_device_read(
        plan->directory, DR_BOARD_ROM_PATH, rom, DR_PROVISION_ROM_BYTES_MAX, &rom_bytes);
    if (status == DR_OK) {
        return check_burned(plan, rom, rom_bytes, error);
    }
    const char *slash = strrchr(plan->rom_program, '/');
    char source_dir[PATH_MAX];
    int len = slash != NULL ? (int)(slash - plan->rom_program) : 1;
    snprintf(source_dir, sizeof source_dir, "%.*s", len, slash != NULL ? plan->rom_program : ".");
    const char *name = slash != NULL ? slash + 1 : plan->rom_program;
    status = dr_device_read(source_dir, name, rom, DR_PROVISION_ROM_BYTES_MAX, &rom_bytes);
    if (status != DR_OK) {
        return dr_provision_fail(
            error, status, "cannot read the boot ROM %s; build it first", plan->rom_program);
    }
    status = dr_provision_burn(rom, rom_bytes, &plan->trust);
    if (status != DR_OK) {
        return dr_provision_fail(
            error, status, "cannot burn trust anchors into %s: %s", plan->rom_program,
            dr_status_text(status));
    }
    status = dr_device_write(plan->directory, DR_BOARD_ROM_PATH, rom, rom_bytes, 0555);
    if (status != DR_OK) {
        return dr_provision_fail(
            error, status, "cannot write the boot ROM into %s", plan->directory);
    }
    return DR_OK;
}

enum dr_status
dr_provision_files(const struct dr_provision_plan *plan, struct dr_provision_error *error)
{
    DR_TRY(make_directory(plan, error));
    DR_TRY(make_anchor(plan, error));
    DR_TRY(make_flash(plan, error));
    uint8_t *rom = malloc(DR_PROVISION_ROM_BYTES_MAX);
    if (rom == NULL) {
        return dr_provision_fail(error, DR_E_SPACE, "out of memory");
    }
    enum dr_status status = burn_rom(plan, rom, error);
    free(rom);
    return status;
}

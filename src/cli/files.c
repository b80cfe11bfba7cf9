/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *dr_cli_sister(struct dr_cli *cli, const char *name)
{
    static char path[4096];
    snprintf(path, sizeof(path), "%s/%s", cli->program_dir, name);
    if (access(path, R_OK) == 0) {
        return path;
    }
    const char *search = getenv("PATH");
    while (search != NULL && *search != '\0') {
        size_t len = strcspn(search, ":");
        snprintf(path, sizeof(path), "%.*s/%s", (int)len, search, name);
        if (len > 0 && access(path, X_OK) == 0) {
            return path;
        }
        search += len + (search[len] == ':' ? 1 : 0);
    }
    return "";
}

/* Read up to max_bytes + 1 so that a longer file shows. */
static uint8_t *read_all(FILE *file, size_t max_bytes, size_t *ret_size_bytes)
{
    size_t capacity_bytes = 65536;
    size_t size_bytes = 0;
    uint8_t *data = malloc(capacity_bytes + 1);
    while (data != NULL) {
        size_t count = fread(data + size_bytes, 1, capacity_bytes - size_bytes, file);
        size_bytes += count;
        if (count == 0 || size_bytes > max_bytes) {
            break;
        }
        if (size_bytes == capacity_bytes) {
            capacity_bytes *= 2;
            uint8_t *larger = realloc(data, capacity_bytes + 1);
            if (larger == NULL) {
                free(data);
            }
            data = larger;
        }
    }
    if (data != NULL) {
        data[size_bytes] = 0;
    }
    *ret_size_bytes = size_bytes;
    return data;
}

uint8_t *
dr_cli_read_file(struct dr_cli *cli, const char *path, size_t max_bytes, size_t *ret_size_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        dr_cli_error(cli, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    size_t size_bytes = 0;
    errno = 0;
    uint8_t *data = read_all(file, max_bytes, &size_bytes);
    int failed = ferror(file);
    fclose(file);
    if (data == NULL || failed) {
        dr_cli_error(cli, "cannot read %s: %s", path, strerror(errno != 0 ? errno : ENOMEM));
        free(data);
        return NULL;
    }
    if (size_bytes > max_bytes) {
        dr_cli_error(cli, "%s is larger than %zu bytes", path, max_bytes);
        free(data);
        return NULL;
    }
    *ret_size_bytes = size_bytes;
    return data;
}

static bool write_all(int file, const uint8_t *data, size_t size_bytes)
{
    while (size_bytes > 0) {
        ssize_t count = write(file, data, size_bytes);
        if (count < 0) {
            return false;
        }
        data += count;
        size_bytes -= (size_t)count;
    }
    return fsync(file) == 0;
}

int dr_cli_write_file(
    struct dr_cli *cli, const char *path, const uint8_t *data, size_t size_bytes, unsigned mode)
{
    char temporary[4096];
    int len = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (len < 0 || (size_t)len >= sizeof(temporary)) {
        return dr_cli_error(cli, "path too long: %s", path);
    }
    int file = mkstemp(temporary);
    if (file < 0) {
        return dr_cli_error(cli, "cannot write %s: %s", path, strerror(errno));
    }
    bool written = write_all(file, data, size_bytes) && fchmod(file, (mode_t)mode) == 0;
    written = close(file) == 0 && written;
    if (!written || rename(temporary, path) != 0) {
        int cause = errno;
        unlink(temporary);
        return dr_cli_error(cli, "cannot write %s: %s", path, strerror(cause));
    }
    return 0;
}

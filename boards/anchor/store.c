/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/anchor/store.h"

#include "base/secret.h"
#include "crypto/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_NAME "secret"
#define STATE_NAME "state"
#define LOCK_NAME "lock"
#define FRESH_SUFFIX ".new"
#define NAME_BYTES 32

/* Exactly size_bytes, owned and readable by nobody else. */
static enum dr_status read_file(int directory, const char *name, uint8_t *out, size_t size_bytes)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? DR_E_NOT_FOUND : DR_E_IO;
    }
    enum dr_status status = DR_E_IO;
    struct stat info;
    if (fstat(fd, &info) == 0) {
        if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0 || !S_ISREG(info.st_mode)) {
            status = DR_E_DENIED;
        } else if (info.st_size != (off_t)size_bytes) {
            status = DR_E_CORRUPT;
        } else if (read(fd, out, size_bytes) == (ssize_t)size_bytes) {
            status = DR_OK;
        }
    }
    close(fd);
    return status;
}

/* Temporary file, sync, rename, sync of the directory. */
static enum dr_status
replace_file(int directory, const char *name, const uint8_t *data, size_t size_bytes)
{
    char fresh[NAME_BYTES];
    snprintf(fresh, sizeof fresh, "%s%s", name, FRESH_SUFFIX);
    int fd = openat(directory, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return DR_E_IO;
    }
    bool done = write(fd, data, size_bytes) == (ssize_t)size_bytes && fsync(fd) == 0;
    done = close(fd) == 0 && done;
    if (!done || renameat(directory, fresh, directory, name) != 0 || fsync(directory) != 0) {
        return DR_E_IO;
    }
    return DR_OK;
}

static enum dr_status create_secret(int directory)
{
    uint8_t secret[DR_DEVICE_SECRET_BYTES];
    enum dr_status status = read_file(directory, SECRET_NAME, secret, sizeof secret);
    if (status == DR_E_NOT_FOUND) {
        status = dr_random_bytes(secret, sizeof secret);
        if (status == DR_OK) {
            status = replace_file(directory, SECRET_NAME, secret, sizeof secret);
        }
    }
    dr_wipe(secret, sizeof secret);
    return status;
}

static enum dr_status create_state(int directory, const struct dr_anchor_identity_pair *keys)
{
    uint8_t image[DR_ANCHOR_STATE_BYTES];
    enum dr_status status = read_file(directory, STATE_NAME, image, sizeof image);
    if (status == DR_E_NOT_FOUND) {
        if (keys != NULL) {
            dr_anchor_state_blank_with_keys(keys, image);
        } else {
            dr_anchor_state_blank(image);
        }
        status = replace_file(directory, STATE_NAME, image, sizeof image);
    }
    dr_wipe(image, sizeof image);
    return status;
}

enum dr_status dr_anchor_store_create(const char *path, const struct dr_anchor_identity_pair *keys)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return DR_E_IO;
    }
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        return DR_E_IO;
    }
    enum dr_status status = create_state(directory, keys);
    if (status == DR_OK) {
        status = create_secret(directory);
    }
    close(directory);
    return status;
}

static enum dr_status take_lock(struct dr_anchor_store *store)
{
    store->lock =
        openat(store->directory, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock < 0) {
        return DR_E_IO;
    }
    if (flock(store->lock, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? DR_E_BUSY : DR_E_IO;
    }
    return DR_OK;
}

enum dr_status dr_anchor_store_open(
    struct dr_anchor_store *store, const char *path, uint8_t ret_secret[DR_DEVICE_SECRET_BYTES],
    uint8_t ret_image[DR_ANCHOR_STATE_BYTES])
{
    store->lock = -1;
    store->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0) {
        return errno == ENOENT ? DR_E_NOT_FOUND : DR_E_IO;
    }
    enum dr_status status = take_lock(store);
    if (status == DR_OK) {
        status = read_file(store->directory, SECRET_NAME, ret_secret, DR_DEVICE_SECRET_BYTES);
    }
    if (status == DR_OK) {
        status = read_file(store->directory, STATE_NAME, ret_image, DR_ANCHOR_STATE_BYTES);
    }
    if (status != DR_OK) {
        dr_anchor_store_close(store);
    }
    return status;
}

enum dr_status
dr_anchor_store_persist(struct dr_anchor_store *store, const uint8_t image[DR_ANCHOR_STATE_BYTES])
{
    return replace_file(store->directory, STATE_NAME, image, DR_ANCHOR_STATE_BYTES);
}

void dr_anchor_store_close(struct dr_anchor_store *store)
{
    if (store->lock >= 0) {
        close(store->lock);
    }
    if (store->directory >= 0) {
        close(store->directory);
    }
    store->lock = -1;
    store->directory = -1;
}

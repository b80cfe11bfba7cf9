/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Opening the directory, and sweeping it. */
#include "base/text.h"
#include "cloud/blob/blob_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum dr_status make_directory(const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return dr_blob_errno_status(errno);
    }
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return DR_E_IO;
    }
    return access(path, R_OK | W_OK | X_OK) == 0 ? DR_OK : DR_E_DENIED;
}

/* Uploads that a crash interrupted: nobody can finish them. */
static enum dr_status remove_temporaries(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return dr_blob_errno_status(errno);
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) { /* bound: the directory's entries */
        if (entry->d_name[0] != '.') {
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
        }
    }
    (void)closedir(directory);
    return DR_OK;
}

enum dr_status dr_blobs_open(const struct dr_blob_options *options, struct dr_blobs **ret_blobs)
{
    struct dr_blobs *blobs = calloc(1, sizeof *blobs);
    if (blobs == NULL) {
        return DR_E_SPACE;
    }
    blobs->crypto = options->crypto;
    blobs->blob_size_max_bytes =
        options->blob_size_max_bytes != 0 ? options->blob_size_max_bytes : DR_BLOB_SIZE_MAX_DEFAULT;
    blobs->directory = strdup(options->directory);
    if (asprintf(&blobs->temporary, "%s/tmp", options->directory) < 0) {
        blobs->temporary = NULL;
    }
    enum dr_status status = DR_E_SPACE;
    if (blobs->directory != NULL && blobs->temporary != NULL) {
        status = make_directory(blobs->directory);
    }
    if (status == DR_OK) {
        status = make_directory(blobs->temporary);
    }
    if (status == DR_OK) {
        status = remove_temporaries(blobs->temporary);
    }
    if (status != DR_OK) {
        dr_blobs_close(blobs);
        return status;
    }
    *ret_blobs = blobs;
    return DR_OK;
}

void dr_blobs_close(struct dr_blobs *blobs)
{
    if (blobs != NULL) {
        free(blobs->directory);
        free(blobs->temporary);
        free(blobs);
    }
}

const char *dr_blobs_temporary_directory(const struct dr_blobs *blobs)
{
    return blobs->temporary;
}

struct sweep {
    bool (*keep)(void *context, const uint8_t digest[DR_SHA256_BYTES]);
    void *context;
    int64_t older_than;
    size_t removed;
};

static enum dr_status sweep_one(struct sweep *sweep, const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return errno == ENOENT ? DR_OK : dr_blob_errno_status(errno);
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) { /* bound: the directory's entries */
        uint8_t digest[DR_SHA256_BYTES];
        struct stat info;
        if (dr_hex_decode(entry->d_name, strlen(entry->d_name), digest, sizeof digest) != DR_OK ||
            fstatat(dirfd(directory), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        if ((int64_t)info.st_mtime < sweep->older_than && !sweep->keep(sweep->context, digest) &&
            unlinkat(dirfd(directory), entry->d_name, 0) == 0) {
            sweep->removed++;
        }
    }
    (void)closedir(directory);
    return DR_OK;
}

enum dr_status dr_blobs_sweep(
    struct dr_blobs *blobs, bool (*keep)(void *context, const uint8_t digest[DR_SHA256_BYTES]),
    void *context, int64_t older_than, size_t *ret_removed)
{
    struct sweep sweep = {.keep = keep, .context = context, .older_than = older_than};
    for (unsigned first = 0; first <= UINT8_MAX; first++) {
        char path[DR_BLOB_PATH_SIZE];
        int len = snprintf(path, sizeof path, "%s/%02x", blobs->directory, first);
        if (len < 0 || (size_t)len >= sizeof path) {
            return DR_E_RANGE;
        }
        DR_TRY(sweep_one(&sweep, path));
    }
    if (ret_removed != NULL) {
        *ret_removed = sweep.removed;
    }
    return DR_OK;
}

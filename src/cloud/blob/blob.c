/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Layout: DIR/ab/<64 hex digits> for blobs, DIR/tmp/up-XXXXXX for uploads under way. */
#include "cloud/blob/blob.h"

#include "base/text.h"
#include "cloud/blob/blob_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct dr_blob {
    int fd;
    uint64_t size_bytes;
};

enum dr_status dr_blob_errno_status(int error)
{
    switch (error) {
    case ENOENT:
        return DR_E_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return DR_E_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return DR_E_DENIED;
    default:
        return DR_E_IO;
    }
}

static enum dr_status blob_path(
    const struct dr_blobs *blobs, const uint8_t digest[DR_SHA256_BYTES], char *out, size_t capacity)
{
    char name[DR_HEX_SIZE(DR_SHA256_BYTES)];
    dr_hex_encode(digest, DR_SHA256_BYTES, name);
    int len = snprintf(out, capacity, "%s/%.2s/%s", blobs->directory, name, name);
    return len > 0 && (size_t)len < capacity ? DR_OK : DR_E_RANGE;
}

static enum dr_status sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return dr_blob_errno_status(errno);
    }
    enum dr_status status = fsync(fd) == 0 ? DR_OK : dr_blob_errno_status(errno);
    (void)close(fd);
    return status;
}

/* Put a finished, synced file under its name. Equal content that is already there stays; its age is
 * renewed, so that a sweep does not take it from under the row that is about to name it. */
enum dr_status
dr_blob_install(struct dr_blobs *blobs, const char *from, const uint8_t digest[DR_SHA256_BYTES])
{
    char path[DR_BLOB_PATH_SIZE];
    char directory[DR_BLOB_PATH_SIZE];
    DR_TRY(blob_path(blobs, digest, path, sizeof path));
    if (access(path, F_OK) == 0 && utimensat(AT_FDCWD, path, NULL, 0) == 0) {
        return unlink(from) == 0 ? DR_OK : dr_blob_errno_status(errno);
    }
    memcpy(directory, path, sizeof directory);
    *strrchr(directory, '/') = '\0';
    bool is_new = mkdir(directory, 0700) == 0;
    if (!is_new && errno != EEXIST) {
        return dr_blob_errno_status(errno);
    }
    if (rename(from, path) != 0) {
        return dr_blob_errno_status(errno);
    }
    DR_TRY(sync_directory(directory));
    return is_new ? sync_directory(blobs->directory) : DR_OK;
}

enum dr_status dr_blob_open(
    struct dr_blobs *blobs, const uint8_t digest[DR_SHA256_BYTES], struct dr_blob **ret_blob)
{
    char path[DR_BLOB_PATH_SIZE];
    DR_TRY(blob_path(blobs, digest, path, sizeof path));
    struct dr_blob *blob = malloc(sizeof *blob);
    if (blob == NULL) {
        return DR_E_SPACE;
    }
    blob->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat info;
    if (blob->fd < 0 || fstat(blob->fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        enum dr_status status = blob->fd < 0 ? dr_blob_errno_status(errno) : DR_E_IO;
        dr_blob_close(blob);
        return status;
    }
    blob->size_bytes = (uint64_t)info.st_size;
    *ret_blob = blob;
    return DR_OK;
}

void dr_blob_close(struct dr_blob *blob)
{
    if (blob == NULL) {
        return;
    }
    if (blob->fd >= 0) {
        (void)close(blob->fd);
    }
    free(blob);
}

uint64_t dr_blob_size(const struct dr_blob *blob)
{
    return blob->size_bytes;
}

int dr_blob_dup_fd(const struct dr_blob *blob)
{
    return fcntl(blob->fd, F_DUPFD_CLOEXEC, 0);
}

/* pread and not a mapping: a file that somebody shortens costs an error here, not a signal. */
enum dr_status
dr_blob_read(const struct dr_blob *blob, uint64_t offset_bytes, void *out, size_t size_bytes)
{
    if (offset_bytes > blob->size_bytes || size_bytes > blob->size_bytes - offset_bytes) {
        return DR_E_RANGE;
    }
    uint8_t *at = out;
    while (size_bytes != 0) { /* bound: each round reads at least one byte */
        ssize_t got = pread(blob->fd, at, size_bytes, (off_t)offset_bytes);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return DR_E_IO;
        }
        at += got;
        offset_bytes += (uint64_t)got;
        size_bytes -= (size_t)got;
    }
    return DR_OK;
}

bool dr_blob_exists(struct dr_blobs *blobs, const uint8_t digest[DR_SHA256_BYTES])
{
    char path[DR_BLOB_PATH_SIZE];
    return blob_path(blobs, digest, path, sizeof path) == DR_OK && access(path, R_OK) == 0;
}

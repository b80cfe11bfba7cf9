/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Content on its way in. */
#include "base/check.h"
#include "base/secret.h"
#include "cloud/blob/blob_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ADOPT_CHUNK 65536u

struct dr_blob_upload {
    struct dr_blobs *blobs;
    struct dr_sha256 sha;
    uint8_t digest[DR_SHA256_BYTES];
    bool is_digested;
    uint64_t size_bytes;
    int fd;
    char path[DR_BLOB_PATH_SIZE];
};

enum dr_status dr_blob_upload_begin(struct dr_blobs *blobs, struct dr_blob_upload **ret_upload)
{
    struct dr_blob_upload *upload = calloc(1, sizeof *upload);
    if (upload == NULL) {
        return DR_E_SPACE;
    }
    int len = snprintf(upload->path, sizeof upload->path, "%s/up-XXXXXX", blobs->temporary);
    if (len < 0 || (size_t)len >= sizeof upload->path) {
        free(upload);
        return DR_E_RANGE;
    }
    upload->fd = mkostemp(upload->path, O_CLOEXEC);
    if (upload->fd < 0) {
        enum dr_status status = dr_blob_errno_status(errno);
        free(upload);
        return status == DR_OK ? DR_E_IO : status; /* never "ok" without an upload */
    }
    upload->blobs = blobs;
    blobs->crypto->sha256_begin(&upload->sha);
    *ret_upload = upload;
    return DR_OK;
}

enum dr_status
dr_blob_upload_append(struct dr_blob_upload *upload, const void *data, size_t size_bytes)
{
    DR_CHECK(!upload->is_digested);
    if (size_bytes > upload->blobs->blob_size_max_bytes - upload->size_bytes) {
        return DR_E_SPACE;
    }
    const uint8_t *at = data;
    size_t left = size_bytes;
    while (left != 0) { /* bound: each round writes at least one byte */
        ssize_t put = write(upload->fd, at, left);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return dr_blob_errno_status(errno);
        }
        at += put;
        left -= (size_t)put;
    }
    upload->blobs->crypto->sha256_update(&upload->sha, data, size_bytes);
    upload->size_bytes += size_bytes;
    return DR_OK;
}

void dr_blob_upload_digest(
    struct dr_blob_upload *upload, uint8_t digest[DR_SHA256_BYTES], uint64_t *ret_size_bytes)
{
    if (!upload->is_digested) {
        upload->blobs->crypto->sha256_finish(&upload->sha, upload->digest);
        upload->is_digested = true;
    }
    memcpy(digest, upload->digest, DR_SHA256_BYTES);
    *ret_size_bytes = upload->size_bytes;
}

void dr_blob_upload_abort(struct dr_blob_upload *upload)
{
    if (upload != NULL) {
        (void)close(upload->fd);
        (void)unlink(upload->path);
        free(upload);
    }
}

static enum dr_status seal(int fd)
{
    return fchmod(fd, 0400) == 0 && fsync(fd) == 0 ? DR_OK : dr_blob_errno_status(errno);
}

enum dr_status dr_blob_upload_commit(struct dr_blob_upload *upload)
{
    uint8_t digest[DR_SHA256_BYTES];
    uint64_t size_bytes = 0;
    dr_blob_upload_digest(upload, digest, &size_bytes);
    enum dr_status status = seal(upload->fd);
    if (status == DR_OK) {
        status = dr_blob_install(upload->blobs, upload->path, digest);
    }
    /* After an install the name is gone and removing it does nothing. */
    dr_blob_upload_abort(upload);
    return status;
}

enum dr_status dr_blob_put(
    struct dr_blobs *blobs, const void *data, size_t size_bytes, uint8_t digest[DR_SHA256_BYTES])
{
    struct dr_blob_upload *upload = NULL;
    DR_TRY(dr_blob_upload_begin(blobs, &upload));
    enum dr_status status = dr_blob_upload_append(upload, data, size_bytes);
    if (status != DR_OK) {
        dr_blob_upload_abort(upload);
        return status;
    }
    uint64_t written = 0;
    dr_blob_upload_digest(upload, digest, &written);
    return dr_blob_upload_commit(upload);
}

static enum dr_status
digest_of(const struct dr_crypto *crypto, int fd, uint8_t digest[DR_SHA256_BYTES])
{
    struct dr_sha256 sha;
    crypto->sha256_begin(&sha);
    uint8_t *chunk = malloc(ADOPT_CHUNK);
    if (chunk == NULL) {
        return DR_E_SPACE;
    }
    ssize_t got = 0;
    do { /* bound: the file's size, checked by the caller */
        got = read(fd, chunk, ADOPT_CHUNK);
        if (got > 0) {
            crypto->sha256_update(&sha, chunk, (size_t)got);
        }
    } while (got > 0 || (got < 0 && errno == EINTR));
    free(chunk);
    crypto->sha256_finish(&sha, digest);
    return got == 0 ? DR_OK : dr_blob_errno_status(errno);
}

enum dr_status
dr_blob_adopt(struct dr_blobs *blobs, const char *path, const uint8_t digest[DR_SHA256_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return dr_blob_errno_status(errno);
    }
    struct stat info;
    uint8_t found[DR_SHA256_BYTES];
    enum dr_status status = DR_OK;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        status = DR_E_IO;
    } else if ((uint64_t)info.st_size > blobs->blob_size_max_bytes) {
        status = DR_E_SPACE;
    }
    if (status == DR_OK) {
        status = digest_of(blobs->crypto, fd, found);
    }
    if (status == DR_OK && !dr_equal_ct(found, digest, sizeof found)) {
        status = DR_E_CORRUPT;
    }
    if (status == DR_OK) {
        status = seal(fd);
    }
    (void)close(fd);
    return status == DR_OK ? dr_blob_install(blobs, path, digest) : status;
}

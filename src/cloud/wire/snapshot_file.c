/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Snapshots and the file system: check, then map; write beside, then rename. */
#include "base/crc32.h"
#include "cloud/wire/snapshot.h"
#include "cloud/wire/snapshot_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES 65536u

/* Exactly size_bytes, or DR_E_TRUNCATED at the end of the file. */
static enum dr_status read_exactly(int fd, uint8_t *out, size_t size_bytes)
{
    size_t done = 0;
    while (done < size_bytes) { /* bound: each turn reads at least one byte or returns */
        ssize_t got = read(fd, out + done, size_bytes - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return DR_E_IO;
        }
        if (got == 0) {
            return DR_E_TRUNCATED;
        }
        done += (size_t)got;
    }
    return DR_OK;
}

/* Read header and content through once; nothing is mapped before this holds. */
static enum dr_status check_file(int fd, struct dr_snapshot *ret_snapshot, uint8_t *chunk)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < 0) {
        return DR_E_IO;
    }
    if ((uint64_t)facts.st_size < DR_SNAPSHOT_HEADER_BYTES) {
        return DR_E_TRUNCATED;
    }
    DR_TRY(read_exactly(fd, chunk, DR_SNAPSHOT_HEADER_BYTES));
    struct dr_snapshot snapshot;
    DR_TRY(dr_snapshot_header(chunk, (uint64_t)facts.st_size, &snapshot));
    size_t left = snapshot.info.size_bytes - DR_SNAPSHOT_HEADER_BYTES;
    uint32_t crc = 0;
    while (left > 0) { /* bound: the file's size */
        size_t part = left < CHUNK_BYTES ? left : CHUNK_BYTES;
        DR_TRY(read_exactly(fd, chunk, part));
        crc = dr_crc32(crc, chunk, part);
        left -= part;
    }
    if (crc != snapshot.content_crc) {
        return DR_E_CORRUPT;
    }
    *ret_snapshot = snapshot;
    return DR_OK;
}

static enum dr_status open_fd(int fd, struct dr_snapshot *snapshot)
{
    uint8_t *chunk = malloc(CHUNK_BYTES);
    if (chunk == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = check_file(fd, snapshot, chunk);
    free(chunk);
    if (status != DR_OK) {
        return status;
    }
    void *map = mmap(NULL, snapshot->info.size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        return DR_E_IO;
    }
    snapshot->data = map;
    snapshot->mapped = true;
    return DR_OK;
}

enum dr_status dr_snapshot_open(const char *path, struct dr_snapshot **ret_snapshot)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? DR_E_NOT_FOUND : DR_E_IO;
    }
    struct dr_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    enum dr_status status = snapshot == NULL ? DR_E_SPACE : open_fd(fd, snapshot);
    close(fd);
    if (status != DR_OK) {
        free(snapshot);
        return status;
    }
    *ret_snapshot = snapshot;
    return DR_OK;
}

void dr_snapshot_close(struct dr_snapshot *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    if (snapshot->mapped) {
        union {
            const void *read_only;
            void *any;
        } map = {.read_only = snapshot->data};
        munmap(map.any, snapshot->info.size_bytes);
    }
    free(snapshot);
}

static enum dr_status write_exactly(int fd, const uint8_t *data, size_t size_bytes)
{
    size_t done = 0;
    while (done < size_bytes) { /* bound: each turn writes at least one byte or returns */
        ssize_t put = write(fd, data + done, size_bytes - done);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return DR_E_IO;
        }
        done += (size_t)put;
    }
    return DR_OK;
}

/* The rename is durable once its directory is. */
static enum dr_status sync_directory(const char *path)
{
    char copy[PATH_MAX];
    int len = snprintf(copy, sizeof(copy), "%s", path);
    if (len < 0 || (size_t)len >= sizeof(copy)) {
        return DR_E_ARGUMENT;
    }
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return DR_E_IO;
    }
    enum dr_status status = fsync(fd) == 0 ? DR_OK : DR_E_IO;
    close(fd);
    return status;
}

enum dr_status dr_snapshot_write_file(const char *path, const uint8_t *data, size_t size_bytes)
{
    char temporary[PATH_MAX];
    int len = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (len < 0 || (size_t)len >= sizeof(temporary)) {
        return DR_E_ARGUMENT;
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return DR_E_IO;
    }
    enum dr_status status = write_exactly(fd, data, size_bytes);
    if (status == DR_OK && (fchmod(fd, 0640) != 0 || fsync(fd) != 0)) {
        status = DR_E_IO;
    }
    if (close(fd) != 0 && status == DR_OK) {
        status = DR_E_IO;
    }
    if (status == DR_OK && rename(temporary, path) != 0) {
        status = DR_E_IO;
    }
    if (status != DR_OK) {
        unlink(temporary);
        return status;
    }
    return sync_directory(path);
}

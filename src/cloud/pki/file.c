/* SPDX-License-Identifier: Apache-2.0 OR MIT */

#include "cloud/pki/pki_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 1200u

static enum dr_status status_of_errno(int error)
{
    switch (error) {
    case ENOENT:
        return DR_E_NOT_FOUND;
    case EEXIST:
        return DR_E_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return DR_E_DENIED;
    case ENOSPC:
    case EDQUOT:
        return DR_E_SPACE;
    default:
        return DR_E_IO;
    }
}

enum dr_status
dr_pki_read_file(const char *path, bool secret, char *out, size_t capacity_bytes, size_t *ret_len)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return status_of_errno(errno);
    }
    enum dr_status status = DR_OK;
    size_t len = 0;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        status = DR_E_IO;
    } else if (secret && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        status = DR_E_DENIED;
    }
    while (status == DR_OK) { /* bound: capacity_bytes */
        ssize_t got = read(fd, out + len, capacity_bytes - 1 - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            status = got == 0 ? DR_OK : DR_E_IO;
            break;
        }
        len += (size_t)got;
        if (len == capacity_bytes - 1) {
            status = DR_E_FORMAT; /* nothing we read is that long */
        }
    }
    (void)close(fd);
    if (status == DR_OK) {
        out[len] = '\0';
        *ret_len = len;
    }
    return status;
}

static enum dr_status write_all(int fd, const char *text, size_t text_len)
{
    size_t done = 0;
    while (done < text_len) { /* bound: text_len */
        ssize_t put = write(fd, text + done, text_len - done);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? status_of_errno(errno) : DR_E_IO;
        }
        done += (size_t)put;
    }
    return fsync(fd) == 0 ? DR_OK : status_of_errno(errno);
}

enum dr_status
dr_pki_create_file(const char *path, const char *text, size_t text_len, unsigned mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
    if (fd < 0) {
        return status_of_errno(errno);
    }
    enum dr_status status = write_all(fd, text, text_len);
    if (close(fd) != 0 && status == DR_OK) {
        status = DR_E_IO;
    }
    if (status != DR_OK) {
        (void)unlink(path);
    }
    return status;
}

/* A rename is durable once its directory is. */
static enum dr_status sync_directory_of(const char *path)
{
    char copy[PATH_BYTES];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return status_of_errno(errno);
    }
    enum dr_status status = fsync(fd) == 0 ? DR_OK : DR_E_IO;
    (void)close(fd);
    return status;
}

enum dr_status dr_pki_write_file(const char *path, const char *text, size_t text_len, unsigned mode)
{
    char temporary[PATH_BYTES];
    int len = snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof temporary) {
        return DR_E_ARGUMENT;
    }
    (void)unlink(temporary);
    DR_TRY(dr_pki_create_file(temporary, text, text_len, mode));
    if (rename(temporary, path) != 0) {
        enum dr_status status = status_of_errno(errno);
        (void)unlink(temporary);
        return status;
    }
    return sync_directory_of(path);
}

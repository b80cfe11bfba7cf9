/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "tools/provision/device.h"

#include "boards/linux/board/board.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 10000u
#define STOP_MS 10000u
#define POLL_MS 10u

static void pause_ms(unsigned ms)
{
    struct timespec left = {.tv_sec = ms / 1000u, .tv_nsec = (long)(ms % 1000u) * 1000000L};
    nanosleep(&left, NULL);
}

static bool path_in(const char *directory, const char *name, char out[PATH_MAX])
{
    int len = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    return len > 0 && len < PATH_MAX;
}

pid_t dr_device_board_pid(const char *directory)
{
    char path[PATH_MAX];
    char text[24] = "";
    if (!path_in(directory, DR_BOARD_PID_PATH, path)) {
        return 0;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    /* The lock says whether the number means anything. */
    bool running = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    ssize_t count = read(fd, text, sizeof text - 1u);
    close(fd);
    long pid = running && count > 0 ? strtol(text, NULL, 10) : 0;
    return pid > 1 ? (pid_t)pid : 0;
}

int dr_device_connect(const char *directory)
{
    int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(
        address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir,
        DR_BOARD_SOCKET_PATH);
    bool connected = dir >= 0 && fd >= 0 &&
                     connect(fd, (const struct sockaddr *)&address, (socklen_t)sizeof address) == 0;
    if (dir >= 0) {
        close(dir);
    }
    if (!connected && fd >= 0) {
        close(fd);
    }
    return connected ? fd : -1;
}

static size_t read_answer(int fd, char *answer, size_t capacity_bytes)
{
    size_t len = 0;
    while (len < capacity_bytes - 1u) { /* bound: capacity */
        ssize_t count = recv(fd, answer + len, capacity_bytes - 1u - len, 0);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        len += (size_t)count;
    }
    answer[len] = '\0';
    return len;
}

enum dr_status
dr_device_command(const char *directory, const char *command, char answer[DR_DEVICE_ANSWER_BYTES])
{
    static const char ok[] = "ok\n";
    static const char error[] = "error ";
    char line[128];
    answer[0] = '\0';
    int len = snprintf(line, sizeof line, "%s\n", command);
    if (len <= 0 || (size_t)len >= sizeof line) {
        return DR_E_ARGUMENT;
    }
    int fd = dr_device_connect(directory);
    if (fd < 0) {
        return DR_E_CLOSED;
    }
    struct timeval patience = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    bool sent = send(fd, line, (size_t)len, MSG_NOSIGNAL) == len;
    size_t size_bytes = sent ? read_answer(fd, answer, DR_DEVICE_ANSWER_BYTES) : 0;
    close(fd);
    if (strncmp(answer, ok, sizeof ok - 1u) == 0) {
        memmove(answer, answer + sizeof ok - 1u, size_bytes - (sizeof ok - 1u) + 1u);
        return DR_OK;
    }
    if (strncmp(answer, error, sizeof error - 1u) == 0) {
        memmove(answer, answer + sizeof error - 1u, size_bytes - (sizeof error - 1u) + 1u);
        answer[strcspn(answer, "\n")] = '\0';
        return DR_E_STATE;
    }
    return DR_E_CLOSED;
}

bool dr_device_value(const char *answer, const char *key, char *out, size_t capacity_bytes)
{
    size_t key_len = strlen(key);
    for (const char *line = answer; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        size_t len = end != NULL ? (size_t)(end - line) : strlen(line);
        if (len > key_len && strncmp(line, key, key_len) == 0 && line[key_len] == ' ') {
            snprintf(out, capacity_bytes, "%.*s", (int)(len - key_len - 1u), line + key_len + 1u);
            return true;
        }
        line = end != NULL ? end + 1 : NULL;
    }
    return false;
}

/* Two forks: the board belongs to nobody, and its end is nobody's zombie. */
static bool launch(const char *directory, const char *board_program)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (setsid() < 0 || fork() != 0) {
            _exit(0);
        }
        int null = open("/dev/null", O_RDWR);
        if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0) {
            _exit(127);
        }
        execl(board_program, "daruma-board", "--dir", directory, (char *)NULL);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

enum dr_status dr_device_start(const char *directory, const char *board_program)
{
    char answer[DR_DEVICE_ANSWER_BYTES];
    if (dr_device_command(directory, "ping", answer) == DR_OK) {
        return DR_OK;
    }
    if (!launch(directory, board_program)) {
        return DR_E_IO;
    }
    for (unsigned waited = 0; waited < START_MS; waited += POLL_MS) {
        if (dr_device_command(directory, "ping", answer) == DR_OK) {
            return DR_OK;
        }
        pause_ms(POLL_MS);
    }
    return DR_E_TIMEOUT;
}

enum dr_status dr_device_stop(const char *directory)
{
    pid_t pid = dr_device_board_pid(directory);
    if (pid == 0) {
        return DR_OK;
    }
    if (kill(pid, SIGTERM) != 0 && errno != ESRCH) {
        return DR_E_IO;
    }
    for (unsigned waited = 0; waited < STOP_MS; waited += POLL_MS) {
        if (dr_device_board_pid(directory) == 0) {
            return DR_OK;
        }
        pause_ms(POLL_MS);
    }
    return DR_E_TIMEOUT;
}

enum dr_status dr_device_read(
    const char *directory, const char *name, uint8_t *out, size_t capacity_bytes,
    size_t *ret_size_bytes)
{
    char path[PATH_MAX];
    struct stat info;
    if (!path_in(directory, name, path)) {
        return DR_E_ARGUMENT;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? DR_E_NOT_FOUND : DR_E_IO;
    }
    enum dr_status status = DR_E_IO;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        status = (uint64_t)info.st_size <= capacity_bytes ? DR_OK : DR_E_SPACE;
    }
    size_t done = 0;
    while (status == DR_OK && done < (size_t)info.st_size) { /* bound: the file's size */
        ssize_t count = read(fd, out + done, (size_t)info.st_size - done);
        if (count <= 0) {
            status = DR_E_IO;
            break;
        }
        done += (size_t)count;
    }
    close(fd);
    if (status == DR_OK) {
        *ret_size_bytes = done;
    }
    return status;
}

enum dr_status dr_device_write(
    const char *directory, const char *name, const uint8_t *data, size_t size_bytes, mode_t mode)
{
    char path[PATH_MAX];
    char temporary[PATH_MAX];
    char new_name[NAME_MAX];
    int len = snprintf(new_name, sizeof new_name, "%s.new", name);
    if (len <= 0 || (size_t)len >= sizeof new_name || !path_in(directory, name, path) ||
        !path_in(directory, new_name, temporary)) {
        return DR_E_ARGUMENT;
    }
    unlink(temporary); /* of a run that was cut */
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return DR_E_IO;
    }
    bool done = true;
    for (size_t written = 0; done && written < size_bytes;) { /* bound: size_bytes */
        ssize_t count = write(fd, data + written, size_bytes - written);
        done = count > 0;
        written += done ? (size_t)count : 0;
    }
    done = done && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    done = close(fd) == 0 && done;
    if (!done || rename(temporary, path) != 0) {
        unlink(temporary);
        return DR_E_IO;
    }
    return DR_OK;
}

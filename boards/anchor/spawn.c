/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/anchor/spawn.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_FD 3
#define ARGUMENTS_MAX 24u

static _Noreturn void
run_child(int fd, const char *program, const char *directory, const char *const *options)
{
    /* execv takes its arguments as char * and changes none of them. */
    union {
        const char *in[ARGUMENTS_MAX];
        char *out[ARGUMENTS_MAX];
    } arguments = {.in = {program, "--dir", directory, "--fd", "3"}};
    for (size_t i = 0; options != NULL && options[i] != NULL; i++) {
        if (i + 6u < ARGUMENTS_MAX) {
            arguments.in[i + 5u] = options[i];
        }
    }
    if (fd == CHILD_FD) {
        fcntl(fd, F_SETFD, 0);
    } else {
        dup2(fd, CHILD_FD);
    }
    execv(program, arguments.out);
    _exit(127);
}

enum dr_status dr_anchor_spawn(
    struct dr_anchor_process *process, const char *program, const char *directory,
    const char *const *options)
{
    int pair[2];
    memset(process, 0, sizeof *process);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return DR_E_IO;
    }
    process->pid = fork();
    if (process->pid == 0) {
        run_child(pair[1], program, directory, options);
    }
    close(pair[1]);
    process->fd = pair[0];
    if (process->pid < 0) {
        close(pair[0]);
        return DR_E_IO;
    }
    return DR_OK;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* The next byte before the deadline. */
static enum dr_status next_byte(int fd, uint64_t deadline_ms, uint8_t *ret_byte)
{
    for (;;) { /* bound: the deadline */
        uint64_t now = now_ms();
        if (now >= deadline_ms) {
            return DR_E_TIMEOUT;
        }
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = poll(&wait, 1, (int)(deadline_ms - now));
        if (ready < 0 && errno != EINTR) {
            return DR_E_IO;
        }
        if (ready > 0) {
            ssize_t count = recv(fd, ret_byte, 1, 0);
            if (count == 1) {
                return DR_OK;
            }
            if (count == 0 || errno != EINTR) {
                return DR_E_CLOSED;
            }
        }
    }
}

/* Send a frame and wait for the one with its number; others are answers that came too late. */
static enum dr_status exchange_frames(
    struct dr_anchor_process *process, struct dr_anchor_frame *frame, uint32_t timeout_ms,
    struct dr_anchor_frame *ret_answer)
{
    uint8_t bytes[DR_ANCHOR_FRAME_BYTES_MAX];
    uint64_t deadline_ms = now_ms() + (timeout_ms < INT_MAX ? timeout_ms : INT_MAX);
    frame->number = ++process->number;
    size_t size_bytes = dr_anchor_frame_encode(frame, bytes);
    if (size_bytes == 0) {
        return DR_E_ARGUMENT;
    }
    if (send(process->fd, bytes, size_bytes, MSG_NOSIGNAL) != (ssize_t)size_bytes) {
        return DR_E_CLOSED;
    }
    for (;;) { /* bound: the deadline */
        uint8_t byte = 0;
        DR_TRY(next_byte(process->fd, deadline_ms, &byte));
        if (dr_anchor_frame_push(&process->reader, byte, ret_answer) &&
            ret_answer->number == frame->number) {
            return DR_OK;
        }
    }
}

static enum dr_status transact(void *context, struct dr_anchor_exchange *exchange)
{
    struct dr_anchor_frame frame = {
        .type = DR_ANCHOR_FRAME_REQUEST,
        .payload = exchange->request,
        .payload_bytes = exchange->request_bytes,
    };
    struct dr_anchor_frame answer;
    DR_TRY(exchange_frames(context, &frame, exchange->timeout_ms, &answer));
    if (answer.payload_bytes > exchange->response_capacity_bytes) {
        return DR_E_IO;
    }
    memcpy(exchange->response, answer.payload, answer.payload_bytes);
    exchange->response_bytes = answer.payload_bytes;
    return DR_OK;
}

struct dr_anchor_port dr_anchor_spawn_port(struct dr_anchor_process *process)
{
    const struct dr_anchor_port port = {.context = process, .transact = transact};
    return port;
}

int dr_anchor_spawn_stop(struct dr_anchor_process *process)
{
    int status = 0;
    close(process->fd);
    process->fd = -1;
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR) { /* bound: the child's end */
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

enum dr_status
dr_anchor_read_secret(const char *directory, uint8_t ret_secret[DR_DEVICE_SECRET_BYTES])
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/secret", directory) >= (int)sizeof path) {
        return DR_E_ARGUMENT;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? DR_E_NOT_FOUND : DR_E_IO;
    }
    ssize_t count = read(fd, ret_secret, DR_DEVICE_SECRET_BYTES);
    close(fd);
    return count == (ssize_t)DR_DEVICE_SECRET_BYTES ? DR_OK : count < 0 ? DR_E_IO : DR_E_FORMAT;
}

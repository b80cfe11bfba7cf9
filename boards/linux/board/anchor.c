/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The wires to the secure element, a process of its own with files of its own. The board passes
 * bytes on and knows none of the keys that authenticate them. */
#include "boards/linux/board/board.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void become_anchor(struct dr_board *board, int socket, pid_t board_pid)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != board_pid) {
        _exit(127);
    }
    int null_in = open("/dev/null", O_RDWR);
    int high = fcntl(socket, F_DUPFD, 64);
    if (null_in < 0 || high < 0 || dup2(null_in, STDIN_FILENO) < 0 ||
        dup2(null_in, STDOUT_FILENO) < 0 || dup2(high, DR_WIRE_FD) < 0) {
        _exit(127);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    char program[] = "daruma-anchor";
    char dir_option[] = "--dir";
    char dir[] = DR_BOARD_ANCHOR_PATH;
    char fd_option[] = "--fd";
    char fd[] = "3";
    char *arguments[] = {program, dir_option, dir, fd_option, fd, NULL};
    char *environment[] = {NULL};
    execve(board->anchor_program, arguments, environment);
    _exit(127);
}

static bool send_frame(
    struct dr_board *board, enum dr_anchor_frame_type type, const uint8_t *payload,
    size_t size_bytes)
{
    struct dr_board_anchor *anchor = &board->anchor;
    struct dr_anchor_frame frame = {
        .type = type, .number = ++anchor->number, .payload = payload, .payload_bytes = size_bytes};
    uint8_t bytes[DR_ANCHOR_FRAME_BYTES_MAX];
    size_t len = dr_anchor_frame_encode(&frame, bytes);
    /* A secure element that does not read its line is one that does not answer. */
    return len > 0 && send(anchor->socket, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

static void spawn(struct dr_board *board)
{
    struct dr_board_anchor *anchor = &board->anchor;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return;
    }
    pid_t board_pid = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become_anchor(board, pair[1], board_pid);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return;
    }
    memset(&anchor->reader, 0, sizeof anchor->reader);
    anchor->pid = pid;
    anchor->socket = pair[0];
}

void dr_board_anchor_start(struct dr_board *board)
{
    struct dr_board_anchor *anchor = &board->anchor;
    anchor->asked = false;
    /* The stream keeps order: what the next ROM asks comes after its reset. */
    if (anchor->pid > 0 && send_frame(board, DR_ANCHOR_FRAME_RESET, NULL, 0)) {
        return;
    }
    dr_board_anchor_stop(board);
    spawn(board);
    if (anchor->pid == 0) {
        dr_board_log(board, "board", "the secure element could not be started");
    }
}

void dr_board_anchor_stop(struct dr_board *board)
{
    struct dr_board_anchor *anchor = &board->anchor;
    if (anchor->pid > 0) {
        kill(anchor->pid, SIGKILL);
        while (waitpid(anchor->pid, NULL, 0) < 0 && errno == EINTR) { /* bound: it was killed */
        }
        anchor->pid = 0;
    }
    if (anchor->socket >= 0) {
        close(anchor->socket);
        anchor->socket = -1;
    }
    if (anchor->asked) {
        anchor->asked = false;
        struct dr_wire_reply reply = {
            .operation = DR_WIRE_ANCHOR, .tag = anchor->tag, .status = DR_E_IO};
        dr_board_answer(board, &reply, NULL, 0);
    }
}

enum dr_status dr_board_anchor_ask(
    struct dr_board *board, const struct dr_wire_request *request, const uint8_t *payload,
    size_t size_bytes)
{
    struct dr_board_anchor *anchor = &board->anchor;
    if (anchor->asked) {
        return DR_E_BUSY;
    }
    if (request->a == 0 || request->a > DR_BOARD_ANCHOR_TIMEOUT_MS_MAX || size_bytes == 0 ||
        size_bytes > DR_ANCHOR_MESSAGE_BYTES_MAX) {
        return DR_E_ARGUMENT;
    }
    if (anchor->socket < 0 || !send_frame(board, DR_ANCHOR_FRAME_REQUEST, payload, size_bytes)) {
        return DR_E_IO;
    }
    anchor->asked = true;
    anchor->tag = request->tag;
    anchor->timeout_ms = dr_board_now_ms() + request->a;
    return DR_E_AGAIN;
}

static void answered(struct dr_board *board, const struct dr_anchor_frame *frame)
{
    struct dr_board_anchor *anchor = &board->anchor;
    if (frame->type != DR_ANCHOR_FRAME_RESPONSE || !anchor->asked ||
        frame->number != anchor->number) {
        return; /* late, or the end of a reset */
    }
    anchor->asked = false;
    struct dr_wire_reply reply = {.operation = DR_WIRE_ANCHOR, .tag = anchor->tag, .status = DR_OK};
    dr_board_answer(board, &reply, frame->payload, frame->payload_bytes);
}

void dr_board_anchor_answered(struct dr_board *board)
{
    struct dr_board_anchor *anchor = &board->anchor;
    uint8_t bytes[DR_ANCHOR_FRAME_BYTES_MAX];
    ssize_t count = recv(anchor->socket, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count == 0) {
        dr_board_log(board, "board", "the secure element stopped");
        dr_board_anchor_stop(board);
        return;
    }
    for (ssize_t i = 0; i < count; i++) {
        struct dr_anchor_frame frame;
        if (dr_anchor_frame_push(&anchor->reader, bytes[i], &frame)) {
            answered(board, &frame);
        }
    }
}

void dr_board_anchor_tick(struct dr_board *board, uint64_t now_ms)
{
    struct dr_board_anchor *anchor = &board->anchor;
    if (!anchor->asked || now_ms < anchor->timeout_ms) {
        return;
    }
    anchor->asked = false;
    struct dr_wire_reply reply = {
        .operation = DR_WIRE_ANCHOR, .tag = anchor->tag, .status = DR_E_TIMEOUT};
    dr_board_answer(board, &reply, NULL, 0);
}

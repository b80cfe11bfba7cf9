/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The serial console: a bounded log file, the terminal, and whoever watches. */
#include "boards/linux/board/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD_LOG_PATH DR_BOARD_LOG_PATH ".1"

enum dr_status dr_board_log_open(struct dr_board *board)
{
    board->log_fd =
        open(DR_BOARD_LOG_PATH, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    struct stat info;
    if (board->log_fd < 0 || fstat(board->log_fd, &info) != 0) {
        return DR_E_IO;
    }
    board->log_bytes = (uint64_t)info.st_size;
    return DR_OK;
}

/* The console must not fill the disk: one old file is kept. */
static void rotate(struct dr_board *board)
{
    close(board->log_fd);
    board->log_fd = -1;
    if (rename(DR_BOARD_LOG_PATH, OLD_LOG_PATH) == 0) {
        /* Without a log file the board runs on. */
        DR_IGNORE(dr_board_log_open(board));
    }
}

static void write_line(struct dr_board *board, const char *line, size_t len)
{
    if (board->log_bytes > DR_BOARD_LOG_FILE_BYTES_MAX) {
        rotate(board);
    }
    if (board->log_fd >= 0 && write(board->log_fd, line, len) == (ssize_t)len) {
        board->log_bytes += len;
    }
    if (board->foreground && write(STDOUT_FILENO, line, len) < 0 && errno == EPIPE) {
        board->foreground = false;
    }
    dr_board_control_line(board, line);
}

void dr_board_log_bytes(
    struct dr_board *board, const char *source, const uint8_t *text, size_t size_bytes)
{
    char line[DR_BOARD_LINE_BYTES_MAX + 64u];
    uint64_t us = dr_board_now_ns() / 1000u - board->power_ms * 1000u;
    int head = snprintf(
        line, 64, "%6llu.%06llu %s: ", (unsigned long long)(us / 1000000u),
        (unsigned long long)(us % 1000000u), source);
    size_t len = head > 0 && head < 64 ? (size_t)head : 0;
    for (size_t i = 0; i < size_bytes && len < sizeof line - 2u; i++) {
        line[len++] = text[i] >= 0x20 && text[i] < 0x7f ? (char)text[i] : '.';
    }
    line[len++] = '\n';
    line[len] = '\0';
    write_line(board, line, len);
}

void dr_board_log(struct dr_board *board, const char *source, const char *format, ...)
{
    char text[DR_BOARD_LINE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len < 0) {
        return;
    }
    size_t size_bytes = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1u;
    dr_board_log_bytes(board, source, (const uint8_t *)text, size_bytes);
}

void dr_board_serial(struct dr_board *board)
{
    uint8_t data[1024];
    ssize_t count = read(board->machine.serial, data, sizeof data);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        close(board->machine.serial);
        board->machine.serial = -1;
    }
    for (ssize_t i = 0; i < count; i++) {
        if (data[i] == '\n' || board->serial_len == sizeof board->serial_line) {
            dr_board_log_bytes(
                board, "serial", (const uint8_t *)board->serial_line, board->serial_len);
            board->serial_len = 0;
        }
        if (data[i] != '\n') {
            board->serial_line[board->serial_len++] = (char)data[i];
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The files of provisioning, and the log line of a hand-off. */
#include "boards/linux/board/board.h"

#include "device/boot/info.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void dr_board_handoff_log(struct dr_board *board)
{
    const struct dr_wire_summary *summary = &board->machine.summary;
    dr_board_log(
        board, "board", "hand-off: slot %s, version %u.%u.%u+%u, %s, %s, rung %s, spare %s",
        dr_slot_word(summary->slot), summary->version_major, summary->version_minor,
        summary->version_revision, (unsigned)summary->version_build,
        dr_image_state_word(summary->state), dr_boot_mode_word(summary->mode),
        dr_rung_word(summary->rung), dr_slot_word(summary->spare));
}

/* Through a temporary name: a reader sees the old file or the new one. */
static enum dr_status write_file(const char *path, const uint8_t *data, size_t size_bytes)
{
    char temporary[64];
    int len = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (len <= 0 || (size_t)len >= sizeof temporary) {
        return DR_E_INTERNAL;
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return DR_E_IO;
    }
    bool done = write(fd, data, size_bytes) == (ssize_t)size_bytes && fsync(fd) == 0;
    done = close(fd) == 0 && done;
    if (!done || rename(temporary, path) != 0) {
        unlink(temporary);
        return DR_E_IO;
    }
    return DR_OK;
}

static bool provisioning(const struct dr_board *board)
{
    return board->machine.summary.mode == DR_MODE_PROVISIONING;
}

enum dr_status
dr_board_csr(struct dr_board *board, uint32_t kind, const uint8_t *pem, size_t size_bytes)
{
    if (!provisioning(board)) {
        return DR_E_STATE;
    }
    if (kind != DR_WIRE_CSR_NORMAL && kind != DR_WIRE_CSR_RECOVERY) {
        return DR_E_ARGUMENT;
    }
    const char *path =
        kind == DR_WIRE_CSR_NORMAL ? DR_BOARD_CSR_NORMAL_PATH : DR_BOARD_CSR_RECOVERY_PATH;
    return write_file(path, pem, size_bytes);
}

enum dr_status
dr_board_bundle(struct dr_board *board, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    if (!provisioning(board)) {
        return DR_E_STATE;
    }
    int fd = open(DR_BOARD_BUNDLE_PATH, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? DR_E_AGAIN : DR_E_IO;
    }
    size_t max =
        capacity_bytes < DR_WIRE_BUNDLE_BYTES_MAX ? capacity_bytes : DR_WIRE_BUNDLE_BYTES_MAX;
    ssize_t count = read(fd, out, max);
    close(fd);
    if (count <= 0) {
        return DR_E_IO;
    }
    *ret_size_bytes = (size_t)count;
    return DR_OK;
}

enum dr_status dr_board_provisioned(struct dr_board *board)
{
    static const uint8_t text[] = "locked\n";
    if (!provisioning(board)) {
        return DR_E_STATE;
    }
    dr_board_log(board, "board", "provisioned: identity stored, life cycle locked");
    return write_file(DR_BOARD_PROVISIONED_PATH, text, sizeof text - 1u);
}

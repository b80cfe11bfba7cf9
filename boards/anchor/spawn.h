/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Starting daruma-anchor and talking to it: for tools and tests (the boards have their own loop).
 */
#ifndef DR_BOARDS_ANCHOR_SPAWN_H
#define DR_BOARDS_ANCHOR_SPAWN_H

#include "device/anchor/anchor.h"
#include "device/anchor/frame.h"
#include "device/anchor/keys.h"

#include <stdint.h>
#include <sys/types.h>

struct dr_anchor_process {
    pid_t pid;
    int fd;
    uint32_t number;
    struct dr_anchor_frame_reader reader;
};

/* Run program with --dir directory on one end of a socket pair, and the options (NULL-terminated,
 * may be NULL) behind them. DR_E_IO with errno. */
DR_MUST_USE enum dr_status dr_anchor_spawn(
    struct dr_anchor_process *process, const char *program, const char *directory,
    const char *const *options);

/* Lives as long as process, which must not move. */
struct dr_anchor_port dr_anchor_spawn_port(struct dr_anchor_process *process);

/* Close the stream and wait for the end. Returns the exit status, or -1 when a signal ended it. */
int dr_anchor_spawn_stop(struct dr_anchor_process *process);

/* The device secret of an anchor directory, as the board gives it to the boot ROM. The caller wipes
 * it. DR_E_NOT_FOUND, DR_E_FORMAT (size), DR_E_IO. */
DR_MUST_USE enum dr_status
dr_anchor_read_secret(const char *directory, uint8_t ret_secret[DR_DEVICE_SECRET_BYTES]);

#endif

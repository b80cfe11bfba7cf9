/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Serving one anchor on a byte stream: frames in, core, frames out.
 *
 * Like a part on a bus it has one client at a time and answers in order. Time that a real part
 * takes, and the ways it fails, are options: the device must live with all of them.
 */
#ifndef DR_BOARDS_ANCHOR_SERVE_H
#define DR_BOARDS_ANCHOR_SERVE_H

#include "boards/anchor/store.h"
#include "device/anchor/core.h"
#include "device/anchor/frame.h"

#include <signal.h>
#include <stdint.h>

/* All zero: an ideal part. A number N in *_every means each Nth time. */
struct dr_anchor_faults {
    uint32_t latency_ms;       /* before each answer */
    uint32_t ignore_every;     /* requests that are neither carried out nor answered */
    uint32_t lose_every;       /* requests that are carried out and not answered */
    uint32_t fail_every;       /* state changes that fail with DR_E_IO */
    uint32_t die_before_write; /* the process kills itself before its Nth state change */
    uint32_t die_after_write;  /* ... after it, before it answers */
};

struct dr_anchor_server {
    struct dr_anchor_core core;
    struct dr_anchor_store store;
    struct dr_anchor_faults faults;
    /* private, do not touch */
    uint32_t requests;
    uint32_t writes;
    uint64_t started_ms;
    struct dr_anchor_frame_reader reader;
};

/* Open the directory and power up. Failures as dr_anchor_store_open. */
DR_MUST_USE enum dr_status dr_anchor_server_open(
    struct dr_anchor_server *server, const char *path, const struct dr_anchor_faults *faults);

/* Serve the stream fd until its end or until *stop is set by a signal handler (the handled signals
 * are blocked outside of wait_mask, the mask that is in force while waiting). DR_OK either way;
 * DR_E_IO: the stream broke. fd stays open. */
DR_MUST_USE enum dr_status dr_anchor_server_run(
    struct dr_anchor_server *server, int fd, const volatile sig_atomic_t *stop,
    const sigset_t *wait_mask);

void dr_anchor_server_close(struct dr_anchor_server *server);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The secure element behind a serial line: device/anchor's port over UART 1.
 *
 * One frame (device/anchor/frame.h) out, one in. Frames are numbered: what arrives late, or from
 * before a reset, is dropped. While it waits the line is polled and `idle` is called, so that a
 * firmware can let other tasks run. One call at a time: tasks that share the line take turns (a
 * lock of their own around each exchange).
 */
#ifndef DR_BOARDS_MPS2_ANCHOR_UART_H
#define DR_BOARDS_MPS2_ANCHOR_UART_H

#include "device/anchor/anchor.h"
#include "device/anchor/frame.h"

struct dr_anchor_uart {
    void (*idle)(void); /* may be NULL: busy wait */
    /* private, do not touch */
    uint32_t number;
    struct dr_anchor_frame_reader reader;
    uint8_t frame[DR_ANCHOR_FRAME_BYTES_MAX];
};

/* Zeroes uart but for idle, and sets up the line. first_number should differ from boot to boot. */
void dr_anchor_uart_start(struct dr_anchor_uart *uart, uint32_t first_number);

/* The port's function, its context the uart: DR_OK, DR_E_TIMEOUT, DR_E_SPACE. */
enum dr_status dr_anchor_uart_transact(void *uart, struct dr_anchor_exchange *exchange);

/* uart is kept for the life of the port. */
struct dr_anchor_port dr_anchor_uart_port(struct dr_anchor_uart *uart);

#endif

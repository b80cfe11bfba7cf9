/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The Cortex-M3 board's supervising process: boards/linux/board with an emulator as its machine.
 *
 * QEMU gets no more than its files (flash, boot ROM, device secret) and three lines: console,
 * secure element, control. Its memory and the board's share the last 64 KiB of the flash file. To
 * kill it is to cut the power; an emulator that aborts is a processor that locked up. What came in
 * from the machine is treated as hostile, as on the Linux board.
 */
#ifndef DR_BOARDS_MPS2_HOST_HOST_H
#define DR_BOARDS_MPS2_HOST_HOST_H

#include "boards/linux/board/board.h"
#include "boards/mps2_an385/common/mailbox.h"
#include "boards/mps2_an385/map.h"
#include "device/anchor/frame.h"

#include <stdbool.h>
#include <stdint.h>

#define DR_HOST_LINE_BYTES_MAX 4096u
#define DR_HOST_LOOK_MS 20u

/* The board, and what only this kind has. */
struct dr_host {
    struct dr_board board;  /* first: the board's functions get a pointer to it */
    int store;              /* the flash file; -1: fails */
    volatile uint8_t *page; /* its last 64 KiB */
    struct dr_anchor_frame_reader uart;
    uint32_t uart_number; /* of the machine's question under way */
    uint32_t mail_number; /* last question taken from the mailbox */
    uint32_t boot_number; /* the ROM's, at the last hand-off seen */
    uint64_t network_ms;  /* when the access point is looked at next */
    uint8_t mail[DR_MAILBOX_REQUEST_BYTES_MAX];
    size_t reply_bytes;
    bool by_button; /* the reset under way was asked for here */
    bool in_reset;  /* from the emulator's stop to its RESET */
    char line[DR_HOST_LINE_BYTES_MAX];
    size_t line_len;
};

/* The host around a board. */
struct dr_host *dr_host_of(struct dr_board *board);

/* store.c: kind->open_flash and close_flash. */
DR_MUST_USE enum dr_status dr_host_open_flash(struct dr_board *board);
void dr_host_close_flash(struct dr_board *board);
uint32_t dr_host_word(const struct dr_host *host, uint32_t address);
void dr_host_word_set(struct dr_host *host, uint32_t address, uint32_t value);
void dr_host_copy_out(const struct dr_host *host, uint32_t address, uint8_t *out, size_t size);
void dr_host_copy_in(struct dr_host *host, uint32_t address, const uint8_t *data, size_t size);

/* emulator.c: start QEMU; fills machine.pid, channel (control), serial, wire. */
DR_MUST_USE bool dr_host_spawn(struct dr_host *host);

/* control line, qmp.c: the first words to a new emulator. */
void dr_host_control_start(struct dr_host *host);
/* Commands, each a line of JSON. */
void dr_host_command(struct dr_host *host, const char *command);
/* kind->set_link: the emulated part loses its carrier, or gets it back. */
void dr_host_set_link(struct dr_board *board, bool up);
/* Read what is there; resets are acted on. */
void dr_host_hear_control(struct dr_host *host);

/* machine.c: the machine stands still and is to be reset. */
void dr_host_reset_seen(struct dr_host *host, const char *why);

/* wire.c: the secure element's line, kind->hear_wire. */
void dr_host_hear_wire(struct dr_board *board);

/* mail.c: the mailbox. */
void dr_host_mail_tick(struct dr_host *host);
void dr_host_mail_answer(
    struct dr_host *host, const struct dr_wire_reply *reply, const uint8_t *payload,
    size_t payload_bytes);

#endif

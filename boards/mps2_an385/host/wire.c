/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The serial line to the secure element. Whole frames are passed on, under numbers of the board's
 * own, and only requests: the reset line is not the machine's to pull. */
#include "boards/mps2_an385/host/host.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 5000u /* the machine has its own, shorter one */

static void ask(struct dr_host *host, const struct dr_anchor_frame *frame)
{
    struct dr_board *board = &host->board;
    const struct dr_wire_request request = {.operation = DR_WIRE_ANCHOR, .a = TIMEOUT_MS};
    /* It no longer waits for the question before this one. */
    board->anchor.asked = false;
    host->uart_number = frame->number;
    if (dr_board_anchor_ask(board, &request, frame->payload, frame->payload_bytes) != DR_E_AGAIN) {
        dr_board_log(board, "board", "the secure element is not reachable");
    }
}

void dr_host_hear_wire(struct dr_board *board)
{
    struct dr_host *host = dr_host_of(board);
    uint8_t data[1024];
    int wire = board->machine.wire;
    ssize_t count = recv(wire, data, sizeof data, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        close(wire);
        board->machine.wire = -1;
        return;
    }
    /* A reset that came before these bytes is on the control line by now: the secure element must
     * hear of it first. */
    dr_host_hear_control(host);
    for (ssize_t i = 0; i < count; i++) {
        struct dr_anchor_frame frame;
        if (dr_anchor_frame_push(&host->uart, data[i], &frame) &&
            frame.type == DR_ANCHOR_FRAME_REQUEST) {
            ask(host, &frame);
        }
    }
}

static void answer_wire(
    struct dr_host *host, const struct dr_wire_reply *reply, const uint8_t *payload,
    size_t payload_bytes)
{
    uint8_t bytes[DR_ANCHOR_FRAME_BYTES_MAX];
    struct dr_anchor_frame frame = {
        .type = DR_ANCHOR_FRAME_RESPONSE,
        .number = host->uart_number,
        .payload = payload,
        .payload_bytes = payload_bytes};
    size_t len = reply->status == DR_OK ? dr_anchor_frame_encode(&frame, bytes) : 0;
    int wire = host->board.machine.wire;
    if (len > 0 && wire >= 0 && send(wire, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        dr_board_log(&host->board, "board", "the machine does not read its anchor line");
    }
}

/* The secure element, or the resolver, has an answer. */
void dr_board_answer(
    struct dr_board *board, const struct dr_wire_reply *reply, const uint8_t *payload,
    size_t payload_bytes)
{
    struct dr_host *host = dr_host_of(board);
    if (reply->operation == DR_WIRE_ANCHOR) {
        answer_wire(host, reply, payload, payload_bytes);
    } else {
        dr_host_mail_answer(host, reply, payload, payload_bytes);
    }
}

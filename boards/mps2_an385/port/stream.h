/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One TCP connection over lwIP's callback interface, for one task. Nothing here ever waits: the
 * owner is woken (task notification) when something has changed, and looks again.
 *
 * Received bytes stay in lwIP's buffers until they are read, and the window opens only then.
 */
#ifndef DR_BOARDS_MPS2_STREAM_H
#define DR_BOARDS_MPS2_STREAM_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct tcp_pcb;
struct pbuf;

struct dr_stream {
    /* private, do not touch */
    struct tcp_pcb *pcb;
    struct pbuf *received;
    uint16_t offset; /* of the first unread byte in the first buffer */
    bool connected;
    bool closed; /* by the other side, or failed */
    void *owner; /* task to wake */
};

/* Begin to connect; the calling task becomes the owner. address: first byte first. The stream must
 * be closed or zero. DR_E_SPACE, DR_E_IO. */
DR_MUST_USE enum dr_status
dr_stream_open(struct dr_stream *stream, const uint8_t address[4], uint16_t port);

/* DR_OK: connected. DR_E_AGAIN: not yet. DR_E_CLOSED: no more. */
DR_MUST_USE enum dr_status dr_stream_state(const struct dr_stream *stream);

/* DR_E_AGAIN: nothing there, or no room. DR_E_CLOSED. Else at least one byte was moved. */
DR_MUST_USE enum dr_status
dr_stream_read(struct dr_stream *stream, uint8_t *out, uint32_t size_bytes, uint32_t *ret_bytes);
DR_MUST_USE enum dr_status dr_stream_write(
    struct dr_stream *stream, const uint8_t *data, uint32_t size_bytes, uint32_t *ret_bytes);

/* Bytes that the other side has not acknowledged yet. */
bool dr_stream_sending(const struct dr_stream *stream);

void dr_stream_close(struct dr_stream *stream);

#endif

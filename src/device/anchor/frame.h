/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Framing of anchor messages on a byte stream (a socket, a serial line).
 *
 * 0xDA | type u8 | size u16 | number u32 | payload | CRC-32 u32 of all before; little-endian.
 * A response carries its request's number, so a late answer is recognised and dropped. RESET is the
 * reset line: only the board sends it, never on behalf of a program that it runs. Bytes that are no
 * frame are skipped, so a line that starts in the middle of one recovers.
 */
#ifndef DR_DEVICE_ANCHOR_FRAME_H
#define DR_DEVICE_ANCHOR_FRAME_H

#include "base/status.h"
#include "device/anchor/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_ANCHOR_FRAME_OVERHEAD_BYTES 12u
#define DR_ANCHOR_FRAME_BYTES_MAX (DR_ANCHOR_MESSAGE_BYTES_MAX + DR_ANCHOR_FRAME_OVERHEAD_BYTES)

enum dr_anchor_frame_type {
    DR_ANCHOR_FRAME_REQUEST = 1,
    DR_ANCHOR_FRAME_RESPONSE = 2,
    DR_ANCHOR_FRAME_RESET = 3,      /* no payload */
    DR_ANCHOR_FRAME_RESET_DONE = 4, /* no payload; number of the RESET */
};

/* Gathers bytes until a frame is whole. Zero-initialise. */
struct dr_anchor_frame_reader {
    uint8_t buffer[DR_ANCHOR_FRAME_BYTES_MAX];
    size_t used_bytes;
};

/* payload points into the reader and is valid until its next push. */
struct dr_anchor_frame {
    enum dr_anchor_frame_type type;
    uint32_t number;
    const uint8_t *payload;
    size_t payload_bytes;
};

/* Feed one byte. true: *ret_frame is a whole, checked frame. */
bool dr_anchor_frame_push(
    struct dr_anchor_frame_reader *reader, uint8_t byte, struct dr_anchor_frame *ret_frame);

/* Returns the size written to out (DR_ANCHOR_FRAME_BYTES_MAX bytes); 0 when the payload is larger
 * than DR_ANCHOR_MESSAGE_BYTES_MAX. */
size_t dr_anchor_frame_encode(const struct dr_anchor_frame *frame, uint8_t *out);

#endif

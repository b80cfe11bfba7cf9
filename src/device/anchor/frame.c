/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/anchor/frame.h"

#include "base/crc32.h"
#include "base/cursor.h"

#include <string.h>

#define FRAME_START 0xdau
#define HEAD_BYTES 8u
#define CRC_BYTES 4u

/* Is what was gathered the beginning of a frame? */
static bool plausible(const struct dr_anchor_frame_reader *reader)
{
    const uint8_t *bytes = reader->buffer;
    if (reader->used_bytes >= 1 && bytes[0] != FRAME_START) {
        return false;
    }
    if (reader->used_bytes >= 2 &&
        (bytes[1] < DR_ANCHOR_FRAME_REQUEST || bytes[1] > DR_ANCHOR_FRAME_RESET_DONE)) {
        return false;
    }
    return reader->used_bytes < 4 ||
           (size_t)(bytes[2] | bytes[3] << 8) <= DR_ANCHOR_MESSAGE_BYTES_MAX;
}

/* Drop the first byte, and more until what is left may be a frame. */
static void resynchronise(struct dr_anchor_frame_reader *reader)
{
    do { /* bound: one byte goes each time */
        reader->used_bytes--;
        memmove(reader->buffer, reader->buffer + 1, reader->used_bytes);
    } while (reader->used_bytes > 0 && !plausible(reader));
}

bool dr_anchor_frame_push(
    struct dr_anchor_frame_reader *reader, uint8_t byte, struct dr_anchor_frame *ret_frame)
{
    reader->buffer[reader->used_bytes++] = byte;
    if (!plausible(reader)) {
        resynchronise(reader);
    }
    if (reader->used_bytes < HEAD_BYTES) {
        return false;
    }
    struct dr_reader head;
    dr_reader_init(&head, reader->buffer, HEAD_BYTES);
    (void)dr_read_u8(&head);
    ret_frame->type = (enum dr_anchor_frame_type)dr_read_u8(&head);
    ret_frame->payload_bytes = dr_read_u16(&head);
    ret_frame->number = dr_read_u32(&head);
    ret_frame->payload = reader->buffer + HEAD_BYTES;
    size_t covered = HEAD_BYTES + ret_frame->payload_bytes;
    if (reader->used_bytes < covered + CRC_BYTES) {
        return false;
    }
    struct dr_reader end;
    dr_reader_init(&end, reader->buffer + covered, CRC_BYTES);
    if (dr_read_u32(&end) != dr_crc32(0, reader->buffer, covered)) {
        resynchronise(reader);
        return false;
    }
    reader->used_bytes = 0; /* the payload stays where it is until the next push */
    return true;
}

size_t dr_anchor_frame_encode(const struct dr_anchor_frame *frame, uint8_t *out)
{
    if (frame->payload_bytes > DR_ANCHOR_MESSAGE_BYTES_MAX) {
        return 0;
    }
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_ANCHOR_FRAME_BYTES_MAX);
    dr_write_u8(&writer, FRAME_START);
    dr_write_u8(&writer, (uint8_t)frame->type);
    dr_write_u16(&writer, (uint16_t)frame->payload_bytes);
    dr_write_u32(&writer, frame->number);
    dr_write_bytes(&writer, frame->payload, frame->payload_bytes);
    dr_write_u32(&writer, dr_crc32(0, out, writer.size_bytes));
    return writer.size_bytes;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/wire.h"

#include "base/cursor.h"

void dr_wire_encode_request(
    const struct dr_wire_request *request, uint8_t out[DR_WIRE_HEADER_BYTES])
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_WIRE_HEADER_BYTES);
    dr_write_u16(&writer, request->operation);
    dr_write_u16(&writer, 0);
    dr_write_u32(&writer, request->tag);
    dr_write_u32(&writer, request->a);
    dr_write_u32(&writer, request->b);
}

void dr_wire_encode_reply(const struct dr_wire_reply *reply, uint8_t out[DR_WIRE_HEADER_BYTES])
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_WIRE_HEADER_BYTES);
    dr_write_u16(&writer, reply->operation);
    dr_write_u16(&writer, 0);
    dr_write_u32(&writer, reply->tag);
    /* Statuses are 0 or negative: their magnitude travels. */
    dr_write_u32(&writer, (uint32_t)(-(int32_t)reply->status));
    dr_write_u32(&writer, reply->value);
}

enum dr_status dr_wire_decode_request(
    const uint8_t *message, size_t size_bytes, struct dr_wire_request *ret_request)
{
    struct dr_reader reader;
    dr_reader_init(&reader, message, size_bytes);
    struct dr_wire_request request = {0};
    request.operation = dr_read_u16(&reader);
    uint16_t zero = dr_read_u16(&reader);
    request.tag = dr_read_u32(&reader);
    request.a = dr_read_u32(&reader);
    request.b = dr_read_u32(&reader);
    DR_TRY(reader.status);
    if (zero != 0 || request.operation < DR_WIRE_HELLO || request.operation == DR_WIRE_FREE ||
        request.operation > DR_WIRE_OFFERED) {
        return DR_E_FORMAT;
    }
    *ret_request = request;
    return DR_OK;
}

enum dr_status
dr_wire_decode_reply(const uint8_t *message, size_t size_bytes, struct dr_wire_reply *ret_reply)
{
    struct dr_reader reader;
    dr_reader_init(&reader, message, size_bytes);
    struct dr_wire_reply reply = {0};
    reply.operation = dr_read_u16(&reader);
    uint16_t zero = dr_read_u16(&reader);
    reply.tag = dr_read_u32(&reader);
    uint32_t status = dr_read_u32(&reader);
    reply.value = dr_read_u32(&reader);
    DR_TRY(reader.status);
    if (zero != 0 || status > (uint32_t)(-(int32_t)DR_E_INTERNAL)) {
        return DR_E_FORMAT;
    }
    reply.status = (enum dr_status)(-(int32_t)status);
    *ret_reply = reply;
    return DR_OK;
}

void dr_wire_encode_summary(
    const struct dr_wire_summary *summary, uint8_t out[DR_WIRE_SUMMARY_BYTES])
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_WIRE_SUMMARY_BYTES);
    dr_write_u8(&writer, summary->slot);
    dr_write_u8(&writer, summary->spare);
    dr_write_u8(&writer, summary->mode);
    dr_write_u8(&writer, summary->state);
    dr_write_u8(&writer, summary->rung);
    dr_write_u8(&writer, 0);
    dr_write_u16(&writer, summary->reason);
    dr_write_u32(&writer, summary->hang_ms);
    dr_write_u8(&writer, summary->version_major);
    dr_write_u8(&writer, summary->version_minor);
    dr_write_u16(&writer, summary->version_revision);
    dr_write_u32(&writer, summary->version_build);
    dr_write_bytes(&writer, summary->digest, sizeof summary->digest);
    dr_write_u32(&writer, summary->security_counter);
    dr_write_u32(&writer, summary->revocation);
    dr_write_u32(&writer, summary->user_epoch);
    dr_write_u8(&writer, summary->tries_left);
    dr_write_u8(&writer, summary->boots_left);
    dr_write_u16(&writer, 0);
}

enum dr_status
dr_wire_decode_summary(const uint8_t *data, size_t size_bytes, struct dr_wire_summary *ret_summary)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data, size_bytes);
    struct dr_wire_summary summary = {0};
    summary.slot = dr_read_u8(&reader);
    summary.spare = dr_read_u8(&reader);
    summary.mode = dr_read_u8(&reader);
    summary.state = dr_read_u8(&reader);
    summary.rung = dr_read_u8(&reader);
    uint8_t zero = dr_read_u8(&reader);
    summary.reason = dr_read_u16(&reader);
    summary.hang_ms = dr_read_u32(&reader);
    summary.version_major = dr_read_u8(&reader);
    summary.version_minor = dr_read_u8(&reader);
    summary.version_revision = dr_read_u16(&reader);
    summary.version_build = dr_read_u32(&reader);
    dr_read_bytes(&reader, summary.digest, sizeof summary.digest);
    summary.security_counter = dr_read_u32(&reader);
    summary.revocation = dr_read_u32(&reader);
    summary.user_epoch = dr_read_u32(&reader);
    summary.tries_left = dr_read_u8(&reader);
    summary.boots_left = dr_read_u8(&reader);
    uint16_t zero_end = dr_read_u16(&reader);
    DR_TRY(reader.status);
    if (zero != 0 || zero_end != 0) {
        return DR_E_FORMAT;
    }
    *ret_summary = summary;
    return DR_OK;
}

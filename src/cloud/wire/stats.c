/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The body of a stats message: u8 version 2, nine u64 of the gate, then per client a text and nine
 * u64. */
#include "base/cursor.h"
#include "cloud/wire/wire.h"

#include <string.h>

#define STATS_VERSION 2u

/* One list per struct keeps writer and reader in step. */
#define GATE_FIELDS(X)                                                                             \
    X(ring_bytes)                                                                                  \
    X(ring_messages)                                                                               \
    X(ring_full)                                                                                   \
    X(stale_dropped)                                                                               \
    X(repeats_dropped)                                                                             \
    X(malformed)                                                                                   \
    X(presence_dropped)                                                                            \
    X(refused_connects)                                                                            \
    X(sessions)

#define CLIENT_FIELDS(X)                                                                           \
    X(in_messages)                                                                                 \
    X(in_bytes)                                                                                    \
    X(out_messages)                                                                                \
    X(out_bytes)                                                                                   \
    X(stream_messages)                                                                             \
    X(stream_bytes)                                                                                \
    X(connects)                                                                                    \
    X(refused)                                                                                     \
    X(throttled)

void dr_wire_stats_begin(
    struct dr_wire_stats_writer *writer, const struct dr_wire_gate_counters *gate, uint8_t *buffer,
    size_t capacity_bytes)
{
    struct dr_writer out;
    dr_writer_init(&out, buffer, capacity_bytes);
    dr_write_u8(&out, STATS_VERSION);
#define WRITE_FIELD(name) dr_write_u64(&out, gate->name);
    GATE_FIELDS(WRITE_FIELD)
#undef WRITE_FIELD
    writer->data = buffer;
    writer->capacity_bytes = capacity_bytes;
    writer->size_bytes = out.status == DR_OK ? out.size_bytes : 0;
}

bool dr_wire_stats_add(
    struct dr_wire_stats_writer *writer, const struct dr_wire_client_counters *client)
{
    struct dr_writer out;
    dr_writer_init(
        &out, writer->data + writer->size_bytes, writer->capacity_bytes - writer->size_bytes);
    size_t len = strnlen(client->client_id, DR_WIRE_CLIENT_ID_MAX);
    dr_write_u8(&out, (uint8_t)len);
    dr_write_bytes(&out, (const uint8_t *)client->client_id, len);
#define WRITE_FIELD(name) dr_write_u64(&out, client->counters.name);
    CLIENT_FIELDS(WRITE_FIELD)
#undef WRITE_FIELD
    if (out.status != DR_OK) {
        return false;
    }
    writer->size_bytes += out.size_bytes;
    return true;
}

enum dr_status dr_wire_stats_open(
    struct dr_wire_stats_reader *reader, const uint8_t *data, size_t size_bytes,
    struct dr_wire_gate_counters *ret_gate)
{
    struct dr_reader in;
    dr_reader_init(&in, data, size_bytes);
    struct dr_wire_gate_counters gate;
    unsigned version = dr_read_u8(&in);
#define READ_FIELD(name) gate.name = dr_read_u64(&in);
    GATE_FIELDS(READ_FIELD)
#undef READ_FIELD
    if (in.status != DR_OK) {
        return in.status;
    }
    if (version != STATS_VERSION) {
        return DR_E_UNSUPPORTED;
    }
    *ret_gate = gate;
    reader->data = data;
    reader->size_bytes = size_bytes;
    reader->offset_bytes = in.offset_bytes;
    return DR_OK;
}

enum dr_status
dr_wire_stats_next(struct dr_wire_stats_reader *reader, struct dr_wire_client_counters *ret_client)
{
    if (reader->offset_bytes == reader->size_bytes) {
        return DR_E_NOT_FOUND;
    }
    struct dr_reader in;
    dr_reader_init(
        &in, reader->data + reader->offset_bytes, reader->size_bytes - reader->offset_bytes);
    struct dr_wire_client_counters client;
    size_t len = dr_read_u8(&in);
    if (len > DR_WIRE_CLIENT_ID_MAX) {
        return DR_E_FORMAT;
    }
    dr_read_bytes(&in, (uint8_t *)client.client_id, len);
    client.client_id[len] = '\0';
#define READ_FIELD(name) client.counters.name = dr_read_u64(&in);
    CLIENT_FIELDS(READ_FIELD)
#undef READ_FIELD
    if (in.status != DR_OK) {
        return DR_E_FORMAT;
    }
    reader->offset_bytes += in.offset_bytes;
    *ret_client = client;
    return DR_OK;
}

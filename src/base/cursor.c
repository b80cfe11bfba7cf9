/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/cursor.h"

#include <string.h>

DR_APART void dr_reader_init(struct dr_reader *reader, const uint8_t *data, size_t size_bytes)
{
    reader->data = data;
    reader->size_bytes = size_bytes;
    reader->offset_bytes = 0;
    reader->status = DR_OK;
}

size_t dr_reader_left(const struct dr_reader *reader)
{
    return reader->size_bytes - reader->offset_bytes;
}

void dr_reader_fail(struct dr_reader *reader, enum dr_status status)
{
    if (reader->status == DR_OK) {
        reader->status = status;
    }
}

const uint8_t *dr_reader_view(struct dr_reader *reader, size_t size_bytes)
{
    if (reader->status != DR_OK) {
        return NULL;
    }
    if (size_bytes > dr_reader_left(reader)) {
        reader->status = DR_E_TRUNCATED;
        return NULL;
    }
    const uint8_t *view = reader->data + reader->offset_bytes;
    reader->offset_bytes += size_bytes;
    return view;
}

void dr_read_bytes(struct dr_reader *reader, uint8_t *out, size_t size_bytes)
{
    const uint8_t *view = dr_reader_view(reader, size_bytes);
    if (view == NULL) {
        memset(out, 0, size_bytes);
        return;
    }
    memcpy(out, view, size_bytes);
}

/* size_bytes is 1, 2, 4 or 8. */
static uint64_t read_le(struct dr_reader *reader, size_t size_bytes)
{
    const uint8_t *view = dr_reader_view(reader, size_bytes);
    uint64_t value = 0;
    if (view != NULL) {
        for (size_t i = size_bytes; i > 0; i--) {
            value = (value << 8) | view[i - 1];
        }
    }
    return value;
}

static uint64_t read_be(struct dr_reader *reader, size_t size_bytes)
{
    const uint8_t *view = dr_reader_view(reader, size_bytes);
    uint64_t value = 0;
    if (view != NULL) {
        for (size_t i = 0; i < size_bytes; i++) {
            value = (value << 8) | view[i];
        }
    }
    return value;
}

uint8_t dr_read_u8(struct dr_reader *reader)
{
    return (uint8_t)read_le(reader, 1);
}

uint16_t dr_read_u16(struct dr_reader *reader)
{
    return (uint16_t)read_le(reader, 2);
}

uint32_t dr_read_u32(struct dr_reader *reader)
{
    return (uint32_t)read_le(reader, 4);
}

uint64_t dr_read_u64(struct dr_reader *reader)
{
    return read_le(reader, 8);
}

uint16_t dr_read_u16_be(struct dr_reader *reader)
{
    return (uint16_t)read_be(reader, 2);
}

uint32_t dr_read_u32_be(struct dr_reader *reader)
{
    return (uint32_t)read_be(reader, 4);
}

uint64_t dr_read_u64_be(struct dr_reader *reader)
{
    return read_be(reader, 8);
}

enum dr_status dr_reader_end(struct dr_reader *reader)
{
    if (dr_reader_left(reader) != 0) {
        dr_reader_fail(reader, DR_E_FORMAT);
    }
    return reader->status;
}

DR_APART void dr_writer_init(struct dr_writer *writer, uint8_t *data, size_t capacity_bytes)
{
    writer->data = data;
    writer->capacity_bytes = capacity_bytes;
    writer->size_bytes = 0;
    writer->status = DR_OK;
}

void dr_writer_fail(struct dr_writer *writer, enum dr_status status)
{
    if (writer->status == DR_OK) {
        writer->status = status;
    }
}

/* Room for size_bytes, or NULL with DR_E_SPACE latched. */
static uint8_t *reserve(struct dr_writer *writer, size_t size_bytes)
{
    if (writer->status != DR_OK) {
        return NULL;
    }
    if (size_bytes > writer->capacity_bytes - writer->size_bytes) {
        writer->status = DR_E_SPACE;
        return NULL;
    }
    uint8_t *room = writer->data + writer->size_bytes;
    writer->size_bytes += size_bytes;
    return room;
}

static void write_le(struct dr_writer *writer, uint64_t value, size_t size_bytes)
{
    uint8_t *room = reserve(writer, size_bytes);
    if (room != NULL) {
        for (size_t i = 0; i < size_bytes; i++) {
            room[i] = (uint8_t)(value >> (8 * i));
        }
    }
}

static void write_be(struct dr_writer *writer, uint64_t value, size_t size_bytes)
{
    uint8_t *room = reserve(writer, size_bytes);
    if (room != NULL) {
        for (size_t i = 0; i < size_bytes; i++) {
            room[i] = (uint8_t)(value >> (8 * (size_bytes - 1 - i)));
        }
    }
}

void dr_write_u8(struct dr_writer *writer, uint8_t value)
{
    write_le(writer, value, 1);
}

void dr_write_u16(struct dr_writer *writer, uint16_t value)
{
    write_le(writer, value, 2);
}

void dr_write_u32(struct dr_writer *writer, uint32_t value)
{
    write_le(writer, value, 4);
}

void dr_write_u64(struct dr_writer *writer, uint64_t value)
{
    write_le(writer, value, 8);
}

void dr_write_u16_be(struct dr_writer *writer, uint16_t value)
{
    write_be(writer, value, 2);
}

void dr_write_u32_be(struct dr_writer *writer, uint32_t value)
{
    write_be(writer, value, 4);
}

void dr_write_u64_be(struct dr_writer *writer, uint64_t value)
{
    write_be(writer, value, 8);
}

void dr_write_bytes(struct dr_writer *writer, const uint8_t *data, size_t size_bytes)
{
    uint8_t *room = reserve(writer, size_bytes);
    if (room != NULL && size_bytes > 0) {
        memcpy(room, data, size_bytes);
    }
}

void dr_write_text(struct dr_writer *writer, const char *text)
{
    dr_write_bytes(writer, (const uint8_t *)text, strlen(text));
}

void dr_write_fill(struct dr_writer *writer, uint8_t value, size_t count)
{
    uint8_t *room = reserve(writer, count);
    if (room != NULL) {
        memset(room, value, count);
    }
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Bounded reader and writer: the only door between bytes and values.
 *
 * Both latch their first error. A parser is a straight list of reads followed by one check of
 * `status`; after an error every read gives zero and every write is dropped. Integers are
 * little-endian unless the name says _be. Nothing is copied by dr_reader_view: the result is
 * borrowed from the underlying buffer.
 */
#ifndef DR_BASE_CURSOR_H
#define DR_BASE_CURSOR_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct dr_reader {
    const uint8_t *data; /* borrowed for the life of the reader */
    size_t size_bytes;
    size_t offset_bytes; /* never beyond size_bytes */
    enum dr_status status;
};

struct dr_writer {
    uint8_t *data; /* borrowed for the life of the writer */
    size_t capacity_bytes;
    size_t size_bytes; /* bytes written so far; never beyond capacity_bytes */
    enum dr_status status;
};

void dr_reader_init(struct dr_reader *reader, const uint8_t *data, size_t size_bytes);
size_t dr_reader_left(const struct dr_reader *reader);
uint8_t dr_read_u8(struct dr_reader *reader);
uint16_t dr_read_u16(struct dr_reader *reader);
uint32_t dr_read_u32(struct dr_reader *reader);
uint64_t dr_read_u64(struct dr_reader *reader);
uint16_t dr_read_u16_be(struct dr_reader *reader);
uint32_t dr_read_u32_be(struct dr_reader *reader);
uint64_t dr_read_u64_be(struct dr_reader *reader);

/* Copy size_bytes out; on too few bytes the error DR_E_TRUNCATED is latched and out is zeroed. */
void dr_read_bytes(struct dr_reader *reader, uint8_t *out, size_t size_bytes);

/* A view of the next size_bytes, or NULL (and DR_E_TRUNCATED) when there are fewer. */
const uint8_t *dr_reader_view(struct dr_reader *reader, size_t size_bytes);

/* Latch DR_E_FORMAT unless everything was read. Returns the reader's status. */
DR_MUST_USE enum dr_status dr_reader_end(struct dr_reader *reader);

/* Latch an error found by the caller; the first one stays. */
void dr_reader_fail(struct dr_reader *reader, enum dr_status status);

void dr_writer_init(struct dr_writer *writer, uint8_t *data, size_t capacity_bytes);
void dr_write_u8(struct dr_writer *writer, uint8_t value);
void dr_write_u16(struct dr_writer *writer, uint16_t value);
void dr_write_u32(struct dr_writer *writer, uint32_t value);
void dr_write_u64(struct dr_writer *writer, uint64_t value);
void dr_write_u16_be(struct dr_writer *writer, uint16_t value);
void dr_write_u32_be(struct dr_writer *writer, uint32_t value);
void dr_write_u64_be(struct dr_writer *writer, uint64_t value);
void dr_write_bytes(struct dr_writer *writer, const uint8_t *data, size_t size_bytes);
void dr_write_text(struct dr_writer *writer, const char *text);
void dr_write_fill(struct dr_writer *writer, uint8_t value, size_t count);
void dr_writer_fail(struct dr_writer *writer, enum dr_status status);

#endif

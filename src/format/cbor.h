/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* CBOR (RFC 8949), the part that file streams use, over the latching cursor.
 *
 * Maps may be of definite or indefinite length; integers are unsigned; strings that are read are of
 * definite length (chunked ones are only skipped); floats, tags and simple values are only skipped.
 * Nesting is bounded, nothing recurses. Every error is latched in the reader.
 */
#ifndef DR_FORMAT_CBOR_H
#define DR_FORMAT_CBOR_H

#include "base/cursor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_CBOR_DEPTH_MAX 8u

/* What is left of a map that is being read. */
struct dr_cbor_map {
    uint32_t pairs_left; /* private */
};

/* DR_E_FORMAT is latched when the next item is not what is asked for. */
struct dr_cbor_map dr_cbor_read_map(struct dr_reader *reader);

/* More pairs? Call once before each pair; false at the end of the map or after an error. */
bool dr_cbor_more(struct dr_reader *reader, struct dr_cbor_map *map);

/* DR_E_RANGE is latched above 2^32 - 1. */
uint32_t dr_cbor_read_uint(struct dr_reader *reader);

/* A borrowed view; NULL after an error. */
const uint8_t *dr_cbor_read_bytes(struct dr_reader *reader, size_t *ret_size_bytes);
const char *dr_cbor_read_text(struct dr_reader *reader, size_t *ret_len);

/* Step over one item with all that is in it. */
void dr_cbor_skip(struct dr_reader *reader);

void dr_cbor_write_map(struct dr_writer *writer, uint32_t pair_count);
void dr_cbor_write_array(struct dr_writer *writer, uint32_t count);
void dr_cbor_write_uint(struct dr_writer *writer, uint32_t value);
void dr_cbor_write_text(struct dr_writer *writer, const char *text, size_t text_len);
/* Only the head: the caller appends exactly size_bytes itself. */
void dr_cbor_write_bytes_head(struct dr_writer *writer, uint32_t size_bytes);

#endif

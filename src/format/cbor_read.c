/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/cbor.h"

/* Initial bytes: the major type (RFC 8949 section 3.1) above, additional information below. */
#define MAJOR_MASK 0xe0u
#define MAJOR_UINT 0x00u
#define MAJOR_BYTES 0x40u
#define MAJOR_TEXT 0x60u
#define MAJOR_ARRAY 0x80u
#define MAJOR_MAP 0xa0u
#define MAJOR_TAG 0xc0u
#define MAJOR_SIMPLE 0xe0u
#define INFO_MASK 31u
#define INFO_INDEFINITE 31u
#define BREAK 0xffu

/* The initial byte, and the number that goes with it. Numbers above 32 bits latch DR_E_RANGE. */
static uint8_t read_head(struct dr_reader *reader, uint32_t *ret_value)
{
    uint8_t initial = dr_read_u8(reader);
    uint8_t info = initial & INFO_MASK;
    uint32_t value = info;
    if (info >= 24 && info <= 27) { /* 1, 2, 4 or 8 bytes follow */
        value = 0;
        for (unsigned left = 1u << (info - 24u); left > 0; left--) {
            if (value >> 24 != 0 && initial < MAJOR_SIMPLE) {
                dr_reader_fail(reader, DR_E_RANGE);
            }
            value = value << 8 | dr_read_u8(reader);
        }
    } else if (
        info > 27 && (info != INFO_INDEFINITE || initial < MAJOR_BYTES || initial >= MAJOR_TAG)) {
        /* 28 to 30 mean nothing; only strings, arrays and maps may be of indefinite length. A break
         * is not read here: take_break does that where one belongs. */
        dr_reader_fail(reader, DR_E_FORMAT);
    }
    *ret_value = value;
    return initial;
}

static bool is_indefinite(uint8_t initial)
{
    return (initial & INFO_MASK) == INFO_INDEFINITE;
}

static uint8_t expect_head(struct dr_reader *reader, uint8_t major, uint32_t *ret_value)
{
    uint8_t initial = read_head(reader, ret_value);
    if ((initial & MAJOR_MASK) != major) {
        dr_reader_fail(reader, DR_E_FORMAT);
    }
    return initial;
}

struct dr_cbor_map dr_cbor_read_map(struct dr_reader *reader)
{
    struct dr_cbor_map map;
    map.indefinite = is_indefinite(expect_head(reader, MAJOR_MAP, &map.pairs_left));
    return map;
}

/* Step over the byte that ends an indefinite item, if it comes next. */
static bool take_break(struct dr_reader *reader)
{
    if (dr_reader_left(reader) == 0 || reader->data[reader->offset_bytes] != BREAK) {
        return false;
    }
    (void)dr_read_u8(reader);
    return true;
}

bool dr_cbor_more(struct dr_reader *reader, struct dr_cbor_map *map)
{
    if (reader->status != DR_OK) {
        return false;
    }
    if (map->indefinite) {
        return !take_break(reader);
    }
    if (map->pairs_left == 0) {
        return false;
    }
    map->pairs_left--;
    return true;
}

uint32_t dr_cbor_read_uint(struct dr_reader *reader)
{
    uint32_t value = 0;
    (void)expect_head(reader, MAJOR_UINT, &value);
    return reader->status == DR_OK ? value : 0;
}

static const uint8_t *read_string(struct dr_reader *reader, uint8_t major, size_t *ret_size_bytes)
{
    uint32_t size_bytes = 0;
    if (is_indefinite(expect_head(reader, major, &size_bytes))) {
        dr_reader_fail(reader, DR_E_FORMAT);
    }
    const uint8_t *view = dr_reader_view(reader, size_bytes);
    *ret_size_bytes = view == NULL ? 0 : size_bytes;
    return view;
}

const uint8_t *dr_cbor_read_bytes(struct dr_reader *reader, size_t *ret_size_bytes)
{
    return read_string(reader, MAJOR_BYTES, ret_size_bytes);
}

const char *dr_cbor_read_text(struct dr_reader *reader, size_t *ret_len)
{
    return (const char *)read_string(reader, MAJOR_TEXT, ret_len);
}

#define UNTIL_BREAK UINT32_MAX

/* How many items follow inside the one whose head was read; strings are stepped over here. */
static uint32_t items_inside(struct dr_reader *reader, uint8_t initial, uint32_t value)
{
    if (initial < MAJOR_BYTES || initial >= MAJOR_TAG) {
        return initial >= MAJOR_TAG && initial < MAJOR_SIMPLE ? 1u : 0u;
    }
    if (is_indefinite(initial)) {
        return UNTIL_BREAK;
    }
    /* Every item takes a byte at least: a count that cannot be true is refused before it can
     * overflow. */
    if (value > dr_reader_left(reader)) {
        dr_reader_fail(reader, DR_E_TRUNCATED);
        return 0;
    }
    if (initial >= MAJOR_ARRAY) {
        return initial >= MAJOR_MAP ? 2u * value : value;
    }
    (void)dr_reader_view(reader, value);
    return 0;
}

void dr_cbor_skip(struct dr_reader *reader)
{
    uint32_t left[DR_CBOR_DEPTH_MAX + 1u];
    unsigned depth = 0;
    left[0] = 1;
    /* bound: every turn reads at least one byte, closes a container, or ends with an error */
    while (reader->status == DR_OK) {
        if (left[depth] == 0 || (left[depth] == UNTIL_BREAK && take_break(reader))) {
            if (depth == 0) {
                return;
            }
            depth--;
            continue;
        }
        uint32_t value = 0;
        uint8_t initial = read_head(reader, &value);
        left[depth] -= left[depth] == UNTIL_BREAK ? 0u : 1u;
        uint32_t inside = items_inside(reader, initial, value);
        if (inside > 0) {
            if (depth == DR_CBOR_DEPTH_MAX) {
                dr_reader_fail(reader, DR_E_RANGE);
                return;
            }
            left[++depth] = inside;
        }
    }
}

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

#define UNTIL_BREAK UINT32_MAX

/* The initial byte, and the number that goes with it; UNTIL_BREAK for strings, arrays and maps of
 * indefinite length. Whole numbers above 32 bits latch DR_E_RANGE. */
static uint8_t read_head(struct dr_reader *reader, uint32_t *ret_value)
{
    uint8_t initial = dr_read_u8(reader);
    uint32_t value = initial & INFO_MASK;
    bool sized = initial >= MAJOR_BYTES && initial < MAJOR_TAG;
    if (value >= 24 && value <= 27) { /* 1, 2, 4 or 8 bytes follow */
        unsigned left = 1u << (value - 24u);
        value = 0;
        for (; left > 0; left--) {
            if (value >> 24 != 0 && initial < MAJOR_SIMPLE) {
                dr_reader_fail(reader, DR_E_RANGE);
            }
            value = value << 8 | dr_read_u8(reader);
        }
        /* Every item takes a byte at least: a count that cannot be true is refused before it can
         * overflow. */
        if (sized && value > dr_reader_left(reader)) {
            dr_reader_fail(reader, DR_E_TRUNCATED);
        }
    } else if (sized && value == INFO_INDEFINITE) {
        value = UNTIL_BREAK;
    } else if (value > 27) {
        /* Numbers and tags are never indefinite, 28 to 30 mean nothing, and a break is not read
         * here: take_break does that where one belongs. */
        dr_reader_fail(reader, DR_E_FORMAT);
    }
    *ret_value = value;
    return initial;
}

/* Returns what read_head gives as number. */
static uint32_t expect_head(struct dr_reader *reader, uint8_t major)
{
    uint32_t value = 0;
    if ((read_head(reader, &value) & MAJOR_MASK) != major) {
        dr_reader_fail(reader, DR_E_FORMAT);
    }
    return value;
}

struct dr_cbor_map dr_cbor_read_map(struct dr_reader *reader)
{
    return (struct dr_cbor_map){expect_head(reader, MAJOR_MAP)};
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

/* Count one off; false at the end or after an error. */
static bool more(struct dr_reader *reader, uint32_t *left)
{
    if (reader->status != DR_OK || *left == 0) {
        return false;
    }
    if (*left == UNTIL_BREAK) {
        return !take_break(reader);
    }
    --*left;
    return true;
}

bool dr_cbor_more(struct dr_reader *reader, struct dr_cbor_map *map)
{
    return more(reader, &map->pairs_left);
}

uint32_t dr_cbor_read_uint(struct dr_reader *reader)
{
    uint32_t value = expect_head(reader, MAJOR_UINT);
    return reader->status == DR_OK ? value : 0;
}

static const uint8_t *read_string(struct dr_reader *reader, uint8_t major, size_t *ret_size_bytes)
{
    uint32_t size_bytes = expect_head(reader, major);
    if (size_bytes == UNTIL_BREAK) {
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

/* How many items follow inside the one whose head was read; strings are stepped over here. */
static uint32_t items_inside(struct dr_reader *reader, uint8_t initial, uint32_t value)
{
    if (initial < MAJOR_BYTES || initial >= MAJOR_TAG) {
        return initial >= MAJOR_TAG && initial < MAJOR_SIMPLE ? 1u : 0u;
    }
    if (value == UNTIL_BREAK) {
        return value;
    }
    if (initial < MAJOR_ARRAY) {
        (void)dr_reader_view(reader, value);
        return 0;
    }
    return initial < MAJOR_MAP ? value : 2u * value;
}

void dr_cbor_skip(struct dr_reader *reader)
{
    uint32_t left[DR_CBOR_DEPTH_MAX + 1u]; /* items of each level */
    unsigned depth = 0;
    uint32_t value = 0;
    left[0] = 1;
    /* bound: every turn reads at least one byte or leaves a level */
    for (;;) {
        if (!more(reader, &left[depth])) {
            if (depth == 0) {
                return;
            }
            depth--;
            continue;
        }
        uint8_t initial = read_head(reader, &value);
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

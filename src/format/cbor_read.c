/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/cbor.h"

/* Major types and additional information, RFC 8949 section 3. */
#define MAJOR_UINT 0u
#define MAJOR_BYTES 2u
#define MAJOR_TEXT 3u
#define MAJOR_ARRAY 4u
#define MAJOR_MAP 5u
#define MAJOR_TAG 6u
#define MAJOR_SIMPLE 7u
#define INFO_INDEFINITE 31u
#define BREAK 0xffu

struct head {
    uint8_t major;
    bool indefinite;
    uint32_t value;
};

/* The initial byte and the number that goes with it. Numbers above 32 bits latch DR_E_RANGE. */
static struct head read_head(struct dr_reader *reader)
{
    uint8_t initial = dr_read_u8(reader);
    uint8_t info = initial & 31u;
    struct head head = {(uint8_t)(initial >> 5), false, info};
    if (info == 24) {
        head.value = dr_read_u8(reader);
    } else if (info == 25) {
        head.value = dr_read_u16_be(reader);
    } else if (info == 26) {
        head.value = dr_read_u32_be(reader);
    } else if (info == 27) {
        if (dr_read_u32_be(reader) != 0 && head.major != MAJOR_SIMPLE) {
            dr_reader_fail(reader, DR_E_RANGE);
        }
        head.value = dr_read_u32_be(reader);
    } else if (info > 27) {
        head.indefinite = true;
        /* 28 to 30 mean nothing; whole numbers and tags are never indefinite. */
        if (info != INFO_INDEFINITE || head.major < MAJOR_BYTES || head.major == MAJOR_TAG) {
            dr_reader_fail(reader, DR_E_FORMAT);
        }
    }
    return head;
}

static struct head expect_head(struct dr_reader *reader, uint8_t major)
{
    struct head head = read_head(reader);
    if (head.major != major) {
        dr_reader_fail(reader, DR_E_FORMAT);
    }
    return head;
}

struct dr_cbor_map dr_cbor_read_map(struct dr_reader *reader)
{
    struct head head = expect_head(reader, MAJOR_MAP);
    return (struct dr_cbor_map){head.value, head.indefinite};
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
    struct head head = expect_head(reader, MAJOR_UINT);
    return reader->status == DR_OK ? head.value : 0;
}

static const uint8_t *read_string(struct dr_reader *reader, uint8_t major, size_t *ret_size_bytes)
{
    struct head head = expect_head(reader, major);
    if (head.indefinite) {
        dr_reader_fail(reader, DR_E_FORMAT);
    }
    const uint8_t *view = dr_reader_view(reader, head.value);
    *ret_size_bytes = view == NULL ? 0 : head.value;
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

/* How many items follow inside the one that head begins; strings are stepped over here. */
static uint32_t items_inside(struct dr_reader *reader, const struct head *head)
{
    switch (head->major) {
    case MAJOR_BYTES:
    case MAJOR_TEXT:
        if (head->indefinite) {
            return UNTIL_BREAK;
        }
        (void)dr_reader_view(reader, head->value);
        return 0;
    case MAJOR_ARRAY:
    case MAJOR_MAP: {
        uint32_t each = head->major == MAJOR_MAP ? 2u : 1u;
        if (head->indefinite) {
            return UNTIL_BREAK;
        }
        /* Every item takes a byte at least: a count that cannot be true is refused before it can
         * overflow. */
        if (head->value > dr_reader_left(reader)) {
            dr_reader_fail(reader, DR_E_TRUNCATED);
            return 0;
        }
        return each * head->value;
    }
    case MAJOR_TAG:
        return 1;
    default:
        if (head->indefinite) { /* a break where none belongs */
            dr_reader_fail(reader, DR_E_FORMAT);
        }
        return 0;
    }
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
        struct head head = read_head(reader);
        left[depth] -= left[depth] == UNTIL_BREAK ? 0u : 1u;
        uint32_t inside = items_inside(reader, &head);
        if (inside > 0) {
            if (depth == DR_CBOR_DEPTH_MAX) {
                dr_reader_fail(reader, DR_E_RANGE);
                return;
            }
            left[++depth] = inside;
        }
    }
}

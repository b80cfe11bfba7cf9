/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/cbor.h"

/* Always the shortest form (RFC 8949, section 4.2.1). */
static void write_head(struct dr_writer *writer, unsigned major, uint32_t value)
{
    unsigned bits = 0; /* of the number behind the initial byte */
    unsigned info = value;
    if (value >= 24u) {
        info = 24u + (value > UINT8_MAX) + (value > UINT16_MAX);
        bits = 8u << (info - 24u);
    }
    dr_write_u8(writer, (uint8_t)(major << 5 | info));
    while (bits > 0) {
        bits -= 8u;
        dr_write_u8(writer, (uint8_t)(value >> bits));
    }
}

void dr_cbor_write_map(struct dr_writer *writer, uint32_t pair_count)
{
    write_head(writer, 5, pair_count);
}

void dr_cbor_write_array(struct dr_writer *writer, uint32_t count)
{
    write_head(writer, 4, count);
}

void dr_cbor_write_uint(struct dr_writer *writer, uint32_t value)
{
    write_head(writer, 0, value);
}

void dr_cbor_write_text(struct dr_writer *writer, const char *text, size_t text_len)
{
    write_head(writer, 3, (uint32_t)text_len);
    dr_write_bytes(writer, (const uint8_t *)text, text_len);
}

void dr_cbor_write_bytes_head(struct dr_writer *writer, uint32_t size_bytes)
{
    write_head(writer, 2, size_bytes);
}

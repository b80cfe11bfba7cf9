/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/der.h"

#define TAG_INTEGER 0x02u
#define TAG_SEQUENCE 0x30u

void dr_der_write_head(struct dr_writer *writer, uint8_t tag, size_t size_bytes)
{
    dr_write_u8(writer, tag);
    if (size_bytes >= 0x10000u) {
        dr_writer_fail(writer, DR_E_RANGE);
    } else if (size_bytes >= 0x100u) {
        dr_write_u8(writer, 0x82);
        dr_write_u16_be(writer, (uint16_t)size_bytes);
    } else {
        if (size_bytes >= 0x80u) {
            dr_write_u8(writer, 0x81);
        }
        dr_write_u8(writer, (uint8_t)size_bytes);
    }
}

/* Zero bytes that the shortest form leaves out; at least one byte stays. */
static size_t leading_zeros(const uint8_t value[32])
{
    size_t count = 0;
    while (count < 31 && value[count] == 0) {
        count++;
    }
    return count;
}

/* Data bytes of the INTEGER: one more where the top bit would read as a sign. */
static size_t integer_size(const uint8_t value[32])
{
    size_t skipped = leading_zeros(value);
    return 32 - skipped + ((value[skipped] & 0x80u) != 0 ? 1u : 0u);
}

static void write_integer(struct dr_writer *writer, const uint8_t value[32])
{
    size_t skipped = leading_zeros(value);
    dr_der_write_head(writer, TAG_INTEGER, integer_size(value));
    if ((value[skipped] & 0x80u) != 0) {
        dr_write_u8(writer, 0);
    }
    dr_write_bytes(writer, value + skipped, 32 - skipped);
}

void dr_der_signature_write(struct dr_writer *writer, const uint8_t rs[64])
{
    dr_der_write_head(writer, TAG_SEQUENCE, 4 + integer_size(rs) + integer_size(rs + 32));
    write_integer(writer, rs);
    write_integer(writer, rs + 32);
}

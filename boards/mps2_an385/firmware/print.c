/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/firmware/print.h"

#include "base/cursor.h"

#define DIGITS_MAX 10

static void put_number(struct dr_writer *writer, uint32_t number)
{
    char text[DIGITS_MAX + 1];
    size_t at = DIGITS_MAX;
    text[at] = '\0';
    do { /* bound: the digits of 32 bits */
        text[--at] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number > 0);
    dr_write_text(writer, text + at);
}

void dr_print_numbers(
    char *out, size_t capacity_bytes, const struct dr_print_number *numbers, size_t count)
{
    struct dr_writer writer;
    dr_writer_init(&writer, (uint8_t *)out, capacity_bytes - 1u);
    for (size_t i = 0; i < count; i++) {
        dr_write_text(&writer, numbers[i].before);
        put_number(&writer, numbers[i].number);
    }
    out[writer.size_bytes] = '\0';
}

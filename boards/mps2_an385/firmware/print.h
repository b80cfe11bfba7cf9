/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Numbers in a line of text, without a C library's printf. */
#ifndef DR_BOARDS_MPS2_FIRMWARE_PRINT_H
#define DR_BOARDS_MPS2_FIRMWARE_PRINT_H

#include <stddef.h>
#include <stdint.h>

struct dr_print_number {
    const char *before;
    uint32_t number;
};

/* NUL-terminated; what does not fit is left out. */
void dr_print_numbers(
    char *out, size_t capacity_bytes, const struct dr_print_number *numbers, size_t count);

#endif

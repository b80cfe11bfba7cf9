/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/decimal.h"

char *dr_decimal(uint32_t number, char *out)
{
    char digits[DR_DECIMAL_BYTES];
    char *next = digits;
    do {
        *next++ = (char)('0' + number % 10u);
        number /= 10u;
    } while (number > 0);
    while (next > digits) {
        *out++ = *--next;
    }
    *out = '\0';
    return out;
}

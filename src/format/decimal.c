/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/decimal.h"

size_t dr_decimal(uint32_t number, char *out)
{
    char digits[DR_DECIMAL_BYTES];
    size_t begin = sizeof(digits);
    size_t count = 0;
    do {
        digits[--begin] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number > 0);
    while (begin < sizeof(digits)) {
        out[count++] = digits[begin++];
    }
    return count;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/secret.h"

bool dr_equal_ct(const void *a, const void *b, size_t size_bytes)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        difference = (uint8_t)(difference | (x[i] ^ y[i]));
    }
    return difference == 0;
}

void dr_wipe(void *data, size_t size_bytes)
{
    volatile uint8_t *bytes = data;
    for (size_t i = 0; i < size_bytes; i++) {
        bytes[i] = 0;
    }
}

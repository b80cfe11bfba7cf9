/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The memory functions that the compiler and the libraries call, in as few bytes as there are; an
 * image is copied once. `used`: calls to them appear after the linker has looked at the program as
 * a whole. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KEEP __attribute__((used))

/* From the end that no overlap reaches first. */
static void *copy(void *to, const void *from, size_t size)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if (out <= in) {
        for (; size > 0; size--) { /* bound: size */
            *out++ = *in++;
        }
    } else {
        while (size > 0) { /* bound: size */
            size--;
            out[size] = in[size];
        }
    }
    return to;
}

KEEP void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    return copy(to, from, size);
}

KEEP void *memmove(void *to, const void *from, size_t size)
{
    return copy(to, from, size);
}

KEEP void *memset(void *to, int value, size_t size)
{
    uint8_t *out = to;
    for (; size > 0; size--) { /* bound: size */
        *out++ = (uint8_t)value;
    }
    return to;
}

KEEP int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *left = a;
    const uint8_t *right = b;
    int difference = 0;
    for (; size > 0 && difference == 0; size--) { /* bound: size */
        difference = *left++ - *right++;
    }
    return difference;
}

KEEP int strcmp(const char *a, const char *b)
{
    for (; *a != '\0' && *a == *b; a++, b++) { /* bound: the shorter string */
    }
    return (unsigned char)*a - (unsigned char)*b;
}

KEEP size_t strlen(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0') { /* bound: the string */
        len++;
    }
    return len;
}

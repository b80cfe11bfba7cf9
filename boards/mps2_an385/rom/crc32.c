/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* base/crc32.h without its table: the ROM checks a few kilobytes in a boot. */
#include "base/crc32.h"

#define POLYNOMIAL 0xedb88320u

uint32_t dr_crc32(uint32_t crc, const void *data, size_t size_bytes)
{
    const uint8_t *bytes = data;
    crc = ~crc;
    for (size_t i = 0; i < size_bytes; i++) {
        crc ^= bytes[i];
        for (uint32_t bit = 0; bit < 8u; bit++) {
            crc = crc >> 1 ^ (POLYNOMIAL & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}

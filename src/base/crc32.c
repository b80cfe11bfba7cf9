/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/crc32.h"

/* Nibble table: 64 bytes of ROM instead of 1 KiB, twice the speed of bit by bit. */
static const uint32_t nibble_table[16] = {
    0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u,
    0x4db26158u, 0x5005713cu, 0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu,
    0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
};

uint32_t dr_crc32(uint32_t crc, const void *data, size_t size_bytes)
{
    const uint8_t *bytes = data;
    crc = ~crc;
    for (size_t i = 0; i < size_bytes; i++) {
        crc = (crc >> 4) ^ nibble_table[(crc ^ bytes[i]) & 0x0fu];
        crc = (crc >> 4) ^ nibble_table[(crc ^ ((uint32_t)bytes[i] >> 4)) & 0x0fu];
    }
    return ~crc;
}

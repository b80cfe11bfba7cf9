/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/json.h"

/* RFC 3629, table in section 4: the first byte gives the length and the range of the second; all
 * others are 80..BF. Overlong forms, surrogates and values above U+10FFFF fall out of the ranges.
 */
size_t dr_utf8_length(const uint8_t *text, size_t len)
{
    uint8_t lead = len > 0 ? text[0] : 0xff;
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t size_bytes = 0;
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        size_bytes = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        size_bytes = 3;
        low = lead == 0xe0 ? 0xa0 : 0x80;
        high = lead == 0xed ? 0x9f : 0xbf;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        size_bytes = 4;
        low = lead == 0xf0 ? 0x90 : 0x80;
        high = lead == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (size_bytes > len || text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size_bytes; i++) {
        if ((text[i] & 0xc0u) != 0x80u) {
            return 0;
        }
    }
    return size_bytes;
}

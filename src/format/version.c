/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/decimal.h"
#include "format/image.h"

void dr_version_text(const struct dr_version *version, char out[DR_VERSION_TEXT_BYTES])
{
    out = dr_decimal(version->major, out);
    *out++ = '.';
    out = dr_decimal(version->minor, out);
    *out++ = '.';
    out = dr_decimal(version->revision, out);
    if (version->build != 0) {
        *out++ = '+';
        (void)dr_decimal(version->build, out);
    }
}

enum dr_status dr_version_parse(const char *text, size_t text_len, struct dr_version *ret_version)
{
    static const uint32_t limits[4] = {UINT8_MAX, UINT8_MAX, UINT16_MAX, UINT32_MAX};
    uint32_t parts[4] = {0};
    size_t part = 0;
    size_t digits = 0;
    for (size_t i = 0; i < text_len; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9') {
            uint32_t digit = (uint32_t)(c - '0');
            if (parts[part] > (limits[part] - digit) / 10u) {
                return DR_E_RANGE;
            }
            parts[part] = parts[part] * 10u + digit;
            digits++;
        } else if (digits > 0 && ((c == '.' && part < 2) || (c == '+' && part < 3))) {
            part = c == '+' ? 3 : part + 1;
            digits = 0;
        } else {
            return DR_E_FORMAT;
        }
    }
    if (digits == 0) {
        return DR_E_FORMAT;
    }
    ret_version->major = (uint8_t)parts[0];
    ret_version->minor = (uint8_t)parts[1];
    ret_version->revision = (uint16_t)parts[2];
    ret_version->build = parts[3];
    return DR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Scalars of checked JSON texts. */
#include "format/json.h"

#include <string.h>

struct dr_json dr_json_raw(struct dr_json value)
{
    if (value.len < 2 || value.text[0] != '"') {
        value.len = 0;
    } else {
        value.text++;
        value.len -= 2;
    }
    return value;
}

bool dr_json_is(struct dr_json value, const char *text)
{
    size_t len = strlen(text);
    return value.len == len + 2 && value.text[0] == '"' && memcmp(value.text + 1, text, len) == 0;
}

enum dr_status dr_json_plain(struct dr_json value, char *out, size_t capacity)
{
    size_t len = value.len - 2; /* of what stands between the quotes */
    if (value.text[0] != '"' || memchr(value.text, '\\', value.len) != NULL) {
        return DR_E_FORMAT;
    }
    if (len >= capacity) {
        return DR_E_SPACE;
    }
    memcpy(out, value.text + 1, len);
    out[len] = '\0';
    return DR_OK;
}

enum dr_status dr_json_u32(struct dr_json value, uint32_t *ret_number)
{
    uint32_t number = 0;
    if (value.len == 0) {
        return DR_E_NOT_FOUND;
    }
    const char *begin = value.text;
    const char *end = begin + value.len;
    if (*begin == '"') {
        begin++;
        end--;
    }
    if (begin == end) {
        return DR_E_FORMAT;
    }
    for (const char *next = begin; next < end; next++) {
        uint32_t digit = (uint32_t)*next - '0';
        if (digit > 9) {
            return *next == '-' && next == begin && end - begin > 1 ? DR_E_RANGE : DR_E_FORMAT;
        }
        uint64_t wide = UINT64_C(10) * number + digit;
        if (wide > UINT32_MAX) {
            return DR_E_RANGE;
        }
        number = (uint32_t)wide;
    }
    *ret_number = number;
    return DR_OK;
}

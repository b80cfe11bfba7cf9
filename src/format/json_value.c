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
    const char *next = value.text;
    const char *end = next + value.len;
    if (*next == '"') {
        next++;
        end--;
    }
    if (*next == '-' && end - next > 1) {
        return DR_E_RANGE;
    }
    do { /* of an empty string this reads the closing quote */
        uint32_t digit = (uint32_t)*next++ - '0';
        if (digit > 9) {
            return DR_E_FORMAT;
        }
        if (number > (UINT32_MAX - digit) / 10u) {
            return DR_E_RANGE;
        }
        number = number * 10u + digit;
    } while (next < end);
    *ret_number = number;
    return DR_OK;
}

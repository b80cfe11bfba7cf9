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
    struct dr_json raw = dr_json_raw(value);
    if (value.text[0] != '"' || memchr(raw.text, '\\', raw.len) != NULL) {
        return DR_E_FORMAT;
    }
    if (raw.len >= capacity) {
        return DR_E_SPACE;
    }
    memcpy(out, raw.text, raw.len);
    out[raw.len] = '\0';
    return DR_OK;
}

enum dr_status dr_json_u32(struct dr_json value, uint32_t *ret_number)
{
    uint32_t number = 0;
    if (value.len == 0) {
        return DR_E_NOT_FOUND;
    }
    if (value.text[0] == '"') {
        value = dr_json_raw(value);
    }
    if (value.len == 0) {
        return DR_E_FORMAT;
    }
    for (size_t i = 0; i < value.len; i++) {
        uint32_t digit = (uint32_t)value.text[i] - '0';
        if (digit > 9) {
            return i == 0 && value.len > 1 && value.text[0] == '-' ? DR_E_RANGE : DR_E_FORMAT;
        }
        if (number > (UINT32_MAX - digit) / 10u) {
            return DR_E_RANGE;
        }
        number = number * 10u + digit;
    }
    *ret_number = number;
    return DR_OK;
}

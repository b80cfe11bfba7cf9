/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/json.h"

#include <string.h>

static enum dr_status fill(struct dr_json value, const struct dr_json_field *row, uint8_t *field)
{
    unsigned kind = row->kind & ~(unsigned)DR_JSON_FIELD_REQUIRED;
    uint32_t number = 0;
    if (kind == DR_JSON_FIELD_TEXT) {
        return dr_json_plain(value, (char *)field, row->capacity);
    }
    if (kind <= DR_JSON_FIELD_U32) {
        DR_TRY(dr_json_u32(value, &number));
        if (kind == DR_JSON_FIELD_U32) {
            memcpy(field, &number, sizeof(number));
            return DR_OK;
        }
        *field = (uint8_t)number;
        return number <= UINT8_MAX ? DR_OK : DR_E_RANGE;
    }
    if ((kind == DR_JSON_FIELD_STRING && value.text[0] != '"') ||
        (kind == DR_JSON_FIELD_OBJECT && value.text[0] != '{')) {
        return DR_E_FORMAT;
    }
    memcpy(field, &value, sizeof(value));
    return DR_OK;
}

enum dr_status dr_json_read_fields(
    struct dr_json object, const struct dr_json_field *fields, size_t field_count, void *out,
    uint32_t *ret_seen)
{
    uint32_t seen = 0;
    struct dr_json_iterator member = dr_json_each(object);
    while (dr_json_next(&member)) {
        for (size_t i = 0; i < field_count; i++) {
            const struct dr_json_field *row = &fields[i];
            if ((seen >> i & 1u) == 0 && member.value.text[0] != 'n' &&
                dr_json_is(member.key, row->name)) {
                DR_TRY(fill(member.value, row, (uint8_t *)out + row->offset));
                seen |= 1u << i;
            }
        }
    }
    for (size_t i = 0; i < field_count; i++) {
        if ((fields[i].kind & DR_JSON_FIELD_REQUIRED) != 0 && (seen >> i & 1u) == 0) {
            return DR_E_FORMAT;
        }
    }
    if (ret_seen != NULL) {
        *ret_seen = seen;
    }
    return DR_OK;
}

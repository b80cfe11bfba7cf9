/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/json.h"

#include "format/word.h"

#include <string.h>

static enum dr_status fill(struct dr_json value, const struct dr_json_field *row, uint8_t *field)
{
    uint32_t number = 0;
    if (row->kind == DR_JSON_FIELD_TEXT) {
        return dr_json_plain(value, (char *)field, row->capacity);
    }
    if (row->kind >= DR_JSON_FIELD_VALUE) {
        memcpy(field, &value, sizeof(value));
        return row->kind == DR_JSON_FIELD_VALUE || row->kind == (uint8_t)value.text[0]
                   ? DR_OK
                   : DR_E_FORMAT;
    }
    DR_TRY(dr_json_u32(value, &number));
    if (row->kind == DR_JSON_FIELD_U32) {
        memcpy(field, &number, sizeof(number));
        return DR_OK;
    }
    *field = (uint8_t)number;
    return number <= UINT8_MAX ? DR_OK : DR_E_RANGE;
}

enum dr_status
dr_json_read_fields(struct dr_json object, const struct dr_json_fields *fields, void *out)
{
    uint32_t missing = UINT32_MAX;
    struct dr_json_iterator member = dr_json_each(object);
    while (dr_json_next(&member)) {
        unsigned number = dr_word_of(&member.key, fields->names);
        uint32_t bit = 1u << number >> 1; /* 0 for a name that is not in the list */
        if ((missing & bit) != 0 && member.value.text[0] != 'n') {
            const struct dr_json_field *row = &fields->rows[number - 1u];
            DR_TRY(fill(member.value, row, (uint8_t *)out + row->offset));
            missing ^= bit;
        }
    }
    return (missing & fields->required) == 0 ? DR_OK : DR_E_FORMAT;
}

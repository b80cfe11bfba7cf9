/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/fields_priv.h"

#include <string.h>

void dr_fields_write(
    const struct dr_field *fields, size_t count, const void *object, struct dr_writer *writer)
{
    for (const struct dr_field *field = fields; field < fields + count; field++) {
        const void *at = (const uint8_t *)object + field->offset;
        switch ((enum dr_field_kind)field->kind) {
        case DR_FIELD_BYTES:
            dr_write_bytes(writer, at, field->size);
            break;
        case DR_FIELD_BOOL:
            dr_write_u8(writer, *(const bool *)at);
            break;
        case DR_FIELD_CLASS:
            dr_write_u8(writer, (uint8_t) * (const enum dr_rejection_class *)at);
            break;
        case DR_FIELD_U16:
            dr_write_u16(writer, *(const uint16_t *)at);
            break;
        case DR_FIELD_U32:
            dr_write_u32(writer, *(const uint32_t *)at);
            break;
        }
    }
}

void dr_fields_read(
    const struct dr_field *fields, size_t count, void *object, struct dr_reader *reader)
{
    for (const struct dr_field *field = fields; field < fields + count; field++) {
        void *at = (uint8_t *)object + field->offset;
        switch ((enum dr_field_kind)field->kind) {
        case DR_FIELD_BYTES:
            dr_read_bytes(reader, at, field->size);
            break;
        case DR_FIELD_BOOL:
            *(bool *)at = dr_read_u8(reader) != 0;
            break;
        case DR_FIELD_CLASS:
            *(enum dr_rejection_class *)at = (enum dr_rejection_class)dr_read_u8(reader);
            break;
        case DR_FIELD_U16:
            *(uint16_t *)at = dr_read_u16(reader);
            break;
        case DR_FIELD_U32:
            *(uint32_t *)at = dr_read_u32(reader);
            break;
        }
    }
}

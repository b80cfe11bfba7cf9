/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One table of fields for both directions: what is written is what is read, in the same order, and
 * neither side can forget one. Little-endian, no padding. */
#ifndef DR_DEVICE_BOOT_FIELDS_PRIV_H
#define DR_DEVICE_BOOT_FIELDS_PRIV_H

#include "base/cursor.h"
#include "device/boot/info.h"

#include <stddef.h>
#include <stdint.h>

enum dr_field_kind {
    DR_FIELD_BYTES, /* `size` bytes as they are */
    DR_FIELD_BOOL,
    DR_FIELD_CLASS, /* enum dr_rejection_class */
    DR_FIELD_U16,
    DR_FIELD_U32,
};

struct dr_field {
    uint16_t offset; /* in the object */
    uint8_t kind;    /* enum dr_field_kind */
    uint8_t size;
};

#define DR_BYTES(type, member)                                                                     \
    {                                                                                              \
        offsetof(type, member), DR_FIELD_BYTES, sizeof(((type *)0)->member)                        \
    }
/* From one u8 member to another, both included, with nothing but u8 between them. */
#define DR_RUN(type, first, last)                                                                  \
    {                                                                                              \
        offsetof(type, first), DR_FIELD_BYTES,                                                     \
            offsetof(type, last) + sizeof(((type *)0)->last) - offsetof(type, first)               \
    }
#define DR_BOOL(type, member)                                                                      \
    {                                                                                              \
        offsetof(type, member), DR_FIELD_BOOL, 1                                                   \
    }
#define DR_U16(type, member)                                                                       \
    {                                                                                              \
        offsetof(type, member), DR_FIELD_U16, 2                                                    \
    }
#define DR_U32(type, member)                                                                       \
    {                                                                                              \
        offsetof(type, member), DR_FIELD_U32, 4                                                    \
    }
#define DR_ORDER(type, member)                                                                     \
    DR_BOOL(type, member.has_sequence), DR_U32(type, member.sequence),                             \
        DR_RUN(type, member.version.major, member.version.minor),                                  \
        DR_U16(type, member.version.revision), DR_U32(type, member.version.build)
#define DR_REJECTION(type, index)                                                                  \
    DR_BYTES(type, rejections.entry[index].digest),                                                \
    {                                                                                              \
        offsetof(type, rejections.entry[index].class), DR_FIELD_CLASS, 1                           \
    }
#define DR_REJECTIONS(type)                                                                        \
    DR_REJECTION(type, 0), DR_REJECTION(type, 1), DR_REJECTION(type, 2), DR_REJECTION(type, 3),    \
        DR_REJECTION(type, 4), DR_REJECTION(type, 5), DR_REJECTION(type, 6),                       \
        DR_REJECTION(type, 7), DR_RUN(type, rejections.reason, rejections.count)

/* Errors are latched in the cursor. */
void dr_fields_write(
    const struct dr_field *fields, size_t count, const void *object, struct dr_writer *writer);
void dr_fields_read(
    const struct dr_field *fields, size_t count, void *object, struct dr_reader *reader);

#endif

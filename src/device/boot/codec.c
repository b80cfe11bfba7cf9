/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/codec_priv.h"

void dr_code_u8(struct dr_codec *codec, uint8_t *value)
{
    dr_code_bytes(codec, value, 1);
}

void dr_code_enum(struct dr_codec *codec, uint8_t *value, uint8_t max)
{
    dr_code_u8(codec, value);
    if (codec->reader != NULL && *value > max) {
        dr_reader_fail(codec->reader, DR_E_RANGE);
    }
}

void dr_code_bool(struct dr_codec *codec, bool *value)
{
    uint8_t byte = *value ? 1 : 0;
    dr_code_enum(codec, &byte, 1);
    *value = byte == 1;
}

void dr_code_u16(struct dr_codec *codec, uint16_t *value)
{
    if (codec->writer != NULL) {
        dr_write_u16(codec->writer, *value);
    } else {
        *value = dr_read_u16(codec->reader);
    }
}

void dr_code_u32(struct dr_codec *codec, uint32_t *value)
{
    if (codec->writer != NULL) {
        dr_write_u32(codec->writer, *value);
    } else {
        *value = dr_read_u32(codec->reader);
    }
}

void dr_code_bytes(struct dr_codec *codec, uint8_t *data, size_t size_bytes)
{
    if (codec->writer != NULL) {
        dr_write_bytes(codec->writer, data, size_bytes);
    } else {
        dr_read_bytes(codec->reader, data, size_bytes);
    }
}

void dr_code_digest(struct dr_codec *codec, uint8_t digest[DR_IMAGE_DIGEST_BYTES])
{
    dr_code_bytes(codec, digest, DR_IMAGE_DIGEST_BYTES);
}

void dr_code_order(struct dr_codec *codec, struct dr_order *order)
{
    dr_code_bool(codec, &order->has_sequence);
    dr_code_u32(codec, &order->sequence);
    dr_code_u8(codec, &order->version.major);
    dr_code_u8(codec, &order->version.minor);
    dr_code_u16(codec, &order->version.revision);
    dr_code_u32(codec, &order->version.build);
}

void dr_code_rejections(struct dr_codec *codec, struct dr_rejections *rejections)
{
    for (size_t i = 0; i < DR_BOOT_REJECTIONS; i++) {
        uint8_t class = (uint8_t)rejections->entry[i].class;
        dr_code_digest(codec, rejections->entry[i].digest);
        dr_code_enum(codec, &class, DR_REJECTION_ENVIRONMENT);
        rejections->entry[i].class = (enum dr_rejection_class) class;
        dr_code_u8(codec, &rejections->reason[i]);
        dr_code_u8(codec, &rejections->count[i]);
    }
}

void dr_code_transition(struct dr_codec *codec, struct dr_transition *transition)
{
    dr_code_enum(codec, &transition->kind, DR_TRANSITION_REFUSED);
    dr_code_u8(codec, &transition->reason);
    dr_code_enum(codec, &transition->slot, DR_SLOT_FACTORY);
    dr_code_u8(codec, &transition->faults);
    dr_code_u8(codec, &transition->boots);
    dr_code_digest(codec, transition->digest);
}

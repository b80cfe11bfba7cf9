/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One list of fields for both directions: a codec either writes a value or replaces it by what it
 * reads, so that encoder and decoder cannot disagree. */
#ifndef DR_DEVICE_BOOT_CODEC_PRIV_H
#define DR_DEVICE_BOOT_CODEC_PRIV_H

#include "base/cursor.h"
#include "device/boot/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_codec {
    struct dr_reader *reader; /* exactly one of the two is not NULL */
    struct dr_writer *writer;
};

void dr_code_u8(struct dr_codec *codec, uint8_t *value);
/* As u8, and DR_E_RANGE is latched when a value above max was read. */
void dr_code_enum(struct dr_codec *codec, uint8_t *value, uint8_t max);
void dr_code_bool(struct dr_codec *codec, bool *value);
void dr_code_u16(struct dr_codec *codec, uint16_t *value);
void dr_code_u32(struct dr_codec *codec, uint32_t *value);
void dr_code_bytes(struct dr_codec *codec, uint8_t *data, size_t size_bytes);
void dr_code_digest(struct dr_codec *codec, uint8_t digest[DR_IMAGE_DIGEST_BYTES]);
void dr_code_order(struct dr_codec *codec, struct dr_order *order);
void dr_code_rejections(struct dr_codec *codec, struct dr_rejections *rejections);
void dr_code_transition(struct dr_codec *codec, struct dr_transition *transition);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/info.h"

#include "base/check.h"
#include "base/crc32.h"
#include "base/secret.h"
#include "device/boot/codec_priv.h"

#include <string.h>

#define INFO_MAGIC 0x49425244u /* "DRBI" */
#define CRC_BYTES 4u

static void code_limits(struct dr_codec *codec, struct dr_image_limits *limits)
{
    dr_code_u16(codec, &limits->hang_s);
    dr_code_u16(codec, &limits->health_s);
    dr_code_u16(codec, &limits->soak_s);
    dr_code_u16(codec, &limits->seal_s);
}

static void code_head(struct dr_codec *codec, struct dr_boot_info *info)
{
    dr_code_enum(codec, &info->slot, DR_SLOT_FACTORY);
    dr_code_enum(codec, &info->mode, DR_MODE_PROVISIONING);
    dr_code_enum(codec, &info->state, DR_IMAGE_FACTORY);
    dr_code_enum(codec, &info->rung, DR_RUNG_FACTORY);
    dr_code_enum(codec, &info->spare, DR_SLOT_B);
    dr_code_bool(codec, &info->fallback);
    dr_code_digest(codec, info->digest);
    dr_code_order(codec, &info->order);
    dr_code_u32(codec, &info->counter);
    code_limits(codec, &info->limits);
    dr_code_u8(codec, &info->tries_left);
    dr_code_u8(codec, &info->boots_left);
    dr_code_u8(codec, &info->confirmed_boots);
}

static void code_rules(struct dr_codec *codec, struct dr_boot_info *info)
{
    dr_code_enum(codec, &info->trust.key_count, DR_TRUST_KEYS_MAX);
    dr_code_u8(codec, &info->trust.revoked);
    for (size_t i = 0; i < DR_TRUST_KEYS_MAX; i++) {
        dr_code_bytes(codec, info->trust.keys[i], DR_P256_PUBLIC_BYTES);
    }
    dr_code_bytes(codec, (uint8_t *)info->product, sizeof info->product);
    dr_code_u32(codec, &info->rom_version);
    code_limits(codec, &info->limits_min);
    code_limits(codec, &info->limits_max);
    dr_code_u32(codec, &info->load_address);
    dr_code_u32(codec, &info->load_size_bytes);
}

static void code_keys(struct dr_codec *codec, struct dr_boot_keys *keys)
{
    dr_code_u8(codec, &keys->present);
    uint8_t *const all[] = {keys->request,   keys->slot_a,    keys->slot_b,    keys->sys_v1,
                            keys->vault_sys, keys->anchor_fw, keys->vault_user};
    for (size_t i = 0; i < DR_ARRAY_COUNT(all); i++) {
        dr_code_bytes(codec, all[i], DR_BOOT_KEY_BYTES);
    }
}

static void code_info(struct dr_codec *codec, struct dr_boot_info *info)
{
    code_head(codec, info);
    dr_code_u32(codec, &info->security_counter);
    dr_code_u32(codec, &info->revocation);
    dr_code_u32(codec, &info->user_epoch);
    dr_code_bool(codec, &info->floor_known);
    dr_code_order(codec, &info->floor);
    dr_code_digest(codec, info->floor_digest);
    dr_code_rejections(codec, &info->rejections);
    code_rules(codec, info);
    dr_code_enum(codec, &info->reset_cause, DR_RESET_FAULT);
    dr_code_u8(codec, &info->boot_reason);
    dr_code_u8(codec, &info->faults);
    dr_code_transition(codec, &info->last);
    dr_code_transition(codec, &info->refused);
    dr_code_bytes(codec, info->crash, DR_CRASH_BYTES);
    dr_code_u32(codec, &info->journal_sequence);
    code_keys(codec, &info->keys);
}

void dr_boot_info_encode(const struct dr_boot_info *info, uint8_t out[DR_BOOT_INFO_BYTES])
{
    struct dr_boot_info copy = *info; /* the codec's fields are not const */
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_BOOT_INFO_BYTES);
    dr_write_u32(&writer, INFO_MAGIC);
    dr_write_u32(&writer, DR_BOOT_INFO_VERSION);
    struct dr_codec codec = {.writer = &writer};
    code_info(&codec, &copy);
    dr_write_fill(&writer, 0, DR_BOOT_INFO_BYTES - CRC_BYTES - writer.size_bytes);
    dr_write_u32(&writer, dr_crc32(0, out, DR_BOOT_INFO_BYTES - CRC_BYTES));
    DR_CHECK(writer.status == DR_OK);
    dr_wipe(&copy, sizeof copy);
}

static uint32_t last_u32(const uint8_t *data, size_t size_bytes)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data + size_bytes - CRC_BYTES, CRC_BYTES);
    return dr_read_u32(&reader);
}

enum dr_status
dr_boot_info_decode(const uint8_t *data, size_t size_bytes, struct dr_boot_info *ret_info)
{
    if (size_bytes != DR_BOOT_INFO_BYTES) {
        return DR_E_FORMAT;
    }
    struct dr_reader reader;
    dr_reader_init(&reader, data, size_bytes - CRC_BYTES);
    if (dr_read_u32(&reader) != INFO_MAGIC || dr_read_u32(&reader) != DR_BOOT_INFO_VERSION) {
        return DR_E_FORMAT;
    }
    if (dr_crc32(0, data, size_bytes - CRC_BYTES) != last_u32(data, size_bytes)) {
        return DR_E_CORRUPT;
    }
    struct dr_codec codec = {.reader = &reader};
    memset(ret_info, 0, sizeof *ret_info);
    code_info(&codec, ret_info);
    ret_info->product[sizeof ret_info->product - 1u] = '\0';
    return reader.status;
}

const char *dr_boot_mode_word(uint8_t mode)
{
    static const char *const words[] = {"unknown", "normal", "safe", "recovery", "provisioning"};
    return words[mode < DR_ARRAY_COUNT(words) ? mode : 0];
}

const char *dr_image_state_word(uint8_t state)
{
    static const char *const words[] = {"unknown", "candidate", "confirmed", "sealed", "factory"};
    return words[state < DR_ARRAY_COUNT(words) ? state : 0];
}

const char *dr_rung_word(uint8_t rung)
{
    static const char *const words[] = {"normal", "safe", "previous", "factory", "unknown"};
    return words[rung < DR_ARRAY_COUNT(words) ? rung : 4];
}

const char *dr_slot_word(uint8_t slot)
{
    static const char *const words[] = {"none", "A", "B", "factory"};
    return words[slot < DR_ARRAY_COUNT(words) ? slot : 0];
}

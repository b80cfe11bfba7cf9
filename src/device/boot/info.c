/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/info.h"

#include "base/check.h"
#include "base/crc32.h"
#include "device/boot/fields_priv.h"

#include <string.h>

#define INFO_MAGIC 0x49425244u /* "DRBI" */
#define CRC_BYTES 4u
#define TAIL_BYTES (4u + CRC_BYTES) /* how many bytes were used: another list of fields is seen */

/* NOLINTBEGIN(bugprone-macro-parentheses): the arguments are names of members */
#define LIMITS(member)                                                                             \
    DR_U16(struct dr_boot_info, member.hang_s), DR_U16(struct dr_boot_info, member.health_s),      \
        DR_U16(struct dr_boot_info, member.soak_s), DR_U16(struct dr_boot_info, member.seal_s)
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct dr_field fields[] = {
    DR_RUN(struct dr_boot_info, slot, faults),
    DR_BOOL(struct dr_boot_info, fallback),
    DR_BOOL(struct dr_boot_info, floor_known),
    DR_U32(struct dr_boot_info, counter),
    DR_U32(struct dr_boot_info, journal_sequence),
    DR_U32(struct dr_boot_info, security_counter),
    DR_U32(struct dr_boot_info, revocation),
    DR_U32(struct dr_boot_info, user_epoch),
    DR_ORDER(struct dr_boot_info, order),
    DR_ORDER(struct dr_boot_info, floor),
    LIMITS(limits),
    DR_RUN(struct dr_boot_info, digest, refused),
    DR_REJECTIONS(struct dr_boot_info),
    DR_BYTES(struct dr_boot_info, crash),
    DR_U32(struct dr_boot_info, rom_version),
    DR_U32(struct dr_boot_info, load_address),
    DR_U32(struct dr_boot_info, load_size_bytes),
    LIMITS(limits_min),
    LIMITS(limits_max),
    DR_RUN(struct dr_boot_info, trust, product),
    DR_RUN(struct dr_boot_info, keys.present, keys.vault_user),
    DR_RUN(struct dr_boot_info, keys.link, keys.link),
};

void dr_boot_info_encode(const struct dr_boot_info *info, uint8_t out[DR_BOOT_INFO_BYTES])
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_BOOT_INFO_BYTES);
    dr_write_u32(&writer, INFO_MAGIC);
    dr_write_u32(&writer, DR_BOOT_INFO_VERSION);
    dr_fields_write(fields, DR_ARRAY_COUNT(fields), info, &writer);
    size_t used_bytes = writer.size_bytes;
    dr_write_fill(&writer, 0, DR_BOOT_INFO_BYTES - TAIL_BYTES - used_bytes);
    dr_write_u32(&writer, (uint32_t)used_bytes);
    dr_write_u32(&writer, dr_crc32(0, out, DR_BOOT_INFO_BYTES - CRC_BYTES));
}

enum dr_status
dr_boot_info_decode(const uint8_t *data, size_t size_bytes, struct dr_boot_info *ret_info)
{
    if (size_bytes != DR_BOOT_INFO_BYTES) {
        return DR_E_FORMAT;
    }
    struct dr_reader reader;
    dr_reader_init(&reader, data + size_bytes - TAIL_BYTES, TAIL_BYTES);
    uint32_t used_bytes = dr_read_u32(&reader);
    uint32_t crc = dr_read_u32(&reader);
    dr_reader_init(&reader, data, size_bytes - TAIL_BYTES);
    if (dr_read_u32(&reader) != INFO_MAGIC || dr_read_u32(&reader) != DR_BOOT_INFO_VERSION) {
        return DR_E_FORMAT;
    }
    if (crc != dr_crc32(0, data, size_bytes - CRC_BYTES)) {
        return DR_E_CORRUPT;
    }
    memset(ret_info, 0, sizeof *ret_info);
    dr_fields_read(fields, DR_ARRAY_COUNT(fields), ret_info, &reader);
    if (reader.offset_bytes != used_bytes) {
        return DR_E_FORMAT;
    }
    ret_info->product[sizeof ret_info->product - 1u] = '\0';
    bool inside = ret_info->slot - 1u < DR_SLOT_FACTORY && ret_info->spare <= DR_SLOT_B &&
                  ret_info->mode - 1u < DR_MODE_PROVISIONING &&
                  ret_info->state - 1u < DR_IMAGE_FACTORY && ret_info->rung <= DR_RUNG_FACTORY &&
                  ret_info->trust.key_count <= DR_TRUST_KEYS_MAX;
    return inside ? reader.status : DR_E_RANGE;
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

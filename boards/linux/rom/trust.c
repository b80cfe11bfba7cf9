/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/rom/trust.h"

#include "base/check.h"
#include "base/crc32.h"
#include "base/cursor.h"

#include <stddef.h>
#include <string.h>

#define VERSION 1u
#define ZERO_BYTES 12u

enum dr_status
dr_trust_record_encode(const struct dr_trust_record *record, uint8_t out[DR_TRUST_RECORD_BYTES])
{
    const char *product_end = memchr(record->product, '\0', sizeof record->product);
    size_t product_len = product_end != NULL ? (size_t)(product_end - record->product) : 0;
    if (product_len == 0 || product_len > DR_IMAGE_PRODUCT_BYTES_MAX ||
        record->trust.key_count == 0 || record->trust.key_count > DR_TRUST_KEYS_MAX ||
        record->time_divisor == 0 || record->time_divisor > DR_TRUST_TIME_DIVISOR_MAX) {
        return DR_E_ARGUMENT;
    }
    struct dr_writer writer;
    dr_writer_init(
        &writer, out + DR_TRUST_RECORD_MAGIC_BYTES,
        DR_TRUST_RECORD_BYTES - DR_TRUST_RECORD_MAGIC_BYTES);
    dr_write_u32(&writer, VERSION);
    dr_write_u8(&writer, record->trust.key_count);
    dr_write_u8(&writer, 0);
    dr_write_u16(&writer, record->time_divisor);
    dr_write_text(&writer, record->product);
    dr_write_fill(&writer, 0, DR_IMAGE_PRODUCT_BYTES_MAX - product_len);
    for (size_t i = 0; i < DR_TRUST_KEYS_MAX; i++) {
        if (i < record->trust.key_count) {
            dr_write_bytes(&writer, record->trust.keys[i], DR_P256_PUBLIC_BYTES);
        } else {
            dr_write_fill(&writer, 0, DR_P256_PUBLIC_BYTES);
        }
    }
    dr_write_fill(&writer, 0, ZERO_BYTES);
    dr_write_u32(&writer, dr_crc32(0, out, DR_TRUST_RECORD_BYTES - 4u));
    return writer.status;
}

/* The magic is not compared: it is covered by the CRC, and spelled out once in the whole program it
 * can be found by. */
enum dr_status dr_trust_record_decode(
    const uint8_t data[DR_TRUST_RECORD_BYTES], struct dr_trust_record *ret_record)
{
    struct dr_reader reader;
    dr_reader_init(
        &reader, data + DR_TRUST_RECORD_MAGIC_BYTES,
        DR_TRUST_RECORD_BYTES - DR_TRUST_RECORD_MAGIC_BYTES);
    uint32_t version = dr_read_u32(&reader);
    memset(ret_record, 0, sizeof *ret_record);
    ret_record->trust.key_count = dr_read_u8(&reader);
    uint8_t reserved = dr_read_u8(&reader);
    ret_record->time_divisor = dr_read_u16(&reader);
    dr_read_bytes(&reader, (uint8_t *)ret_record->product, DR_IMAGE_PRODUCT_BYTES_MAX);
    dr_read_bytes(&reader, (uint8_t *)ret_record->trust.keys, sizeof ret_record->trust.keys);
    (void)dr_reader_view(&reader, ZERO_BYTES);
    uint32_t crc = dr_read_u32(&reader);
    if (version == 0 && ret_record->trust.key_count == 0) {
        return DR_E_NOT_FOUND;
    }
    if (version != VERSION || reserved != 0 || ret_record->trust.key_count == 0 ||
        ret_record->trust.key_count > DR_TRUST_KEYS_MAX || ret_record->product[0] == '\0' ||
        ret_record->time_divisor == 0 || ret_record->time_divisor > DR_TRUST_TIME_DIVISOR_MAX ||
        crc != dr_crc32(0, data, DR_TRUST_RECORD_BYTES - 4u)) {
        return DR_E_CORRUPT;
    }
    return reader.status;
}

void dr_trust_policy(uint16_t divisor, struct dr_boot_policy *ret_policy)
{
    static const uint8_t divided[] = {
        offsetof(struct dr_boot_policy, stable_ms),
        offsetof(struct dr_boot_policy, planned_uptime_ms),
        offsetof(struct dr_boot_policy, pin_previous_ms),
        offsetof(struct dr_boot_policy, pin_factory_ms),
        offsetof(struct dr_boot_policy, pin_erase_ms),
        offsetof(struct dr_boot_policy, pin_cancel_ms),
        offsetof(struct dr_boot_policy, pin_refused_ms),
        offsetof(struct dr_boot_policy, halt_wait_ms),
    };
    *ret_policy = dr_boot_policy_default;
    for (size_t i = 0; i < DR_ARRAY_COUNT(divided); i++) {
        uint32_t *value = (uint32_t *)(void *)((uint8_t *)ret_policy + divided[i]);
        *value = *value / divisor > 0 ? *value / divisor : 1u;
    }
    uint32_t poll_ms = ret_policy->pin_previous_ms / 4u + 1u;
    ret_policy->poll_ms = ret_policy->poll_ms < poll_ms ? ret_policy->poll_ms : poll_ms;
}

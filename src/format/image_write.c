/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/image_write.h"

#include "format/image_tlv.h"

#include <string.h>

uint32_t dr_image_counter_from_version(const struct dr_version *version)
{
    return (uint32_t)version->major << 24 | (uint32_t)version->minor << 16 | version->revision;
}

/* Bytes of the protected area, 0 when there is none. */
static size_t protected_size(const struct dr_image_spec *spec)
{
    size_t size_bytes = 0;
    size_bytes += spec->has_security_counter ? DR_TLV_ENTRY_BYTES + 4u : 0;
    size_bytes += spec->product != NULL ? DR_TLV_ENTRY_BYTES + strlen(spec->product) : 0;
    size_bytes += spec->has_sequence ? DR_TLV_ENTRY_BYTES + 4u : 0;
    size_bytes += spec->has_limits ? DR_TLV_ENTRY_BYTES + 8u : 0;
    size_bytes += spec->min_rom != 0 ? DR_TLV_ENTRY_BYTES + 4u : 0;
    size_bytes += spec->has_revocation_target ? DR_TLV_ENTRY_BYTES + 1u : 0;
    for (size_t i = 0; i < spec->extra_count; i++) {
        size_bytes += DR_TLV_ENTRY_BYTES + spec->extras[i].size_bytes;
    }
    return size_bytes > 0 ? size_bytes + DR_TLV_INFO_BYTES : 0;
}

static bool extras_allowed(const struct dr_image_spec *spec)
{
    for (size_t i = 0; i < spec->extra_count; i++) {
        uint16_t type = spec->extras[i].type;
        bool vendor = (type & 0xffu) >= 0xa0u && type != 0xffffu;
        if (!vendor || (type >= DR_TLV_PRODUCT && type <= DR_TLV_RESERVED_LAST)) {
            return false;
        }
    }
    return true;
}

enum dr_status dr_image_spec_check(const struct dr_image_spec *spec, const char **ret_text)
{
    *ret_text = NULL;
    if (spec->header_size_bytes < DR_IMAGE_HEADER_BYTES ||
        spec->header_size_bytes > DR_IMAGE_HEADER_BYTES_MAX) {
        *ret_text = "the header size must be 32 to 4096 bytes";
    } else if (
        spec->product != NULL &&
        (spec->product[0] == '\0' || strlen(spec->product) > DR_IMAGE_PRODUCT_BYTES_MAX)) {
        *ret_text = "the product name must be 1 to 32 bytes";
    } else if (spec->has_revocation_target && spec->revocation_target > 1) {
        *ret_text = "the revocation target must be 0 or 1";
    } else if (!extras_allowed(spec)) {
        *ret_text = "an extra TLV must be in the vendor range and not one of ours";
    } else if (protected_size(spec) > DR_IMAGE_TLV_AREA_BYTES_MAX) {
        *ret_text = "the signed metadata must not exceed 2048 bytes";
    }
    return *ret_text == NULL ? DR_OK : DR_E_RANGE;
}

void dr_image_write_head(
    struct dr_writer *writer, const struct dr_image_spec *spec, uint32_t payload_size_bytes)
{
    dr_write_u32(writer, DR_IMAGE_MAGIC);
    dr_write_u32(writer, spec->load_address);
    dr_write_u16(writer, spec->header_size_bytes);
    dr_write_u16(writer, (uint16_t)protected_size(spec));
    dr_write_u32(writer, payload_size_bytes);
    dr_write_u32(writer, spec->load_address != 0 ? DR_IMAGE_FLAG_RAM_LOAD : 0);
    dr_write_u8(writer, spec->version.major);
    dr_write_u8(writer, spec->version.minor);
    dr_write_u16(writer, spec->version.revision);
    dr_write_u32(writer, spec->version.build);
    dr_write_u32(writer, 0);
    dr_write_fill(writer, 0xff, (size_t)spec->header_size_bytes - DR_IMAGE_HEADER_BYTES);
}

static void write_tlv(struct dr_writer *writer, unsigned type, const void *data, size_t size_bytes)
{
    dr_write_u16(writer, (uint16_t)type);
    dr_write_u16(writer, (uint16_t)size_bytes);
    dr_write_bytes(writer, data, size_bytes);
}

static void write_tlv_u32(struct dr_writer *writer, unsigned type, uint32_t value)
{
    dr_write_u16(writer, (uint16_t)type);
    dr_write_u16(writer, 4);
    dr_write_u32(writer, value);
}

void dr_image_write_protected(struct dr_writer *writer, const struct dr_image_spec *spec)
{
    size_t size_bytes = protected_size(spec);
    if (size_bytes == 0) {
        return;
    }
    dr_write_u16(writer, DR_TLV_MAGIC_PROTECTED);
    dr_write_u16(writer, (uint16_t)size_bytes);
    if (spec->has_security_counter) {
        write_tlv_u32(writer, DR_TLV_SECURITY_COUNTER, spec->security_counter);
    }
    if (spec->product != NULL) {
        write_tlv(writer, DR_TLV_PRODUCT, spec->product, strlen(spec->product));
    }
    if (spec->has_sequence) {
        write_tlv_u32(writer, DR_TLV_SEQUENCE, spec->sequence);
    }
    if (spec->has_limits) {
        dr_write_u16(writer, DR_TLV_LIMITS);
        dr_write_u16(writer, 8);
        dr_write_u16(writer, spec->limits.hang_s);
        dr_write_u16(writer, spec->limits.health_s);
        dr_write_u16(writer, spec->limits.soak_s);
        dr_write_u16(writer, spec->limits.seal_s);
    }
    if (spec->min_rom != 0) {
        write_tlv_u32(writer, DR_TLV_MIN_ROM, spec->min_rom);
    }
    if (spec->has_revocation_target) {
        write_tlv(writer, DR_TLV_REVOCATION, &spec->revocation_target, 1);
    }
    for (size_t i = 0; i < spec->extra_count; i++) {
        write_tlv(writer, spec->extras[i].type, spec->extras[i].data, spec->extras[i].size_bytes);
    }
}

void dr_image_write_signature(
    struct dr_writer *writer, const uint8_t digest[DR_IMAGE_DIGEST_BYTES],
    const uint8_t key_hash[DR_IMAGE_DIGEST_BYTES], const uint8_t *der, size_t der_size_bytes)
{
    size_t size_bytes =
        DR_TLV_INFO_BYTES + 3u * DR_TLV_ENTRY_BYTES + 2u * DR_IMAGE_DIGEST_BYTES + der_size_bytes;
    if (der_size_bytes > 72u) {
        dr_writer_fail(writer, DR_E_ARGUMENT);
        return;
    }
    dr_write_u16(writer, DR_TLV_MAGIC_OTHER);
    dr_write_u16(writer, (uint16_t)size_bytes);
    write_tlv(writer, DR_TLV_SHA256, digest, DR_IMAGE_DIGEST_BYTES);
    write_tlv(writer, DR_TLV_KEYHASH, key_hash, DR_IMAGE_DIGEST_BYTES);
    write_tlv(writer, DR_TLV_ECDSA, der, der_size_bytes);
}

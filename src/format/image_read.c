/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/image.h"

#include "format/image_tlv.h"
#include "format/json.h"

#include <string.h>

#define SUPPORTED_FLAGS (DR_IMAGE_FLAG_RAM_LOAD | DR_IMAGE_FLAG_ROM_FIXED)

enum dr_reason
dr_image_parse_header(const uint8_t *data, size_t size_bytes, struct dr_image_header *ret_header)
{
    struct dr_reader reader;
    struct dr_image_header header;
    dr_reader_init(&reader, data, size_bytes);
    uint32_t magic = dr_read_u32(&reader);
    header.load_address = dr_read_u32(&reader);
    header.header_size_bytes = dr_read_u16(&reader);
    header.protected_size_bytes = dr_read_u16(&reader);
    header.payload_size_bytes = dr_read_u32(&reader);
    header.flags = dr_read_u32(&reader);
    header.version.major = dr_read_u8(&reader);
    header.version.minor = dr_read_u8(&reader);
    header.version.revision = dr_read_u16(&reader);
    header.version.build = dr_read_u32(&reader);
    (void)dr_read_u32(&reader); /* padding */
    if (reader.status != DR_OK) {
        return DR_REASON_TRUNCATED;
    }
    if (magic != DR_IMAGE_MAGIC) {
        return DR_REASON_MAGIC;
    }
    /* The largest TLV areas are counted in, so that no later sum of parts can overflow. */
    if (header.header_size_bytes < DR_IMAGE_HEADER_BYTES ||
        header.header_size_bytes > DR_IMAGE_HEADER_BYTES_MAX || header.payload_size_bytes == 0 ||
        header.payload_size_bytes >
            UINT32_MAX - DR_IMAGE_HEADER_BYTES_MAX - DR_IMAGE_TLVS_BYTES_MAX ||
        header.protected_size_bytes > DR_IMAGE_TLV_AREA_BYTES_MAX ||
        (header.protected_size_bytes > 0 && header.protected_size_bytes < DR_TLV_INFO_BYTES)) {
        return DR_REASON_SIZES;
    }
    if ((header.flags & ~SUPPORTED_FLAGS) != 0 || header.flags == SUPPORTED_FLAGS) {
        return DR_REASON_FLAGS;
    }
    *ret_header = header;
    return DR_REASON_NONE;
}

uint32_t dr_image_tlvs_offset(const struct dr_image_header *header)
{
    return header->header_size_bytes + header->payload_size_bytes;
}

enum dr_reason dr_image_tlvs_size(
    const struct dr_image_header *header, const uint8_t *tlvs, size_t size_bytes,
    uint32_t *ret_size_bytes)
{
    struct dr_reader reader;
    dr_reader_init(&reader, tlvs, size_bytes);
    if (header->protected_size_bytes > 0) {
        uint16_t magic = dr_read_u16(&reader);
        uint16_t area_size_bytes = dr_read_u16(&reader);
        if (reader.status == DR_OK &&
            (magic != DR_TLV_MAGIC_PROTECTED || area_size_bytes != header->protected_size_bytes)) {
            return DR_REASON_TLV_AREA;
        }
        (void)dr_reader_view(&reader, (size_t)header->protected_size_bytes - DR_TLV_INFO_BYTES);
    }
    uint16_t magic = dr_read_u16(&reader);
    uint16_t area_size_bytes = dr_read_u16(&reader);
    if (reader.status != DR_OK) {
        return DR_REASON_TRUNCATED;
    }
    if (magic != DR_TLV_MAGIC_OTHER || area_size_bytes < DR_TLV_INFO_BYTES ||
        area_size_bytes > DR_IMAGE_TLV_AREA_BYTES_MAX) {
        return DR_REASON_TLV_AREA;
    }
    *ret_size_bytes = (uint32_t)header->protected_size_bytes + area_size_bytes;
    return DR_REASON_NONE;
}

/* One TLV, its data borrowed. */
struct entry {
    uint16_t type;
    uint16_t size_bytes;
    const uint8_t *data;
};

/* Control characters have no place in a name that ends up in logs and on screens. */
static enum dr_reason take_product(const struct entry *entry, struct dr_image_info *info)
{
    if (entry->size_bytes == 0 || entry->size_bytes > DR_IMAGE_PRODUCT_BYTES_MAX) {
        return DR_REASON_TLV_ENTRY;
    }
    for (size_t i = 0; i < entry->size_bytes;) {
        size_t len = dr_utf8_length(entry->data + i, entry->size_bytes - i);
        if (len == 0 || entry->data[i] < 0x20 || entry->data[i] == 0x7f) {
            return DR_REASON_TLV_ENTRY;
        }
        i += len;
    }
    memcpy(info->product, entry->data, entry->size_bytes);
    info->product_len = (uint8_t)entry->size_bytes;
    return DR_REASON_NONE;
}

/* The size of a TLV that has a fixed one; 0 for those that are not ours to read. */
static uint16_t fixed_size(uint16_t type)
{
    switch (type) {
    case DR_TLV_SECURITY_COUNTER:
    case DR_TLV_SEQUENCE:
    case DR_TLV_MIN_ROM:
        return 4;
    case DR_TLV_LIMITS:
        return 8;
    case DR_TLV_BASE_DIGEST:
    case DR_TLV_BLOCK_ROOT:
        return DR_IMAGE_DIGEST_BYTES;
    case DR_TLV_REVOCATION:
        return 1;
    default:
        return 0;
    }
}

/* A signed TLV. What is not ours is stepped over, as MCUboot does: the signer put it there. */
static enum dr_reason
take_protected(const struct entry *entry, uint32_t *seen, struct dr_image_info *info)
{
    struct dr_reader reader;
    uint16_t size_bytes = fixed_size(entry->type);
    if ((entry->type >= DR_TLV_RESERVED_FIRST && entry->type <= DR_TLV_RESERVED_LAST) ||
        (entry->type >= DR_TLV_DECOMPRESSION_FIRST && entry->type <= DR_TLV_DECOMPRESSION_LAST)) {
        return DR_REASON_RESERVED_TLV;
    }
    if (size_bytes == 0 && entry->type != DR_TLV_PRODUCT) {
        return DR_REASON_NONE;
    }
    /* Our types differ in their last four bits; the counter gets a bit of its own. */
    uint32_t mark = 1u << (entry->type == DR_TLV_SECURITY_COUNTER ? 15u : entry->type & 15u);
    if ((*seen & mark) != 0 || (size_bytes != 0 && entry->size_bytes != size_bytes)) {
        return DR_REASON_TLV_ENTRY;
    }
    *seen |= mark;
    dr_reader_init(&reader, entry->data, entry->size_bytes);
    switch (entry->type) {
    case DR_TLV_PRODUCT:
        return take_product(entry, info);
    case DR_TLV_SECURITY_COUNTER:
        info->has_security_counter = true;
        info->security_counter = dr_read_u32(&reader);
        break;
    case DR_TLV_SEQUENCE:
        info->order.has_sequence = true;
        info->order.sequence = dr_read_u32(&reader);
        break;
    case DR_TLV_LIMITS:
        info->limits.hang_s = dr_read_u16(&reader);
        info->limits.health_s = dr_read_u16(&reader);
        info->limits.soak_s = dr_read_u16(&reader);
        info->limits.seal_s = dr_read_u16(&reader);
        break;
    case DR_TLV_MIN_ROM:
        info->min_rom = dr_read_u32(&reader);
        break;
    case DR_TLV_BASE_DIGEST:
        info->has_base_digest = true;
        break;
    case DR_TLV_REVOCATION:
        info->revocation_target = dr_read_u8(&reader);
        break;
    default: /* DR_TLV_BLOCK_ROOT: nothing reads it yet */
        break;
    }
    return DR_REASON_NONE;
}

#define SEEN_DIGEST 1u
#define SEEN_KEY 2u

/* An unsigned TLV: anyone can add one, so only those that have to be there are let through. A
 * signature uses the key before it. */
static enum dr_reason
take_other(const struct entry *entry, uint32_t *seen, struct dr_image_info *info)
{
    bool is_key = entry->type == DR_TLV_KEYHASH || entry->type == DR_TLV_PUBKEY;
    if (entry->type == DR_TLV_SHA256 && entry->size_bytes == DR_IMAGE_DIGEST_BYTES &&
        (*seen & SEEN_DIGEST) == 0) {
        memcpy(info->digest, entry->data, DR_IMAGE_DIGEST_BYTES);
        *seen |= SEEN_DIGEST;
        return DR_REASON_NONE;
    }
    if (info->signature_count == DR_IMAGE_SIGNATURES_MAX) {
        return DR_REASON_TLV_ENTRY;
    }
    struct dr_image_signature *signature = &info->signatures[info->signature_count];
    if (is_key && (*seen & SEEN_KEY) == 0) {
        signature->key = entry->data;
        signature->key_size_bytes = entry->size_bytes;
        signature->key_is_hash = entry->type == DR_TLV_KEYHASH;
        *seen |= SEEN_KEY;
        return !signature->key_is_hash || entry->size_bytes == DR_IMAGE_DIGEST_BYTES
                   ? DR_REASON_NONE
                   : DR_REASON_TLV_ENTRY;
    }
    if (entry->type == DR_TLV_ECDSA && (*seen & SEEN_KEY) != 0) {
        signature->der = entry->data;
        signature->der_size_bytes = entry->size_bytes;
        info->signature_count++;
        *seen &= ~SEEN_KEY;
        return DR_REASON_NONE;
    }
    return DR_REASON_TLV_ENTRY;
}

/* Walk one area; its info header was checked by dr_image_tlvs_size. */
static enum dr_reason parse_area(
    const uint8_t *area, size_t size_bytes, struct dr_image_info *info,
    enum dr_reason (*take)(const struct entry *, uint32_t *, struct dr_image_info *),
    uint32_t *ret_seen)
{
    struct dr_reader reader;
    uint32_t seen = 0;
    dr_reader_init(&reader, area + DR_TLV_INFO_BYTES, size_bytes - DR_TLV_INFO_BYTES);
    while (dr_reader_left(&reader) > 0) { /* bound: each turn takes at least 4 bytes */
        struct entry entry;
        entry.type = dr_read_u16(&reader);
        entry.size_bytes = dr_read_u16(&reader);
        entry.data = dr_reader_view(&reader, entry.size_bytes);
        if (reader.status != DR_OK) {
            return DR_REASON_TLV_ENTRY;
        }
        enum dr_reason reason = take(&entry, &seen, info);
        if (reason != DR_REASON_NONE) {
            return reason;
        }
    }
    *ret_seen = seen;
    return DR_REASON_NONE;
}

enum dr_reason dr_image_parse_tlvs(
    const struct dr_image_header *header, const uint8_t *tlvs, size_t size_bytes,
    struct dr_image_info *ret_info)
{
    uint32_t needed_bytes = 0;
    uint32_t seen = 0;
    enum dr_reason reason = dr_image_tlvs_size(header, tlvs, size_bytes, &needed_bytes);
    if (reason != DR_REASON_NONE) {
        return reason;
    }
    if (size_bytes != needed_bytes) {
        return size_bytes < needed_bytes ? DR_REASON_TRUNCATED : DR_REASON_TRAILING;
    }
    memset(ret_info, 0, sizeof(*ret_info));
    ret_info->header = *header;
    ret_info->size_bytes = dr_image_tlvs_offset(header) + needed_bytes;
    ret_info->order.version = header->version;

    size_t protected_bytes = header->protected_size_bytes;
    if (protected_bytes > 0) {
        reason = parse_area(tlvs, protected_bytes, ret_info, take_protected, &seen);
        if (reason != DR_REASON_NONE) {
            return reason;
        }
    }
    reason = parse_area(
        tlvs + protected_bytes, size_bytes - protected_bytes, ret_info, take_other, &seen);
    if (reason != DR_REASON_NONE) {
        return reason;
    }
    /* A key without its signature is half an entry; no digest, and there is nothing to check. */
    if ((seen & SEEN_KEY) != 0 || (seen & SEEN_DIGEST) == 0) {
        return DR_REASON_TLV_ENTRY;
    }
    return ret_info->signature_count > 0 ? DR_REASON_NONE : DR_REASON_UNSIGNED;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Firmware images in MCUboot's format: read, compared and written (docs/image-format.md).
 *
 *   header (32 bytes used, header_size_bytes in all) | payload | protected TLVs | other TLVs
 *
 * All integers little-endian. The digest covers everything before the other TLVs. Nothing read here
 * is believed until device/verify has checked digest and signature; parsing only proves that the
 * bytes can be walked. Own metadata are protected TLVs in MCUboot's vendor range:
 *
 *   0xDAA0 product (UTF-8, 1 to 32 bytes)     0xDAA4 base digest (32 bytes)
 *   0xDAA1 sequence (u32)                     0xDAA5 block hash root (32 bytes)
 *   0xDAA2 limits (four u16, seconds)         0xDAA6 revocation target (u8)
 *   0xDAA3 minimum boot ROM (u32)             0xDAA7 to 0xDAAF reserved: refused
 */
#ifndef DR_FORMAT_IMAGE_H
#define DR_FORMAT_IMAGE_H

#include "base/cursor.h"
#include "base/status.h"
#include "format/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_IMAGE_MAGIC 0x96f3b83du
#define DR_IMAGE_HEADER_BYTES 32u       /* the part with a meaning; the rest is padding */
#define DR_IMAGE_HEADER_BYTES_MAX 4096u /* header with padding */
#define DR_IMAGE_HEADER_BYTES_DEFAULT 0x200u
#define DR_IMAGE_TLV_AREA_BYTES_MAX 2048u /* each of the two areas */
#define DR_IMAGE_TLVS_BYTES_MAX (2u * DR_IMAGE_TLV_AREA_BYTES_MAX)
#define DR_IMAGE_SIGNATURES_MAX 4u
#define DR_IMAGE_DIGEST_BYTES 32u
#define DR_IMAGE_PRODUCT_BYTES_MAX 32u

#define DR_IMAGE_FLAG_RAM_LOAD 0x20u
#define DR_IMAGE_FLAG_ROM_FIXED 0x100u

struct dr_version {
    uint8_t major;
    uint8_t minor;
    uint16_t revision;
    uint32_t build;
};

/* "1.2.3" or "1.2.3+4" and a final NUL. */
#define DR_VERSION_TEXT_BYTES 28u /* "255.255.65535+4294967295" takes 25 */
void dr_version_text(const struct dr_version *version, char out[DR_VERSION_TEXT_BYTES]);

/* "1.2.3" with an optional "+4"; missing parts are zero. text need not be terminated. DR_E_FORMAT,
 * DR_E_RANGE. */
DR_MUST_USE enum dr_status
dr_version_parse(const char *text, size_t text_len, struct dr_version *ret_version);

/* Negative, 0 or positive, as a is older, equal or newer; the build counts. */
int dr_version_compare(const struct dr_version *a, const struct dr_version *b);

/* What decides whether an image is newer (docs/boot.md). */
struct dr_order {
    bool has_sequence;
    uint32_t sequence;
    struct dr_version version;
};

/* Negative, 0 or positive, as a is below, at or above b. Two sequences decide by themselves; an
 * order with one is above any order without; without any the versions decide. */
int dr_order_compare(const struct dr_order *a, const struct dr_order *b);

/* Seconds; 0 means the board's default. */
struct dr_image_limits {
    uint16_t hang_s;
    uint16_t health_s;
    uint16_t soak_s;
    uint16_t seal_s;
};

struct dr_image_header {
    uint32_t load_address;
    uint16_t header_size_bytes;
    uint16_t protected_size_bytes; /* with its 4-byte info header; 0: no such area */
    uint32_t payload_size_bytes;
    uint32_t flags;
    struct dr_version version;
};

/* One signature and the key it names: either a 32-byte hash of the public key or the whole key as
 * a DER SubjectPublicKeyInfo. All views are borrowed from the TLV bytes that were parsed. */
struct dr_image_signature {
    const uint8_t *key;
    const uint8_t *der; /* DER ECDSA signature, may carry zero padding behind it */
    uint16_t key_size_bytes;
    uint16_t der_size_bytes;
    bool key_is_hash;
};

struct dr_image_info {
    struct dr_image_header header;
    uint32_t size_bytes;                   /* header, payload and both TLV areas: the whole file */
    uint8_t digest[DR_IMAGE_DIGEST_BYTES]; /* as the image claims it */

    struct dr_order order;
    uint32_t security_counter; /* 0 when the image has none */
    uint32_t min_rom;          /* 0 when the image has none */
    struct dr_image_limits limits;
    uint8_t revocation_target; /* 0 when the image has none */
    uint8_t product_len;       /* 0 when the image has none */
    char product[DR_IMAGE_PRODUCT_BYTES_MAX + 1u];
    bool has_security_counter;
    bool has_base_digest; /* a delta; nothing here can apply one */

    uint8_t signature_count;
    struct dr_image_signature signatures[DR_IMAGE_SIGNATURES_MAX];

    /* Bit k: signature k's key is trust anchor k and it fits the digest. 0 after parsing; set by
     * device/verify only. */
    uint32_t signed_by;
};

/* A fate that the boot journal remembers: this digest ran here and failed. */
enum dr_rejection_class {
    DR_REJECTION_NONE = 0,
    DR_REJECTION_IMAGE = 1,       /* self-test, crash, hang: refused until signed anew */
    DR_REJECTION_ENVIRONMENT = 2, /* no network, power, cancelled: never final */
};

struct dr_rejection {
    uint8_t digest[DR_IMAGE_DIGEST_BYTES];
    enum dr_rejection_class class;
};

/* Parse the first bytes of an image (at least DR_IMAGE_HEADER_BYTES are needed).
 *
 * DR_REASON_NONE, or why not: TRUNCATED, MAGIC, SIZES (header, payload and protected area do not
 * add up within 32 bits or our bounds), FLAGS (a kind of image we do not run). */
DR_MUST_USE enum dr_reason
dr_image_parse_header(const uint8_t *data, size_t size_bytes, struct dr_image_header *ret_header);

/* Where the TLVs begin: header plus payload. */
uint32_t dr_image_tlvs_offset(const struct dr_image_header *header);

/* The size of the whole TLV part, from its first 4 bytes and (when there is a protected area) the
 * 4 bytes behind that area: pass as many bytes from dr_image_tlvs_offset as there are, at most
 * protected_size_bytes + 4 are read. TRUNCATED, TLV_AREA. */
DR_MUST_USE enum dr_reason dr_image_tlvs_size(
    const struct dr_image_header *header, const uint8_t *tlvs, size_t size_bytes,
    uint32_t *ret_size_bytes);

/* Parse both TLV areas. tlvs holds everything from dr_image_tlvs_offset to the end of the file,
 * and is kept by ret_info's signatures.
 *
 * TRUNCATED, TRAILING, TLV_AREA (an area's magic or length), TLV_ENTRY (an entry reaches past its
 * area, has the wrong length, comes twice or is not allowed there), RESERVED_TLV, UNSIGNED.
 * On failure *ret_info is undefined. */
DR_MUST_USE enum dr_reason dr_image_parse_tlvs(
    const struct dr_image_header *header, const uint8_t *tlvs, size_t size_bytes,
    struct dr_image_info *ret_info);

#endif

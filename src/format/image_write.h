/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Writing images, for tools and the signer; devices do not link this.
 *
 * Header, TLVs and digest come out byte for byte as MCUboot's imgtool writes them. The order is:
 * head, payload, protected area; the caller hashes all three and signs the digest; then the other
 * area with digest, key hash and signature.
 */
#ifndef DR_FORMAT_IMAGE_WRITE_H
#define DR_FORMAT_IMAGE_WRITE_H

#include "base/cursor.h"
#include "format/image.h"

/* A TLV that the caller knows and we do not. */
struct dr_image_extra {
    uint16_t type; /* in the vendor range: low byte 0xa0 or above, not 0xDAA0 to 0xDAAF */
    uint16_t size_bytes;
    const uint8_t *data; /* borrowed */
};

struct dr_image_spec {
    struct dr_version version;
    uint32_t load_address;      /* not 0: RAM_LOAD is set */
    uint16_t header_size_bytes; /* 32 to DR_IMAGE_HEADER_BYTES_MAX */
    bool has_security_counter;
    bool has_sequence;
    bool has_limits;
    bool has_revocation_target;
    uint32_t security_counter;
    uint32_t sequence;
    struct dr_image_limits limits;
    uint32_t min_rom; /* 0: none */
    uint8_t revocation_target;
    const char *product; /* NULL: none */
    const struct dr_image_extra *extras;
    size_t extra_count;
};

/* imgtool's "auto" counter: major, minor, revision in 8, 8 and 16 bits. */
uint32_t dr_image_counter_from_version(const struct dr_version *version);

/* DR_E_RANGE when something in the spec does not fit its field; text says which. */
DR_MUST_USE enum dr_status
dr_image_spec_check(const struct dr_image_spec *spec, const char **ret_text);

/* Header and padding (0xff). Errors are latched in the writer. */
void dr_image_write_head(
    struct dr_writer *writer, const struct dr_image_spec *spec, uint32_t payload_size_bytes);

/* The protected area; nothing at all when the spec asks for none. */
void dr_image_write_protected(struct dr_writer *writer, const struct dr_image_spec *spec);

/* The other area: digest, key hash, signature (DER, at most 72 bytes). */
void dr_image_write_signature(
    struct dr_writer *writer, const uint8_t digest[DR_IMAGE_DIGEST_BYTES],
    const uint8_t key_hash[DR_IMAGE_DIGEST_BYTES], const uint8_t *der, size_t der_size_bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Is this image whole, unaltered, and signed by a key this product trusts?
 *
 * Streaming: the image is read once, front to back, through a port; the bytes that are parsed are
 * the bytes that are hashed, and nothing is read twice. Not answered here: product, order, counter,
 * load window and the rest, which are admit's (device/verify/admit.h).
 */
#ifndef DR_DEVICE_VERIFY_VERIFY_H
#define DR_DEVICE_VERIFY_VERIFY_H

#include "base/status.h"
#include "crypto/crypto.h"
#include "format/image.h"
#include "format/reason.h"

#include <stdbool.h>
#include <stdint.h>

/* Wide constants, bitwise complements of each other in 31 bits: no single fault makes one of the
 * other, and neither is what a skipped assignment leaves behind. Compare with DR_VERDICT_ACCEPT
 * only, twice where it decides what runs: dr_verdict_is_accept. */
enum dr_verdict {
    DR_VERDICT_REJECT = 0x2d96a53c,
    DR_VERDICT_ACCEPT = 0x52695ac3,
};

/* The verdict, read twice from memory. */
bool dr_verdict_is_accept(const volatile enum dr_verdict *verdict);

/* Port: where the image's bytes come from. read gives exactly size_bytes from offset_bytes, which
 * lie within size_bytes of the source; anything but DR_OK ends the verification. */
struct dr_source {
    void *context;
    enum dr_status (*read)(void *context, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes);
    uint32_t size_bytes; /* of the image: exactly, unless it is embedded */
    bool embedded;       /* the image lies in a larger area: its own sizes say where it ends */
};

/* A source over memory: context is the const struct dr_bytes. */
enum dr_status
dr_source_read_memory(void *context, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes);

#define DR_TRUST_KEYS_MAX 2u

/* The product's trust anchors, in order; the first `revoked` of them count no more. */
struct dr_trust {
    uint8_t key_count;
    uint8_t revoked;
    uint8_t keys[DR_TRUST_KEYS_MAX][DR_P256_PUBLIC_BYTES];
};

#define DR_VERIFY_CHUNK_BYTES 1024u

/* Scratch memory, supplied by the caller. ret_info's signature views point into tlvs. */
struct dr_verify_workspace {
    uint8_t chunk[DR_VERIFY_CHUNK_BYTES];
    uint8_t tlvs[DR_IMAGE_TLVS_BYTES_MAX];
};

/* ACCEPT: digest and at least one listed, unrevoked key's signature fit. ret_info is filled as far
 * as the image could be parsed (zero otherwise); believe it on ACCEPT only. *ret_reason is NONE on
 * ACCEPT; FLASH_OR_SOURCE when the source failed. */
DR_MUST_USE enum dr_verdict dr_verify_image(
    const struct dr_crypto *crypto, const struct dr_source *source, const struct dr_trust *trust,
    struct dr_verify_workspace *workspace, struct dr_image_info *ret_info,
    enum dr_reason *ret_reason);

/* Do the signatures fit the digest that the image claims? For the agent, which knows head and tail
 * of an image before its middle: a forged or foreign image is refused before it is downloaded.
 * Sets info->signed_by. UNSIGNED, KEY, KEY_REVOKED, SIGNATURE. */
DR_MUST_USE enum dr_verdict dr_verify_signatures(
    const struct dr_crypto *crypto, const struct dr_trust *trust, struct dr_image_info *info,
    enum dr_reason *ret_reason);

#endif

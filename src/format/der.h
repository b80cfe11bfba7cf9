/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The few DER shapes that P-256 needs: signatures and public keys. */
#ifndef DR_FORMAT_DER_H
#define DR_FORMAT_DER_H

#include "base/cursor.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define DR_DER_SIGNATURE_BYTES_MAX 72u
#define DR_DER_SPKI_BYTES 91u /* SubjectPublicKeyInfo of a P-256 key */

/* SEQUENCE {r, s} to r || s. Strict DER; behind it only zero bytes are allowed (old signers pad to
 * a fixed length), up to 72 bytes in all. DR_E_FORMAT otherwise. */
DR_MUST_USE enum dr_status
dr_der_signature_decode(const uint8_t *der, size_t size_bytes, uint8_t ret_rs[64]);

/* r || s to SEQUENCE {r, s}; at most DR_DER_SIGNATURE_BYTES_MAX bytes. Errors latch. */
void dr_der_signature_write(struct dr_writer *writer, const uint8_t rs[64]);

/* x || y to SubjectPublicKeyInfo. */
void dr_der_spki_encode(const uint8_t public_key[64], uint8_t ret_spki[DR_DER_SPKI_BYTES]);

/* The reverse; DR_E_FORMAT unless it is exactly such a key, uncompressed. Whether the point is on
 * the curve is crypto's to say. */
DR_MUST_USE enum dr_status
dr_der_spki_decode(const uint8_t *spki, size_t size_bytes, uint8_t ret_public_key[64]);

/* A tag with a definite length (below 65,536), in its shortest form. */
void dr_der_write_head(struct dr_writer *writer, uint8_t tag, size_t size_bytes);

#endif

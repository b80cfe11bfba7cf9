/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Hex and base64 (RFC 4648, with padding), bounded; a hash of names. */
#ifndef DR_BASE_TEXT_H
#define DR_BASE_TEXT_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define DR_HEX_SIZE(bytes) (2u * (bytes) + 1u)
#define DR_BASE64_SIZE(bytes) (4u * (((bytes) + 2u) / 3u) + 1u)

/* Lower-case hex with a final NUL; out holds DR_HEX_SIZE(size_bytes). */
void dr_hex_encode(const uint8_t *data, size_t size_bytes, char *out);

/* text_len characters, exactly 2 * size_bytes of them, either case. DR_E_FORMAT otherwise. */
DR_MUST_USE enum dr_status
dr_hex_decode(const char *text, size_t text_len, uint8_t *out, size_t size_bytes);

/* Base64 with a final NUL; out holds DR_BASE64_SIZE(size_bytes). Returns the length without the
 * NUL. */
size_t dr_base64_encode(const uint8_t *data, size_t size_bytes, char *out);

/* DR_E_FORMAT: not base64 (length, alphabet, padding, stray bits). DR_E_SPACE: longer than
 * capacity_bytes. */
DR_MUST_USE enum dr_status dr_base64_decode(
    const char *text, size_t text_len, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes);

/* FNV-1a, 32 bits, folded so that the low ones will do for a table. Whoever chooses the names can
 * make them collide: only where a longer chain harms nobody else. */
uint32_t dr_text_hash(const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The shape that journal records and requests share:
 *
 *   magic u32 | sequence u32 | body, zero-padded | HMAC-SHA-256 of all before | CRC-32 of all
 * before
 *
 * The CRC tells a torn record from a whole one without a key; the MAC says who wrote it. */
#ifndef DR_DEVICE_BOOT_RECORD_PRIV_H
#define DR_DEVICE_BOOT_RECORD_PRIV_H

#include "crypto/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_RECORD_HEADER_BYTES 8u
#define DR_RECORD_TAIL_BYTES (DR_SHA256_BYTES + 4u)

/* Fill in everything but the body. */
void dr_record_finish(
    const struct dr_crypto *crypto, const uint8_t *key, uint32_t magic, uint32_t sequence,
    uint8_t *record, size_t size_bytes);

/* The sequence of an undamaged record of this kind; 0 for anything else. Says nothing about its
 * author. */
uint32_t dr_record_sequence(uint32_t magic, const uint8_t *record, size_t size_bytes);

/* Was it written by a holder of the key? */
bool dr_record_genuine(
    const struct dr_crypto *crypto, const uint8_t *key, const uint8_t *record, size_t size_bytes);

/* Nothing but the erased value? */
bool dr_record_blank(const uint8_t *record, size_t size_bytes, uint8_t erased_value);

#endif

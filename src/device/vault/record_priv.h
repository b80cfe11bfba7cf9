/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One version of one file, as bytes.
 *
 *   0  magic u32                    "DRV1"
 *   4  class u8, flags u8, name length u8, zero u8
 *   8  name, zero-padded            32
 *  40  sequence u32                 one count for the whole vault: the version
 *  44  epoch u32                    of the class when written
 *  48  plaintext size u32
 *  52  generation u32               anchored only, else zero
 *  56  zero u32
 *  60  random                       16
 *  76  image digest                 32, bundles only, else zero
 * 108  anchored set                 12, anchored only, else zero: digest of all anchored files
 * 120  CRC-32 of ciphertext and tag
 * 124  CRC-32 of the header before it
 * 128  ciphertext, tag 16, filled up to a multiple of 32
 *
 * Little-endian. The CRCs find accidents without a key, so that a bank can be copied by a firmware
 * that may not read it. The AES-GCM message covers the header up to 120 and the content, under
 * HKDF(class key, "daruma vault record v1" || name || sequence || random), with a zero nonce: each
 * key seals one message.
 */
#ifndef DR_DEVICE_VAULT_RECORD_PRIV_H
#define DR_DEVICE_VAULT_RECORD_PRIV_H

#include "device/vault/vault.h"

#include <stdbool.h>
#include <stdint.h>

#define DR_VAULT_ALIGN_BYTES 32u
#define DR_VAULT_AT_NAME 8u
#define DR_VAULT_AT_SET 108u
#define DR_VAULT_SET_BYTES 12u
#define DR_VAULT_RANDOM_BYTES 16u

#define DR_VAULT_FLAG_ANCHORED 0x01u
#define DR_VAULT_FLAG_REMOVED 0x02u
#define DR_VAULT_FLAG_BUNDLE 0x04u /* counts only while the image it names runs */
#define DR_VAULT_FLAG_LIVE 0x80u   /* of entries, never stored: that image runs */

#define DR_VAULT_AT_IMAGE 76u

struct dr_vault_record {
    uint8_t file_class;
    uint8_t flags;
    uint32_t sequence;
    uint32_t epoch;
    uint32_t size_bytes;
    uint32_t generation;
    uint32_t body_crc;
    uint32_t id;
    const uint8_t *image; /* bundles: the image's digest, borrowed; else NULL */
};

/* Name as stored: DR_VAULT_NAME_BYTES_MAX bytes, zero-padded. DR_E_ARGUMENT: empty or too long. */
DR_MUST_USE enum dr_status
dr_vault_name_pad(const char *name, uint8_t padded[DR_VAULT_NAME_BYTES_MAX]);

/* Never 0. A file and its bundled version are told apart by DR_VAULT_FLAG_BUNDLE in flags. */
uint32_t
dr_vault_id(uint8_t file_class, uint8_t flags, const uint8_t padded[DR_VAULT_NAME_BYTES_MAX]);

/* Bytes on flash for a plaintext size. */
uint32_t dr_vault_record_bytes(uint32_t size_bytes);

/* Write all of the header but the anchored set and the CRCs. */
void dr_vault_header_encode(
    const struct dr_vault_record *record, const uint8_t padded[DR_VAULT_NAME_BYTES_MAX],
    const uint8_t random[DR_VAULT_RANDOM_BYTES], uint8_t header[DR_VAULT_HEADER_BYTES]);

/* false: not the header of a record. image of a bundle points into header. */
bool dr_vault_header_decode(
    const uint8_t header[DR_VAULT_HEADER_BYTES], struct dr_vault_record *ret_record);

/* header is followed by room for dr_vault_record_bytes - DR_VAULT_HEADER_BYTES: encrypt data there
 * and set the CRCs. */
DR_MUST_USE enum dr_status dr_vault_seal(
    const struct dr_vault *vault, uint8_t *header, const uint8_t *data, uint32_t size_bytes);

/* body: ciphertext, decrypted in place. DR_E_AUTH: not what was sealed; body is wiped. */
DR_MUST_USE enum dr_status dr_vault_unseal(
    const struct dr_vault *vault, const uint8_t header[DR_VAULT_HEADER_BYTES], uint8_t *body,
    uint32_t size_bytes, const uint8_t tag[DR_GCM_TAG_BYTES]);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The checksums that S3 clients send with an upload, computed while it streams by.
 *
 * They find accidents on the way. Who sent a body is a matter of the signature, what a device runs
 * a matter of the image's own signature; so MD5 and CRCs are fine here, and only here.
 */
#ifndef DR_CLOUD_API_CHECKSUM_H
#define DR_CLOUD_API_CHECKSUM_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define DR_MD5_BYTES 16u

struct dr_md5 {
    uint32_t state[4];
    uint64_t size_bytes;
    uint8_t block[64];
};

void dr_md5_begin(struct dr_md5 *md5);
void dr_md5_update(struct dr_md5 *md5, const uint8_t *data, size_t size_bytes);
void dr_md5_finish(struct dr_md5 *md5, uint8_t digest[DR_MD5_BYTES]);

enum dr_crc_kind {
    DR_CRC_NONE,
    DR_CRC_32,
    DR_CRC_32C,
    DR_CRC_64NVME,
};

struct dr_crc {
    enum dr_crc_kind kind;
    uint64_t value;
    uint64_t table[16]; /* by nibble; made at the beginning */
};

/* The algorithm of a header or trailer name such as "x-amz-checksum-crc32" (lower case).
 * DR_E_NOT_FOUND: not such a name. DR_E_UNSUPPORTED: an algorithm that is not computed here. */
DR_MUST_USE enum dr_status dr_crc_kind_of(const char *header, enum dr_crc_kind *ret_kind);

/* "x-amz-checksum-crc32" and so on; NULL for DR_CRC_NONE. */
const char *dr_crc_header(enum dr_crc_kind kind);

void dr_crc_begin(struct dr_crc *crc, enum dr_crc_kind kind);
void dr_crc_update(struct dr_crc *crc, const uint8_t *data, size_t size_bytes);

/* Does the value, big-endian in base64 as S3 clients write it, fit? DR_E_FORMAT: it is not such a
 * value. DR_E_CORRUPT: it is, and differs. */
DR_MUST_USE enum dr_status dr_crc_check(const struct dr_crc *crc, const char *base64);

#endif

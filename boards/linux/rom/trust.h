/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the factory burns into a boot ROM: the product and the keys it trusts.
 *
 * 192 bytes in the section ".drtrust" of the ROM program, found by the first eight ("DRTRUST1",
 * which occur nowhere else in the file) and checked by a CRC. A device has its own copy of the ROM,
 * read-only after burning. Little-endian.
 *
 *   0  "DRTRUST1"                      16  product, 1 to 32 bytes, NUL-padded
 *   8  version u32 (1)                 48  two public keys, x || y, in order
 *  12  key count u8 (1 or 2)          176  zero
 *  13  zero u8                        188  CRC-32 of everything before
 *  14  time divisor u16
 *
 * The time divisor is 1 in every product. A test device may have its hours and minutes divided, so
 * that a test sees the end of them; the ROM says so at each start.
 */
#ifndef DR_BOARDS_LINUX_ROM_TRUST_H
#define DR_BOARDS_LINUX_ROM_TRUST_H

#include "base/status.h"
#include "device/boot/policy.h"
#include "device/verify/verify.h"
#include "format/image.h"

#include <stddef.h>
#include <stdint.h>

#define DR_TRUST_RECORD_BYTES 192u
#define DR_TRUST_RECORD_MAGIC_BYTES 8u
#define DR_TRUST_TIME_DIVISOR_MAX 3600u

struct dr_trust_record {
    struct dr_trust trust; /* revoked is 0: that is the anchor's to say */
    char product[DR_IMAGE_PRODUCT_BYTES_MAX + 1u];
    uint16_t time_divisor;
};

/* Everything behind the magic, and the CRC over magic and rest. out begins with the magic already.
 * DR_E_ARGUMENT: no product, no key or too many, divisor out of range. */
DR_MUST_USE enum dr_status
dr_trust_record_encode(const struct dr_trust_record *record, uint8_t out[DR_TRUST_RECORD_BYTES]);

/* DR_E_NOT_FOUND: never burned. DR_E_CORRUPT: burned badly. On failure *ret_record is undefined. */
DR_MUST_USE enum dr_status dr_trust_record_decode(
    const uint8_t data[DR_TRUST_RECORD_BYTES], struct dr_trust_record *ret_record);

/* The default policy with a test device's hours and minutes divided. What protects, as the
 * watchdog, is left alone. */
void dr_trust_policy(uint16_t divisor, struct dr_boot_policy *ret_policy);

#endif

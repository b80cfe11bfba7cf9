/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Requests: the firmware's only way to change what boots.
 *
 * The firmware appends to the request sector; the ROM reads it at the next reset and applies what
 * is genuine and allowed. Each request carries who asks (slot, digest, mode) and a MAC under a key
 * that exists for one boot: HKDF of boot-mac over the journal's sequence, the slot, the digest and
 * the mode, so that a request of another image, another mode or an earlier boot is not genuine.
 * Once any request was taken the sequence moves on, and all requests before it are history.
 *
 * Rules: docs/boot.md.
 */
#ifndef DR_DEVICE_BOOT_REQUEST_H
#define DR_DEVICE_BOOT_REQUEST_H

#include "base/status.h"
#include "crypto/crypto.h"
#include "device/boot/info.h"
#include "device/flash/flash.h"

#include <stddef.h>
#include <stdint.h>

#define DR_REQUEST_BYTES 128u /* a multiple of every program unit */
#define DR_REQUESTS_MAX 16u   /* genuine ones the ROM takes from one boot: the last ones */

enum dr_request_kind {
    DR_REQUEST_INSTALL = 1, /* digest: the candidate in the spare; all zero withdraws */
    DR_REQUEST_CONFIRM = 2,
    DR_REQUEST_SEAL = 3,
    DR_REQUEST_REVERT = 4, /* reason */
    DR_REQUEST_RETRY = 5,
    DR_REQUEST_FACTORY = 6, /* reason */
};

struct dr_request {
    uint8_t kind;   /* enum dr_request_kind */
    uint8_t reason; /* enum dr_reason, or 0 */
    uint8_t target; /* INSTALL: the spare the image lies in */
    uint8_t slot;   /* who asks */
    uint8_t mode;
    uint8_t issuer[DR_IMAGE_DIGEST_BYTES];
    uint8_t digest[DR_IMAGE_DIGEST_BYTES];
};

/* Derive the key for requests of the image that is about to run. */
void dr_request_key(
    const struct dr_crypto *crypto, const uint8_t boot_mac[DR_BOOT_KEY_BYTES], uint32_t sequence,
    uint8_t slot, const uint8_t digest[DR_IMAGE_DIGEST_BYTES], uint8_t mode,
    uint8_t key[DR_BOOT_KEY_BYTES]);

/* Firmware side: write one request; on DR_OK it is on the medium and was read back. The issuer
 * fields are filled from info. Repeating the last request costs nothing. A full sector is erased
 * first; the last requests of this boot that stood in it are written again, from the beginning when
 * the flash fails at that, up to three times: three erasures then.
 *
 * digest: INSTALL's candidate (all zero: withdraw); NULL otherwise.
 *
 * DR_E_STATE: this boot has no request key. DR_E_IO: not written; try again, the ROM never sees
 * half of one. */
DR_MUST_USE enum dr_status dr_request_write(
    const struct dr_flash *flash, struct dr_flash_area area, const struct dr_crypto *crypto,
    const struct dr_boot_info *info, enum dr_request_kind kind, uint8_t reason,
    const uint8_t digest[DR_IMAGE_DIGEST_BYTES]);

/* ROM side: the genuine requests for this journal sequence, in the order they were written. Fields
 * are authentic but not yet checked against the state. An unreadable sector holds no request.
 * Returns how many. */
size_t dr_request_read(
    const struct dr_flash *flash, struct dr_flash_area area, const struct dr_crypto *crypto,
    const uint8_t boot_mac[DR_BOOT_KEY_BYTES], uint32_t sequence,
    struct dr_request ret_requests[DR_REQUESTS_MAX]);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* May this image run here? The rules of docs/boot.md and docs/device.md, in one pure function.
 *
 * The agent asks after head and tail, before the spare is erased; the client asks again when the
 * download is closed, on verified bytes; the boot ROM asks when it takes an INSTALL and before it
 * boots. Each fills the rules that apply to it; a rule that is left zero does not apply.
 */
#ifndef DR_DEVICE_VERIFY_ADMIT_H
#define DR_DEVICE_VERIFY_ADMIT_H

#include "device/verify/verify.h"

#include <stddef.h>

/* Counters from here on are refused: a signer's slip must not use up the counter for ever. */
#define DR_COUNTER_CEILING 0xf0000000u

struct dr_admit_rules {
    /* Product of this device; "" accepts any (tools only). An image that names none is refused
     * unless this is "". */
    char product[DR_IMAGE_PRODUCT_BYTES_MAX + 1u];

    /* Order: the image must be above the floor, or be the very image at the floor while something
     * else runs. */
    bool has_floor;
    bool has_floor_digest;
    struct dr_order floor;
    uint8_t floor_digest[DR_IMAGE_DIGEST_BYTES];
    uint8_t running_digest[DR_IMAGE_DIGEST_BYTES]; /* all zero: nothing runs */

    bool has_counter;
    uint32_t security_counter; /* the image's must not be below */

    uint32_t size_bytes_max;       /* of the slot; 0: no bound */
    uint32_t announced_size_bytes; /* by the job; 0: none */

    /* RAM that an image may be loaded to, with all its parts; size 0: not a RAM-loading board, the
     * load address is not looked at. */
    uint32_t load_address;
    uint32_t load_size_bytes;

    uint32_t rom_version; /* the image's min_rom must not be above; always applies */

    /* Bounds for the image's limits, each where it is not 0; 0 in a limit (the board's default) is
     * always inside. */
    struct dr_image_limits limits_min;
    struct dr_image_limits limits_max;

    /* Borrowed. Environment rejections count only until their wait is over. */
    const struct dr_rejection *rejections;
    size_t rejection_count;
    bool environment_wait_over;
};

/* info as dr_verify_image or dr_verify_signatures left it (signed_by counts for revocation).
 * REJECT with exactly one of: PRODUCT, ORDER, COUNTER, COUNTER_CEILING, TOO_LARGE,
 * SIZE_MISMATCH, LOAD_WINDOW, MIN_ROM, LIMITS, REVOCATION, REJECTED_BEFORE, WAIT,
 * RESERVED_FEATURE. */
DR_MUST_USE enum dr_verdict dr_admit(
    const struct dr_image_info *info, const struct dr_admit_rules *rules,
    enum dr_reason *ret_reason);

#endif

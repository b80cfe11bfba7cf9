/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/port/isn.h"

#include "base/check.h"

#include <string.h>

#define STEPS_PER_MS 250u

DR_STATIC_ASSERT(sizeof(struct dr_tcp_ends) == 12u, "nothing but the two ends is hashed");

uint32_t dr_tcp_isn(
    const struct dr_crypto *crypto, const uint8_t secret[DR_SHA256_BYTES],
    const struct dr_tcp_ends *ends, uint32_t now_ms)
{
    uint8_t hash[DR_SHA256_BYTES];
    uint32_t offset;
    const struct dr_bytes key = {secret, DR_SHA256_BYTES};
    const struct dr_bytes part = {(const uint8_t *)ends, sizeof(*ends)};
    dr_hmac_sha256(crypto, key, &part, 1, hash);
    memcpy(&offset, hash, sizeof(offset));
    return offset + now_ms * STEPS_PER_MS;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The agent's task stands still in the TLS handshake, where the client proves who it is. */
#include "boards/mps2_an385/firmware/faulty/faulty.h"
#include "device/anchor/anchor.h"

enum dr_status __wrap_dr_anchor_sign(
    struct dr_anchor *anchor, enum dr_anchor_identity identity,
    const uint8_t digest[DR_SHA256_BYTES], uint8_t ret_signature[DR_P256_SIGNATURE_BYTES]);

enum dr_status __wrap_dr_anchor_sign(
    struct dr_anchor *anchor, enum dr_anchor_identity identity,
    const uint8_t digest[DR_SHA256_BYTES], uint8_t ret_signature[DR_P256_SIGNATURE_BYTES])
{
    (void)anchor;
    (void)identity;
    (void)digest;
    (void)ret_signature;
    faulty_hang();
}

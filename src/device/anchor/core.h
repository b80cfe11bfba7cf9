/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the secure element does: state and a request in, a response out.
 *
 * Pure: no files, no clock, no randomness of its own. The process in boards/anchor and the model in
 * sim/ run this same code over their own storage. Every change is handed to `persist` as one image
 * of the whole state before it is answered; the response that announces it is made only when
 * persist said DR_OK. A cut during persist leaves the old or the new image.
 */
#ifndef DR_DEVICE_ANCHOR_CORE_H
#define DR_DEVICE_ANCHOR_CORE_H

#include "crypto/crypto.h"
#include "device/anchor/keys.h"
#include "device/anchor/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_ANCHOR_STATE_BYTES 320u /* size of the persisted image */

/* At most one alert per interval, with a small reserve after a quiet time. */
#define DR_ANCHOR_ALERT_INTERVAL_MS 60000u
#define DR_ANCHOR_ALERT_RESERVE_MAX 4u

/* Supplied by whoever runs the core. Buffers are borrowed for the call. */
struct dr_anchor_core_ops {
    void *context;
    enum dr_status (*entropy)(void *context, uint8_t *out, size_t size_bytes);
    enum dr_status (*generate)(
        void *context, uint8_t private_key[DR_P256_PRIVATE_BYTES],
        uint8_t public_key[DR_P256_PUBLIC_BYTES]);
    enum dr_status (*sign)(
        void *context, const uint8_t private_key[DR_P256_PRIVATE_BYTES],
        const uint8_t digest[DR_SHA256_BYTES], uint8_t signature[DR_P256_SIGNATURE_BYTES]);
    /* Atomic and durable: afterwards, whatever happens, a load gives the old or the new image; new
     * once DR_OK was returned. */
    enum dr_status (*persist)(void *context, const uint8_t image[DR_ANCHOR_STATE_BYTES]);
};

struct dr_anchor_identity_pair {
    uint8_t private_key[DR_P256_PRIVATE_BYTES];
    uint8_t public_key[DR_P256_PUBLIC_BYTES];
};

/* What survives. */
struct dr_anchor_state {
    enum dr_anchor_lifecycle lifecycle;
    uint16_t flags;
    uint32_t counters[DR_ANCHOR_COUNTERS];
    uint8_t factory_digest[DR_SHA256_BYTES];
    struct dr_anchor_identity_pair identities[DR_ANCHOR_IDENTITIES];
};

struct dr_anchor_core {
    /* private, do not touch */
    const struct dr_crypto *crypto;
    struct dr_anchor_core_ops ops;
    struct dr_anchor_state state;
    uint8_t key_rom[DR_SHA256_BYTES];
    uint8_t key_fw[DR_SHA256_BYTES];
    enum dr_anchor_mode mode;
    uint8_t challenge[DR_ANCHOR_CHALLENGE_BYTES];
    uint32_t alert_reserve;
    uint64_t alert_refill_ms;
};

/* A blank state, encoded, for whoever creates an anchor. */
void dr_anchor_state_blank(uint8_t image[DR_ANCHOR_STATE_BYTES]);

/* As dr_anchor_state_blank, with identity keys made outside (tests; marked in the status flags). */
void dr_anchor_state_blank_with_keys(
    const struct dr_anchor_identity_pair keys[DR_ANCHOR_IDENTITIES],
    uint8_t image[DR_ANCHOR_STATE_BYTES]);

/* Power up. secret is the device secret (borrowed); ops are copied, ops->context is kept.
 * DR_E_CORRUPT: image is not a state. DR_E_CRYPTO and others: entropy failed. */
DR_MUST_USE enum dr_status dr_anchor_core_start(
    struct dr_anchor_core *core, const struct dr_crypto *crypto,
    const struct dr_anchor_core_ops *ops, const uint8_t secret[DR_DEVICE_SECRET_BYTES],
    const uint8_t image[DR_ANCHOR_STATE_BYTES]);

/* The reset line: the latched mode is forgotten and a new challenge made. */
DR_MUST_USE enum dr_status dr_anchor_core_reset(struct dr_anchor_core *core);

/* Answer one request. now_ms: since dr_anchor_core_start, never backwards. Returns the size of the
 * response: 0 when the request is too malformed to be answered. */
size_t dr_anchor_core_handle(
    struct dr_anchor_core *core, uint64_t now_ms, const uint8_t *request, size_t request_bytes,
    uint8_t response[DR_ANCHOR_MESSAGE_BYTES_MAX]);

/* Forget all secrets. */
void dr_anchor_core_wipe(struct dr_anchor_core *core);

#endif

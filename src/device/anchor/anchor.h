/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The device's side of the secure element: builds requests, checks answers.
 *
 * One `struct dr_anchor` per holder of a key: the boot ROM opens one with the anchor-rom key, the
 * firmware one with anchor-fw (normal mode) or with none (recovery: identity and entropy only).
 * With a key every answer must carry a MAC over this request's own nonce; an answer that does not
 * is DR_E_AUTH and nothing of it is used. Each call is exactly one exchange and blocks at most
 * timeout_ms; repeating is the caller's decision (the ROM asks three times).
 *
 * Any call: DR_E_TIMEOUT, DR_E_IO, DR_E_CLOSED from the port; DR_E_AUTH as above; DR_E_FORMAT for
 * an answer that is not one; else what the anchor said. After a time-out of a request that changes
 * something it may have happened or not: all of them are safe to repeat.
 */
#ifndef DR_DEVICE_ANCHOR_ANCHOR_H
#define DR_DEVICE_ANCHOR_ANCHOR_H

#include "crypto/crypto.h"
#include "device/anchor/wire.h"

#include <stddef.h>
#include <stdint.h>

/* One exchange. All pointers are borrowed for the call. */
struct dr_anchor_exchange {
    const uint8_t *request;
    size_t request_bytes;
    uint8_t *response; /* DR_ANCHOR_MESSAGE_BYTES_MAX bytes */
    size_t response_capacity_bytes;
    size_t response_bytes; /* set by the port */
    uint32_t timeout_ms;
};

/* Supplied by a board. transact sends the request and waits for its answer: DR_OK, DR_E_TIMEOUT,
 * DR_E_IO or DR_E_CLOSED. An answer that arrives after its time-out is dropped by the port (frames
 * are numbered, see frame.h), never given to a later request. */
struct dr_anchor_port {
    void *context;
    enum dr_status (*transact)(void *context, struct dr_anchor_exchange *exchange);
};

struct dr_anchor {
    /* private, do not touch */
    const struct dr_crypto *crypto;
    struct dr_anchor_port port;
    enum dr_anchor_key key_id;
    uint8_t key[DR_SHA256_BYTES];
    uint8_t seed[DR_SHA256_BYTES];
    uint32_t nonces;
    uint32_t timeout_ms;
};

struct dr_anchor_status {
    enum dr_anchor_lifecycle lifecycle;
    enum dr_anchor_mode mode;
    uint16_t flags; /* DR_ANCHOR_FLAG_... */
    uint8_t challenge[DR_ANCHOR_CHALLENGE_BYTES];
    uint32_t counters[DR_ANCHOR_COUNTERS]; /* by enum dr_anchor_counter */
    uint8_t factory_digest[DR_SHA256_BYTES];
};

/* crypto and port.context are kept. key (32 bytes, copied) is NULL for DR_ANCHOR_KEY_NONE. seed:
 * 32 bytes that no earlier boot used (copied); nonces come from it. */
void dr_anchor_init(
    struct dr_anchor *anchor, const struct dr_crypto *crypto, const struct dr_anchor_port *port,
    enum dr_anchor_key key_id, const uint8_t *key, const uint8_t seed[DR_SHA256_BYTES]);

/* As dr_anchor_init for a firmware, key being anchor-fw or NULL, with a seed of its own making: the
 * element's entropy, new in each boot, mixed with a secret (32 bytes) that whoever listens between
 * the two does not know. One exchange; after a failure anchor holds no key. ret_seed is that seed,
 * for the board's other generators: to be wiped. */
DR_MUST_USE enum dr_status dr_anchor_open(
    struct dr_anchor *anchor, const struct dr_crypto *crypto, const struct dr_anchor_port *port,
    const uint8_t *key, const uint8_t secret[DR_SHA256_BYTES], uint8_t ret_seed[DR_SHA256_BYTES]);

/* For each following call. dr_anchor_init sets 1000. */
void dr_anchor_set_timeout(struct dr_anchor *anchor, uint32_t timeout_ms);

/* Forget the key. The object may only be initialised again. */
void dr_anchor_wipe(struct dr_anchor *anchor);

DR_MUST_USE enum dr_status
dr_anchor_status(struct dr_anchor *anchor, struct dr_anchor_status *ret_status);

/* Raise a counter from old_value to new_value. DR_OK also when it stands at new_value already (an
 * answer was lost). ret_value may be NULL.
 * DR_E_CONFLICT: it stands elsewhere. DR_E_RANGE: not upwards, not +1 where only that is allowed,
 * or in the reserved range. DR_E_DENIED: this key may not. DR_E_BUSY: alerts come too fast. */
DR_MUST_USE enum dr_status dr_anchor_advance(
    struct dr_anchor *anchor, enum dr_anchor_counter counter, uint32_t old_value,
    uint32_t new_value, uint32_t *ret_value);

/* Count one local misuse: reads the alert counter, advances it by one. DR_E_BUSY: limited, drop it.
 */
DR_MUST_USE enum dr_status dr_anchor_alert(struct dr_anchor *anchor);

/* size_bytes at most DR_ANCHOR_ENTROPY_BYTES_MAX, else DR_E_ARGUMENT. */
DR_MUST_USE enum dr_status
dr_anchor_entropy(struct dr_anchor *anchor, uint8_t *out, size_t size_bytes);

DR_MUST_USE enum dr_status dr_anchor_public_key(
    struct dr_anchor *anchor, enum dr_anchor_identity identity,
    uint8_t ret_public_key[DR_P256_PUBLIC_BYTES]);

/* ECDSA over a SHA-256 digest. DR_E_DENIED: the latched mode does not allow this identity. */
DR_MUST_USE enum dr_status dr_anchor_sign(
    struct dr_anchor *anchor, enum dr_anchor_identity identity,
    const uint8_t digest[DR_SHA256_BYTES], uint8_t ret_signature[DR_P256_SIGNATURE_BYTES]);

/* ROM key. Latch the mode for what runs next; reads the challenge first (two exchanges). */
DR_MUST_USE enum dr_status dr_anchor_latch(struct dr_anchor *anchor, enum dr_anchor_mode mode);

/* ROM key, at manufacture. All may be repeated. DR_E_STATE: the life cycle is past it, or the step
 * before is missing. */
DR_MUST_USE enum dr_status dr_anchor_provision(struct dr_anchor *anchor);
DR_MUST_USE enum dr_status
dr_anchor_pin_factory(struct dr_anchor *anchor, const uint8_t digest[DR_SHA256_BYTES]);

/* ROM or FW key. */
DR_MUST_USE enum dr_status dr_anchor_lock(struct dr_anchor *anchor);

#endif

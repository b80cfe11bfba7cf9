/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Building and checking one anchor message (wire.h); both sides use it. */
#ifndef DR_DEVICE_ANCHOR_MESSAGE_PRIV_H
#define DR_DEVICE_ANCHOR_MESSAGE_PRIV_H

#include "base/cursor.h"
#include "crypto/crypto.h"
#include "device/anchor/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_anchor_message {
    uint8_t operation;
    enum dr_anchor_key key_id;
    int8_t status;
    const uint8_t *nonce; /* DR_ANCHOR_NONCE_BYTES */
    const uint8_t *body;
    size_t body_bytes;
};

/* Take a message apart; the pointers go into data. The MAC, when there is one, is not checked yet.
 * DR_E_FORMAT: not a message. */
DR_MUST_USE enum dr_status
dr_anchor_message_parse(const uint8_t *data, size_t size_bytes, struct dr_anchor_message *message);

/* Does the MAC at the end of a parsed message fit? key: 32 bytes. */
bool dr_anchor_message_genuine(
    const struct dr_crypto *crypto, const uint8_t *key, const uint8_t *data, size_t size_bytes);

/* key may be NULL when message->key_id is NONE. out: DR_ANCHOR_MESSAGE_BYTES_MAX bytes; returns the
 * size. body_bytes is at most DR_ANCHOR_BODY_BYTES_MAX. */
size_t dr_anchor_message_build(
    const struct dr_crypto *crypto, const uint8_t *key, const struct dr_anchor_message *message,
    uint8_t *out);

#endif

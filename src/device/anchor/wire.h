/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The bytes between a device and its anchor: one request, one response.
 *
 * Message:  version u8 | operation u8 | key u8 | status i8 | nonce 16 | body | MAC 32
 * The MAC (HMAC-SHA-256 under anchor-rom or anchor-fw) covers everything before it and is there
 * exactly when key is not NONE. A response repeats the request's nonce and key and has bit 7 of the
 * operation set, so neither direction can pass for the other. status is 0 in a request; in a
 * response it is an enum dr_status, and a failed response has no body. A request whose MAC does not
 * fit is answered with DR_E_AUTH and key NONE. Integers are little-endian.
 *
 * Replay: responses are bound to the caller's nonce; ADVANCE names the old value, LATCH the
 * anchor's current challenge, so an old request does nothing.
 *
 * operation      key        request body            response body
 * STATUS         any        -                       lifecycle u8, mode u8, flags u16, challenge 16,
 *                                                   counters 5 x u32, factory digest 32
 * ENTROPY        any        size u8 (<= 64)         random bytes
 * PUBLIC_KEY     any        identity u8             x || y, 64
 * SIGN           any        identity u8, digest 32  r || s, 64
 * ADVANCE        ROM or FW  counter u8, old u32,    value u32
 *                           new u32
 * LATCH          ROM        mode u8, challenge 16   -
 * PROVISION      ROM        -                       -    blank to provisioning: makes the
 * identities PIN_FACTORY    ROM        digest 32               -    provisioning only LOCK ROM or
 * FW  -                       -    provisioning to locked
 */
#ifndef DR_DEVICE_ANCHOR_WIRE_H
#define DR_DEVICE_ANCHOR_WIRE_H

#define DR_ANCHOR_WIRE_VERSION 1u
#define DR_ANCHOR_HEADER_BYTES 20u
#define DR_ANCHOR_NONCE_BYTES 16u
#define DR_ANCHOR_CHALLENGE_BYTES 16u
#define DR_ANCHOR_MAC_BYTES 32u
#define DR_ANCHOR_BODY_BYTES_MAX 72u
#define DR_ANCHOR_MESSAGE_BYTES_MAX                                                                \
    (DR_ANCHOR_HEADER_BYTES + DR_ANCHOR_BODY_BYTES_MAX + DR_ANCHOR_MAC_BYTES)
#define DR_ANCHOR_ENTROPY_BYTES_MAX 64u
#define DR_ANCHOR_RESPONSE_BIT 0x80u

/* Counters stay below: the range above is reserved, so that no image can use up a counter. */
#define DR_ANCHOR_COUNTER_CEILING 0xF0000000u

enum dr_anchor_operation {
    DR_ANCHOR_OP_STATUS = 1,
    DR_ANCHOR_OP_ENTROPY = 2,
    DR_ANCHOR_OP_PUBLIC_KEY = 3,
    DR_ANCHOR_OP_SIGN = 4,
    DR_ANCHOR_OP_ADVANCE = 5,
    DR_ANCHOR_OP_LATCH = 6,
    DR_ANCHOR_OP_PROVISION = 7,
    DR_ANCHOR_OP_PIN_FACTORY = 8,
    DR_ANCHOR_OP_LOCK = 9,
};

enum dr_anchor_key {
    DR_ANCHOR_KEY_NONE = 0,
    DR_ANCHOR_KEY_ROM = 1,
    DR_ANCHOR_KEY_FW = 2,
};

enum dr_anchor_counter {
    DR_ANCHOR_COUNTER_SECURITY = 0,
    DR_ANCHOR_COUNTER_REVOCATION = 1,
    DR_ANCHOR_COUNTER_EPOCH = 2,
    DR_ANCHOR_COUNTER_VAULT = 3,
    DR_ANCHOR_COUNTER_ALERTS = 4,
};
#define DR_ANCHOR_COUNTERS 5u

enum dr_anchor_lifecycle {
    DR_ANCHOR_BLANK = 0,
    DR_ANCHOR_PROVISIONING = 1,
    DR_ANCHOR_LOCKED = 2,
};

/* What the ROM latched for this boot. NONE: nothing since the anchor's last reset. */
enum dr_anchor_mode {
    DR_ANCHOR_MODE_NONE = 0,
    DR_ANCHOR_MODE_NORMAL = 1,
    DR_ANCHOR_MODE_RECOVERY = 2,
    DR_ANCHOR_MODE_PROVISIONING = 3,
};

enum dr_anchor_identity {
    DR_ANCHOR_IDENTITY_NORMAL = 0,
    DR_ANCHOR_IDENTITY_RECOVERY = 1,
};
#define DR_ANCHOR_IDENTITIES 2u

/* Status flags. */
#define DR_ANCHOR_FLAG_FACTORY_PINNED 0x0001u
#define DR_ANCHOR_FLAG_HOST_KEYS 0x0002u /* identity keys came from outside: tests only */

#endif

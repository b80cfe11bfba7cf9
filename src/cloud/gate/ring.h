/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the service has not yet committed (docs/gate.md 2).
 *
 * A bounded ring of messages in one block of memory, numbered without gaps from 1. Three marks move
 * forward: acknowledged <= sent < next. The memory of an empty ring is used from its beginning
 * again, so that a quiet broker touches few pages.
 */
#ifndef DR_CLOUD_GATE_RING_H
#define DR_CLOUD_GATE_RING_H

#include "base/status.h"
#include "cloud/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_ring {
    uint8_t *data;
    size_t capacity_bytes;
    size_t head; /* where the oldest record begins */
    size_t tail; /* where the next one goes */
    size_t used_bytes;
    uint64_t oldest_number; /* of the record at head; next_number when empty */
    uint64_t next_number;
    size_t cursor;          /* the record that is sent next */
    uint64_t cursor_number; /* its number */
};

struct dr_ring_message {
    uint64_t number; /* set by the ring */
    uint64_t session;
    const char *topic;
    const char *client_id;
    uint8_t certificate_id[DR_WIRE_CERTIFICATE_ID_BYTES];
    const uint8_t *payload;
    size_t payload_size;
};

/* DR_E_SPACE: no memory. DR_E_ARGUMENT: less than 64 KiB. */
DR_MUST_USE enum dr_status dr_ring_init(struct dr_ring *ring, size_t capacity_bytes);
void dr_ring_free(struct dr_ring *ring);

/* Copy a message in. DR_E_SPACE: it does not fit now. */
DR_MUST_USE enum dr_status
dr_ring_push(struct dr_ring *ring, const struct dr_ring_message *message, uint64_t *ret_number);

/* The next message that was not sent since the last rewind, and step past it. Borrowed until the
 * ring changes. DR_E_NOT_FOUND: all were sent. */
DR_MUST_USE enum dr_status dr_ring_send(struct dr_ring *ring, struct dr_ring_message *ret_message);

/* Messages that were sent and not acknowledged. */
uint64_t dr_ring_outstanding(const struct dr_ring *ring);
uint64_t dr_ring_count(const struct dr_ring *ring);

/* Forget everything up to number. A number that was never given is ignored. */
void dr_ring_acknowledge(struct dr_ring *ring, uint64_t number);

/* Send again from the oldest. */
void dr_ring_rewind(struct dr_ring *ring);

#endif

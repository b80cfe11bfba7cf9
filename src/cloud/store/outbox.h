/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What has to leave after a commit, and what has already come in (docs/gate.md 2 and 3).
 *
 * A row is added in the transaction of the change it tells about and removed after the broker's
 * PUBACK. Ids only grow, over restarts too. Rows of one thing leave strictly in id order.
 */
#ifndef DR_CLOUD_STORE_OUTBOX_H
#define DR_CLOUD_STORE_OUTBOX_H

#include "cloud/store/store.h"

enum dr_outbox_kind {
    DR_OUTBOX_TO_CONNECTION = 0,  /* client_id and session say which */
    DR_OUTBOX_TO_SUBSCRIBERS = 1, /* client_id is empty */
};

struct dr_outbox_row {
    uint64_t id;
    enum dr_outbox_kind kind;
    int qos;
    const char *thing;
    const char *topic; /* the one that the device sees */
    const uint8_t *payload;
    size_t payload_size;
    const char *client_id;
    uint64_t session;
};

/* In a mutation. id is ignored. */
DR_MUST_USE enum dr_status
dr_outbox_add(struct dr_db *db, const struct dr_outbox_row *row, int64_t now_ms);

/* Visit rows with an id above after_id, in id order, at most limit. visit returns false to stop.
 * The row is borrowed for the call. Not from a completion. */
DR_MUST_USE enum dr_status dr_outbox_fetch(
    struct dr_store *store, uint64_t after_id, size_t limit,
    bool (*visit)(void *context, const struct dr_outbox_row *row), void *context);

/* Remove published rows. Does not wait: a crash before the commit publishes them again, and the
 * gate drops the repeats. DR_E_BUSY: try again later. */
DR_MUST_USE enum dr_status
dr_outbox_published(struct dr_store *store, const uint64_t *ids, size_t count);

/* In a mutation: note that message number of this gate boot is being committed. previous is the
 * number of the message of this boot that was submitted before it, 0 for the first one and for one
 * that was sent again.
 *
 * DR_E_EXISTS  it (or a later one) was committed before: drop the message.
 * DR_E_STATE   previous was not committed: this one must not overtake it. */
DR_MUST_USE enum dr_status dr_gate_mark(
    struct dr_db *db, uint64_t gate_boot, uint64_t number, uint64_t previous, int64_t now_ms);

/* Highest committed number of a gate boot, 0 when none. */
DR_MUST_USE enum dr_status
dr_gate_last(struct dr_store *store, uint64_t gate_boot, uint64_t *ret_number);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the broker holds for one client (docs/gate.md 4).
 *
 * The broker bounds messages, not bytes, and tells nobody what a client has read. What it wrote to
 * the socket can be counted, though: each message is added when it is handed over, at less than it
 * takes on the wire, and what was written since is taken off. So the estimate is never above what
 * waits, but for messages that the broker dropped by itself: those of QoS 0 are forgotten when the
 * socket takes more and yet nothing was written for some rounds of the loop. Those of QoS 1 are
 * not, as they may wait for the client's acknowledgement of others.
 */
#include "cloud/gate/gate_priv.h"

/* Rounds in which the broker writes to a socket that takes more, if it has something for it. */
#define DRAINED_TICKS 16u

static void refuse(struct dr_gate *gate, struct dr_session *session)
{
    session->client->counters.refused++;
    dr_sessions_changed(&gate->sessions, session->client);
}

/* Nothing was written since it last seemed so, though it could have been? */
static bool is_drained(struct dr_gate *gate, struct dr_session *session, uint64_t progress_bytes)
{
    if (!gate->port.writable(gate->port.context, session->connection)) {
        session->drained_tick = 0;
        return false;
    }
    if (session->drained_tick == 0 || progress_bytes > 0) {
        session->drained_tick = gate->ticks;
    }
    return gate->ticks - session->drained_tick >= DRAINED_TICKS;
}

/* Take off at most what is there; what is left over. */
static uint64_t take_off(uint64_t *bytes, uint64_t less_bytes)
{
    uint64_t taken = less_bytes < *bytes ? less_bytes : *bytes;
    *bytes -= taken;
    return less_bytes - taken;
}

bool dr_gate_may_hand(struct dr_gate *gate, struct dr_session *session, int qos, size_t size_bytes)
{
    uint64_t *unsent = session->unsent_bytes;
    uint64_t sent_bytes;
    if (session->service ||
        !gate->port.sent(gate->port.context, session->connection, &sent_bytes)) {
        return true;
    }
    uint64_t progress_bytes = sent_bytes - session->sent_bytes;
    session->sent_bytes = sent_bytes;
    (void)take_off(&unsent[1], take_off(&unsent[0], progress_bytes));
    if (unsent[0] + unsent[1] + size_bytes > DR_GATE_UNSENT_BYTES_MAX) {
        if (!is_drained(gate, session, progress_bytes) ||
            unsent[1] + size_bytes > DR_GATE_UNSENT_BYTES_MAX) {
            refuse(gate, session);
            return false;
        }
        unsent[0] = 0;
    }
    session->drained_tick = 0;
    unsent[qos > 0 ? 1 : 0] += size_bytes;
    return true;
}

/* For who is away; what is sent at most once is not kept. */
static bool may_keep(struct dr_gate *gate, struct dr_session *session, uint32_t size_bytes)
{
    if (session->kept_messages >= DR_GATE_KEPT_MESSAGES_MAX ||
        size_bytes > DR_GATE_KEPT_BYTES_MAX - session->kept_bytes) {
        refuse(gate, session);
        return false;
    }
    session->kept_messages++;
    session->kept_bytes += size_bytes;
    return true;
}

bool dr_gate_may_queue(struct dr_gate *gate, const void *connection, int qos, uint32_t size_bytes)
{
    struct dr_session *session = dr_sessions_find(&gate->sessions, connection);
    if (session == NULL || session->service) {
        return true;
    }
    if (session->live) {
        return dr_gate_may_hand(gate, session, qos, size_bytes);
    }
    return qos == 0 || may_keep(gate, session, size_bytes);
}

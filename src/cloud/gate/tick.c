/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Between two rounds of the broker's loop: everything that publishes or disconnects. */
#include "cloud/gate/gate_priv.h"

#include <stdlib.h>
#include <string.h>

bool dr_gate_publish_copy(
    struct dr_gate *gate, const char *client_id, const char *topic, const void *payload,
    size_t payload_size, int qos, const struct dr_gate_stamp *stamp)
{
    void *copy = gate->port.alloc(gate->port.context, payload_size + 1);
    if (copy == NULL) {
        return false;
    }
    if (payload_size > 0) {
        memcpy(copy, payload, payload_size);
    }
    gate->port.publish(gate->port.context, client_id, topic, copy, payload_size, qos, stamp);
    return true;
}

static void count_out(struct dr_gate *gate, struct dr_client *client, const struct dr_outgoing *out)
{
    client->counters.out_messages++;
    client->counters.out_bytes += out->payload_size;
    if (dr_wire_topic_is_stream_data(out->topic)) {
        client->counters.stream_messages++;
        client->counters.stream_bytes += out->payload_size;
    }
    dr_sessions_changed(&gate->sessions, client);
}

/* Only to the session that asked, and only what its policy lets it receive. */
static void send_outgoing(struct dr_gate *gate, struct dr_outgoing *out)
{
    struct dr_client *client = dr_sessions_client(&gate->sessions, out->client_id);
    struct dr_session *session = client == NULL ? NULL : client->session;
    if (session == NULL || !session->live || session->number != out->session || session->kicked) {
        gate->counters.stale_dropped++;
        gate->port.release(gate->port.context, out->payload);
        return;
    }
    if (!dr_gate_allowed(gate, session, DR_POLICY_RECEIVE, out->topic)) {
        client->counters.refused++;
        dr_sessions_changed(&gate->sessions, client);
        gate->port.release(gate->port.context, out->payload);
        return;
    }
    if (!dr_gate_may_hand(gate, session, out->qos, out->payload_size)) {
        gate->port.release(gate->port.context, out->payload);
        return;
    }
    count_out(gate, client, out);
    gate->port.publish(
        gate->port.context, client->id, out->topic, out->payload, out->payload_size, out->qos,
        NULL);
}

static void flush_outgoing(struct dr_gate *gate)
{
    struct dr_outgoing *out = gate->outgoing_first;
    gate->outgoing_first = NULL;
    gate->outgoing_end = &gate->outgoing_first;
    while (out != NULL) { /* bound: what one round brought */
        struct dr_outgoing *next = out->next;
        send_outgoing(gate, out);
        free(out);
        out = next;
    }
}

static void do_kicks(struct dr_gate *gate)
{
    while (gate->kicks != NULL) { /* bound: the list; a kick notes no other */
        struct dr_kick *kick = gate->kicks;
        gate->kicks = kick->next;
        struct dr_client *client = dr_sessions_client(&gate->sessions, kick->client_id);
        if (client != NULL && client->session->live && client->session->number == kick->session) {
            dr_gate_log(gate, false, "disconnecting %s: no longer permitted", kick->client_id);
            gate->port.kick(gate->port.context, kick->client_id);
        }
        free(kick);
    }
}

/* The gate's state, then everything that is not committed, from the oldest. */
static void greet_service(struct dr_gate *gate, const struct dr_session *service)
{
    struct dr_wire_boot boot = {
        .boot = gate->boot,
        .oldest_number = gate->ring.oldest_number,
        .next_number = gate->ring.next_number,
    };
    dr_registry_position(&gate->registry, &boot.snapshot_generation, &boot.snapshot_sequence);
    uint8_t body[DR_WIRE_BOOT_BYTES];
    dr_wire_boot_encode(&boot, body);
    struct dr_gate_stamp stamp = {.boot = gate->boot};
    gate->service_greeted = dr_gate_publish_copy(
        gate, service->client->id, DR_WIRE_BOOT_TOPIC, body, sizeof(body), 1, &stamp);
    dr_ring_rewind(&gate->ring);
    dr_sessions_all_changed(&gate->sessions); /* it may have forgotten all counters */
}

static void pump_ring(struct dr_gate *gate, const struct dr_session *service)
{
    struct dr_ring_message message;
    while (dr_ring_outstanding(&gate->ring) < DR_GATE_WINDOW && /* bound: the window */
           dr_ring_send(&gate->ring, &message) == DR_OK) {
        struct dr_gate_stamp stamp = {
            .client_id = message.client_id,
            .certificate_id = message.certificate_id,
            .session = message.session,
            .boot = gate->boot,
            .number = message.number,
        };
        if (!dr_gate_publish_copy(
                gate, service->client->id, message.topic, message.payload, message.payload_size, 1,
                &stamp)) {
            dr_ring_rewind(&gate->ring); /* no memory: from the oldest, later */
            return;
        }
    }
}

static void serve_service(struct dr_gate *gate)
{
    struct dr_session *service = dr_gate_service(gate);
    if (service == NULL) {
        return;
    }
    if (!gate->service_greeted) {
        greet_service(gate, service);
    }
    if (gate->service_greeted) {
        pump_ring(gate, service);
    }
}

static void report_full_ring(struct dr_gate *gate, uint64_t tick_ms)
{
    if (gate->counters.ring_full != gate->ring_full_logged && tick_ms >= gate->ring_log_at_ms) {
        dr_gate_log(
            gate, true, "the service does not commit: ring full, %llu publishes refused so far",
            (unsigned long long)gate->counters.ring_full);
        gate->ring_full_logged = gate->counters.ring_full;
        gate->ring_log_at_ms = tick_ms + 10000;
    }
}

static void report_crowd(struct dr_gate *gate, uint64_t tick_ms)
{
    if (gate->crowd_refused != gate->crowd_logged && tick_ms >= gate->crowd_log_at_ms) {
        dr_gate_log(
            gate, true, "%zu connections, the most there may be: %llu refused so far",
            gate->sessions_max, (unsigned long long)gate->crowd_refused);
        gate->crowd_logged = gate->crowd_refused;
        gate->crowd_log_at_ms = tick_ms + 10000;
    }
}

static void report_throttled(struct dr_gate *gate, uint64_t tick_ms)
{
    if (gate->throttled != gate->throttled_logged && tick_ms >= gate->throttled_log_at_ms) {
        dr_gate_log(
            gate, true, "%s asks more often than it may: %llu messages dropped, of all clients",
            gate->throttled_client, (unsigned long long)gate->throttled);
        gate->throttled_logged = gate->throttled;
        gate->throttled_log_at_ms = tick_ms + 10000;
    }
}

void dr_gate_tick(struct dr_gate *gate, uint64_t tick_ms)
{
    gate->rechecking = false;
    gate->tick_ms = tick_ms;
    gate->ticks++;
    flush_outgoing(gate);
    dr_gate_reload_tick(gate, tick_ms);
    do_kicks(gate);
    dr_gate_presence_tick(gate);
    serve_service(gate);
    dr_gate_stats_tick(gate, tick_ms);
    report_full_ring(gate, tick_ms);
    report_crowd(gate, tick_ms);
    report_throttled(gate, tick_ms);
    dr_sessions_sweep(&gate->sessions);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Tells the service how much each client has moved, as far as it changed. */
#include "cloud/gate/gate_priv.h"

#include <string.h>

static void refresh_gauges(struct dr_gate *gate)
{
    gate->counters.ring_bytes = gate->ring.used_bytes;
    gate->counters.ring_messages = dr_ring_count(&gate->ring);
    gate->counters.sessions = gate->sessions.live_count;
}

static void fill(const struct dr_client *client, struct dr_wire_client_counters *out)
{
    memcpy(out->client_id, client->id, strlen(client->id) + 1); /* valid: at most the array */
    out->counters = client->counters;
}

/* One message of as many changed clients as fit. false: nothing is left to tell. */
static bool send_some(struct dr_gate *gate, const struct dr_session *service)
{
    uint8_t buffer[DR_WIRE_STATS_BYTES_MAX];
    struct dr_wire_stats_writer writer;
    dr_wire_stats_begin(&writer, &gate->counters, buffer, sizeof(buffer));
    struct dr_client *client = dr_sessions_next_changed(&gate->sessions);
    while (client != NULL) { /* bound: the buffer */
        struct dr_wire_client_counters counters;
        fill(client, &counters);
        if (!dr_wire_stats_add(&writer, &counters)) {
            dr_sessions_changed(&gate->sessions, client);
            break;
        }
        client = dr_sessions_next_changed(&gate->sessions);
    }
    bool sent = dr_gate_publish_copy(
        gate, service->client->id, DR_WIRE_STATS_TOPIC, buffer, writer.size_bytes, 0, NULL);
    return sent && client != NULL;
}

void dr_gate_stats_tick(struct dr_gate *gate, uint64_t tick_ms)
{
    const struct dr_session *service = dr_gate_service(gate);
    if (tick_ms < gate->stats_at_ms || service == NULL || !gate->service_greeted) {
        return;
    }
    gate->stats_at_ms = tick_ms + gate->stats_ms;
    refresh_gauges(gate);
    if (gate->sessions.changed == NULL &&
        memcmp(&gate->counters, &gate->told, sizeof(gate->told)) == 0 &&
        gate->told_session == service->number) {
        return;
    }
    gate->told = gate->counters;
    gate->told_session = service->number;
    for (unsigned i = 0; i < DR_GATE_STATS_BURST && send_some(gate, service); i++) {
    }
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Changes of who may connect, and what they mean for those who are connected. */
#include "cloud/gate/gate_priv.h"

#include <stdlib.h>
#include <string.h>

/* Grant nothing more and end the connection at the next tick. */
static void note_kick(struct dr_gate *gate, struct dr_session *session)
{
    if (session->kicked) {
        return;
    }
    session->kicked = true;
    session->reason = DR_WIRE_REASON_SERVER_INITIATED_DISCONNECT;
    size_t size = strlen(session->client->id) + 1;
    struct dr_kick *kick = malloc(sizeof(*kick) + size);
    if (kick == NULL) {
        return; /* nothing is granted to it all the same */
    }
    memcpy(kick->client_id, session->client->id, size);
    kick->session = session->number;
    kick->next = gate->kicks;
    gate->kicks = kick;
}

/* Look a live session's certificate up again; kick it when it could not connect now. */
static void refresh(struct dr_gate *gate, struct dr_session *session)
{
    if (session->service || session->kicked) {
        return;
    }
    struct dr_principal principal;
    enum dr_status status = dr_registry_resolve(
        &gate->registry, session->certificate_id, session->client->id, &principal);
    if (status == DR_OK) {
        dr_principal_free(&session->principal);
        session->principal = principal;
    }
    if (status != DR_OK ||
        !dr_gate_allowed(gate, session, DR_POLICY_CONNECT, session->client->id)) {
        note_kick(gate, session);
    }
}

static void refresh_certificate(struct dr_gate *gate, const uint8_t id[DR_SNAPSHOT_ID_BYTES])
{
    struct dr_session *session = dr_sessions_of_certificate(&gate->sessions, id, NULL);
    while (session != NULL) { /* bound: its sessions; refreshing adds and removes none */
        refresh(gate, session);
        session = dr_sessions_of_certificate(&gate->sessions, id, session);
    }
}

enum dr_status dr_gate_take_delta(struct dr_gate *gate, const uint8_t *data, size_t size_bytes)
{
    struct dr_snapshot *delta;
    enum dr_status status = dr_snapshot_parse(data, size_bytes, &delta);
    if (status != DR_OK) {
        dr_gate_log(gate, true, "delta refused: %s", dr_status_text(status));
        return status;
    }
    uint32_t count = dr_snapshot_info(delta).record_count;
    status = dr_registry_add_delta(&gate->registry, delta);
    if (status == DR_E_AGAIN) {
        gate->reload_failures = 0; /* "read the file": it was written anew, reload_tick sees it */
    }
    if (status == DR_E_EXISTS || status == DR_E_AGAIN) {
        return DR_OK;
    }
    if (status != DR_OK && status != DR_E_CONFLICT) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) { /* the registry keeps the delta alive */
        struct dr_snapshot_entry entry;
        if (dr_snapshot_at(delta, i, &entry) == DR_OK) {
            refresh_certificate(gate, entry.id);
        }
    }
    return DR_OK;
}

/* A share of all sessions, so that a large fleet does not stop the loop. */
static void walk_sessions(struct dr_gate *gate)
{
    struct dr_hash *table = &gate->sessions.by_certificate;
    for (size_t i = 0; i < DR_GATE_WALK_STEP && gate->walk_bucket < table->bucket_count; i++) {
        struct dr_hash_node *node = table->buckets[gate->walk_bucket++];
        while (node != NULL) { /* bound: the chain */
            refresh(gate, DR_HASH_OWNER(node, struct dr_session, by_certificate));
            node = node->next;
        }
    }
    gate->walking = gate->walk_bucket < table->bucket_count;
}

static void report_refused(struct dr_gate *gate, enum dr_status status, uint64_t tick_ms)
{
    if (tick_ms >= gate->reload_log_at_ms) {
        dr_gate_log(
            gate, true, "snapshot %s refused, the last one stays: %s", gate->snapshot_path,
            dr_status_text(status));
        gate->reload_log_at_ms = tick_ms + 10000;
    }
}

static void take_file(struct dr_gate *gate, uint64_t tick_ms)
{
    struct dr_snapshot *snapshot;
    enum dr_status status = dr_loader_take(gate->loader, &snapshot);
    if (status == DR_E_AGAIN) {
        return;
    }
    if (status == DR_OK) {
        status = dr_registry_set_base(&gate->registry, snapshot);
    }
    if (status != DR_OK || gate->registry.wants_file) {
        gate->reload_failures++;
    }
    if (status != DR_OK) {
        report_refused(gate, status, tick_ms);
        return;
    }
    gate->walking = true;
    gate->walk_bucket = 0;
}

/* Reading is not free, and a file that is damaged or too old seldom changes by itself. */
static uint64_t reload_pause_ms(const struct dr_gate *gate)
{
    unsigned doublings = gate->reload_failures;
    if (doublings > DR_GATE_RELOAD_DOUBLINGS) {
        doublings = DR_GATE_RELOAD_DOUBLINGS;
    }
    return (uint64_t)DR_GATE_RELOAD_MS << doublings;
}

void dr_gate_reload_tick(struct dr_gate *gate, uint64_t tick_ms)
{
    if (gate->reload_asked) {
        take_file(gate, tick_ms);
        gate->reload_asked = dr_loader_busy(gate->loader);
    }
    if (!gate->registry.wants_file) {
        gate->reload_failures = 0;
    } else if (!gate->reload_asked && tick_ms >= gate->reload_begun_ms + reload_pause_ms(gate)) {
        dr_loader_request(gate->loader);
        gate->reload_asked = true;
        gate->reload_begun_ms = tick_ms;
    }
    if (gate->walking) {
        walk_sessions(gate);
    }
}

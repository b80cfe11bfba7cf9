/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/gate.h"

#include "cloud/gate/gate_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATS_MS 250u

void dr_gate_log(struct dr_gate *gate, bool is_error, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    gate->port.log(gate->port.context, is_error, line);
}

static enum dr_status copy_options(struct dr_gate *gate, const struct dr_gate_options *options)
{
    gate->snapshot_path = strdup(options->snapshot_path);
    gate->region = strdup(options->region);
    gate->account = strdup(options->account);
    if (gate->snapshot_path == NULL || gate->region == NULL || gate->account == NULL) {
        return DR_E_SPACE;
    }
    memcpy(
        gate->service_certificate, options->service_certificate, sizeof(gate->service_certificate));
    gate->strict = options->strict;
    gate->sessions_max = options->sessions_max;
    gate->requests_per_s = options->requests_per_s;
    gate->stats_ms = options->stats_ms == 0 ? STATS_MS : options->stats_ms;
    return DR_OK;
}

static enum dr_status init_tables(struct dr_gate *gate, size_t ring_bytes)
{
    uint64_t secret[2] = {
        gate->port.random(gate->port.context), gate->port.random(gate->port.context)};
    do {
        gate->boot = gate->port.random(gate->port.context);
    } while (gate->boot == 0); /* bound: 0 once in 2^64 */
    gate->outgoing_end = &gate->outgoing_first;
    gate->presence_end = &gate->presence_first;
    DR_TRY(dr_sessions_init(&gate->sessions, secret));
    DR_TRY(dr_outbox_marks_init(&gate->marks, secret));
    return dr_ring_init(&gate->ring, ring_bytes == 0 ? DR_GATE_RING_BYTES : ring_bytes);
}

static enum dr_status read_first_snapshot(struct dr_gate *gate)
{
    struct dr_snapshot *snapshot;
    DR_TRY(dr_snapshot_open(gate->snapshot_path, &snapshot));
    return dr_registry_set_base(&gate->registry, snapshot);
}

enum dr_status dr_gate_create(
    const struct dr_gate_options *options, const struct dr_gate_port *port,
    struct dr_gate **ret_gate, char error[DR_GATE_ERROR_BYTES])
{
    struct dr_gate *gate = calloc(1, sizeof(*gate));
    if (gate == NULL) {
        (void)snprintf(error, DR_GATE_ERROR_BYTES, "out of memory");
        return DR_E_SPACE;
    }
    gate->port = *port;
    enum dr_status status = copy_options(gate, options);
    if (status == DR_OK) {
        status = init_tables(gate, options->ring_bytes);
    }
    if (status != DR_OK) {
        (void)snprintf(error, DR_GATE_ERROR_BYTES, "cannot start: %s", dr_status_text(status));
    } else {
        status = read_first_snapshot(gate);
        if (status == DR_OK) {
            status = dr_loader_create(gate->snapshot_path, &gate->loader);
        }
        if (status != DR_OK) {
            (void)snprintf(
                error, DR_GATE_ERROR_BYTES, "snapshot %.150s: %s; darumad writes it",
                options->snapshot_path, dr_status_text(status));
        }
    }
    if (status != DR_OK) {
        dr_gate_free(gate);
        return status;
    }
    *ret_gate = gate;
    return DR_OK;
}

static void free_queues(struct dr_gate *gate)
{
    while (gate->outgoing_first != NULL) { /* bound: the list */
        struct dr_outgoing *outgoing = gate->outgoing_first;
        gate->outgoing_first = outgoing->next;
        gate->port.release(gate->port.context, outgoing->payload);
        free(outgoing);
    }
    while (gate->presence_first != NULL) { /* bound: the list */
        struct dr_presence_entry *entry = gate->presence_first;
        gate->presence_first = entry->next;
        free(entry);
    }
    while (gate->kicks != NULL) { /* bound: the list */
        struct dr_kick *kick = gate->kicks;
        gate->kicks = kick->next;
        free(kick);
    }
}

void dr_gate_free(struct dr_gate *gate)
{
    if (gate == NULL) {
        return;
    }
    dr_loader_free(gate->loader);
    free_queues(gate);
    if (gate->sessions.clients.buckets != NULL) {
        dr_sessions_free(&gate->sessions);
    }
    dr_outbox_marks_free(&gate->marks);
    dr_registry_free(&gate->registry);
    dr_ring_free(&gate->ring);
    free(gate->snapshot_path);
    free(gate->region);
    free(gate->account);
    free(gate);
}

static bool is_service(const struct dr_gate *gate, const uint8_t *certificate_id)
{
    return memcmp(gate->service_certificate, certificate_id, DR_WIRE_CERTIFICATE_ID_BYTES) == 0;
}

static bool service_client_id(const char *client_id)
{
    return strncmp(
               client_id, DR_WIRE_SERVICE_CLIENT_PREFIX,
               sizeof(DR_WIRE_SERVICE_CLIENT_PREFIX) - 1) == 0;
}

/* The policy request of a client that may not have a session yet. */
static bool allowed(
    const struct dr_gate *gate, const struct dr_principal *principal, const char *client_id,
    const char *address, enum dr_policy_action action, const char *name, bool persistent)
{
    struct dr_policy_request request = {
        .action = action,
        .name = name,
        .region = gate->region,
        .account = gate->account,
        .client_id = client_id,
        .thing_name = principal->is_attached ? principal->thing_name : NULL,
        .thing_type = principal->thing_type,
        .is_attached = principal->is_attached,
        .attributes = principal->attributes,
        .attribute_count = principal->attribute_count,
        .source_ip = address != NULL && address[0] != '\0' ? address : NULL,
        .persistent_connect = persistent,
    };
    return principal->status == DR_SNAPSHOT_ACTIVE &&
           dr_policy_evaluate(principal->policies, principal->policy_count, &request) ==
               DR_POLICY_ALLOWED;
}

bool dr_gate_allowed(
    const struct dr_gate *gate, const struct dr_session *session, enum dr_policy_action action,
    const char *name)
{
    return allowed(
        gate, &session->principal, session->client->id, session->address, action, name,
        session->persistent);
}

/* Who is it, and may it connect under this name? */
static enum dr_status
admit(struct dr_gate *gate, const struct dr_session_facts *facts, struct dr_principal *principal)
{
    if (!dr_wire_client_id_valid(facts->client_id)) {
        return DR_E_DENIED;
    }
    if (facts->service) {
        return service_client_id(facts->client_id) ? DR_OK : DR_E_DENIED;
    }
    if (service_client_id(facts->client_id)) {
        return DR_E_DENIED;
    }
    DR_TRY(
        dr_registry_resolve(&gate->registry, facts->certificate_id, facts->client_id, principal));
    if (!allowed(
            gate, principal, facts->client_id, facts->address, DR_POLICY_CONNECT, facts->client_id,
            facts->persistent)) {
        dr_principal_free(principal);
        return DR_E_DENIED;
    }
    return DR_OK;
}

/* One more connection, or one in the place of another? */
static enum dr_status find_room(struct dr_gate *gate, const struct dr_session_facts *facts)
{
    if (facts->service || gate->sessions_max == 0 ||
        gate->sessions.live_count < gate->sessions_max) {
        return DR_OK;
    }
    const struct dr_client *client = dr_sessions_client(&gate->sessions, facts->client_id);
    if (client != NULL && client->session->live) {
        return DR_OK;
    }
    gate->crowd_refused++;
    return DR_E_DENIED;
}

enum dr_status dr_gate_connect(
    struct dr_gate *gate, const void *connection, const char *client_id,
    const uint8_t certificate_id[DR_WIRE_CERTIFICATE_ID_BYTES], const char *address,
    bool persistent, uint64_t now_ms)
{
    struct dr_session_facts facts = {
        .connection = connection,
        .client_id = client_id,
        .address = address,
        .number = gate->port.random(gate->port.context),
        .service = is_service(gate, certificate_id),
        .persistent = persistent,
    };
    memcpy(facts.certificate_id, certificate_id, sizeof(facts.certificate_id));
    struct dr_principal principal = {0};
    struct dr_session *session;
    struct dr_session *lost;
    enum dr_status status = admit(gate, &facts, &principal);
    if (status == DR_OK) {
        status = find_room(gate, &facts);
    }
    if (status == DR_OK) {
        status = dr_sessions_connect(&gate->sessions, &facts, &principal, &session, &lost);
    }
    if (status != DR_OK) {
        dr_principal_free(&principal);
        gate->counters.refused_connects++;
        return DR_E_DENIED;
    }
    if (lost != NULL) {
        dr_gate_note_presence(gate, lost, DR_WIRE_DISCONNECTED, now_ms);
    }
    dr_gate_note_presence(gate, session, DR_WIRE_CONNECTED, now_ms);
    return DR_OK;
}

void dr_gate_reload(struct dr_gate *gate)
{
    gate->rechecking = true;
}

bool dr_gate_is_rechecking(const struct dr_gate *gate)
{
    return gate->rechecking;
}

enum dr_status
dr_gate_recheck(const struct dr_gate *gate, const void *connection, const char *client_id)
{
    const struct dr_session *session = dr_sessions_find(&gate->sessions, connection);
    return session != NULL && strcmp(session->client->id, client_id) == 0 ? DR_OK : DR_E_DENIED;
}

void dr_gate_disconnect(struct dr_gate *gate, const void *connection, uint64_t now_ms)
{
    struct dr_session *session = dr_sessions_disconnect(&gate->sessions, connection);
    if (session != NULL) {
        dr_gate_note_presence(gate, session, DR_WIRE_DISCONNECTED, now_ms);
    }
}

struct dr_session *dr_gate_service(struct dr_gate *gate)
{
    if (gate->service_session == 0) {
        return NULL;
    }
    struct dr_client *client = dr_sessions_client(&gate->sessions, gate->service_client);
    if (client == NULL || !client->session->live ||
        client->session->number != gate->service_session) {
        return NULL;
    }
    return client->session;
}

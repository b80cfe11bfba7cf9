/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What happens to a PUBLISH that was let in: the way of the service, or on to subscribers. */
#include "base/cursor.h"
#include "cloud/gate/gate_priv.h"

#include <stdlib.h>
#include <string.h>

/* Does it ask more often than it may? It is told nothing, as AWS tells nothing: agents ask again.
 */
static bool
is_too_often(struct dr_gate *gate, struct dr_client *client, const struct dr_gate_message *message)
{
    const char *thing;
    const char *rest;
    size_t thing_len;
    bool blocks = dr_wire_topic_thing(message->topic, &thing, &thing_len, &rest) &&
                  strncmp(rest, "streams/", 8) == 0;
    if (dr_pace_take(
            &client->pace, gate->requests_per_s, gate->tick_ms, blocks, message->payload_size)) {
        return false;
    }
    client->counters.throttled++;
    gate->throttled++;
    memcpy(gate->throttled_client, client->id, strlen(client->id) + 1); /* valid: it fits */
    return true;
}

/* A device speaks to the service. */
static enum dr_gate_verdict
from_device(struct dr_gate *gate, struct dr_session *session, struct dr_gate_message *message)
{
    if (gate->strict && !dr_strict_take(&session->rate, gate->tick_ms, message->payload_size)) {
        session->reason = DR_WIRE_REASON_THROTTLED;
        return DR_GATE_CLOSE;
    }
    if (!dr_wire_rewrite_in(message->topic)) {
        return DR_GATE_PASS; /* an application topic, between devices */
    }
    if (is_too_often(gate, session->client, message)) {
        dr_sessions_changed(&gate->sessions, session->client);
        return DR_GATE_REFUSE;
    }
    session->client->counters.in_messages++;
    session->client->counters.in_bytes += message->payload_size;
    dr_sessions_changed(&gate->sessions, session->client);
    message->restamp = true;
    if (message->qos == 0) {
        message->stamp.client_id = session->client->id;
        message->stamp.certificate_id = session->certificate_id;
        message->stamp.session = session->number;
        return DR_GATE_PASS;
    }
    /* The copy in the ring is what the service gets; the original has no readers. */
    struct dr_ring_message copy = {
        .session = session->number,
        .topic = message->topic,
        .client_id = session->client->id,
        .payload = message->payload,
        .payload_size = message->payload_size,
    };
    memcpy(copy.certificate_id, session->certificate_id, sizeof(copy.certificate_id));
    uint64_t number;
    if (dr_ring_push(&gate->ring, &copy, &number) != DR_OK) {
        gate->counters.ring_full++;
        return DR_GATE_CLOSE;
    }
    return DR_GATE_PASS;
}

/* Has this outbox row been here before? Messages without a row are always new. DR_E_FORMAT: the row
 * is named incompletely. */
static enum dr_status take_row(struct dr_gate *gate, const struct dr_gate_message *message)
{
    if (message->epoch == NULL && message->id == NULL) {
        return DR_OK;
    }
    uint64_t epoch;
    uint64_t id;
    if (message->epoch == NULL || message->id == NULL || message->thing == NULL ||
        strnlen(message->thing, DR_WIRE_THING_NAME_MAX + 1) > DR_WIRE_THING_NAME_MAX ||
        dr_wire_token_parse(message->epoch, &epoch) != DR_OK ||
        dr_wire_number_parse(message->id, &id) != DR_OK) {
        return DR_E_FORMAT;
    }
    if (!dr_outbox_marks_take(&gate->marks, message->thing, epoch, id)) {
        gate->counters.repeats_dropped++;
        return DR_E_EXISTS;
    }
    return DR_OK;
}

/* A topic that a device may be sent. */
static bool valid_target(const char *topic)
{
    size_t len = strnlen(topic, DR_WIRE_TOPIC_MAX + 1);
    return len > 0 && len <= DR_WIRE_TOPIC_MAX && strpbrk(topic, "+#") == NULL &&
           strncmp(topic, "daruma/", 7) != 0 &&
           (topic[0] != '$' || strncmp(topic, "$aws/", 5) == 0);
}

static struct dr_outgoing *make_outgoing(
    struct dr_gate *gate, const struct dr_gate_message *message, const uint8_t *data,
    size_t size_bytes)
{
    size_t topic_size = strlen(message->target_topic) + 1;
    size_t client_size = strlen(message->client_id) + 1;
    struct dr_outgoing *outgoing = malloc(sizeof(*outgoing) + topic_size + client_size);
    void *payload = gate->port.alloc(gate->port.context, size_bytes + 1);
    if (outgoing == NULL || payload == NULL) {
        free(outgoing);
        gate->port.release(gate->port.context, payload);
        return NULL;
    }
    if (size_bytes > 0) {
        memcpy(payload, data, size_bytes);
    }
    memcpy(outgoing->text, message->target_topic, topic_size);
    memcpy(outgoing->text + topic_size, message->client_id, client_size);
    outgoing->next = NULL;
    outgoing->qos = message->target_qos[0] == '1' ? 1 : 0;
    outgoing->payload = payload;
    outgoing->payload_size = size_bytes;
    outgoing->topic = outgoing->text;
    outgoing->client_id = outgoing->text + topic_size;
    return outgoing;
}

/* Forget what hangs on link, the end of the list some moments ago. */
static void drop_outgoing(struct dr_gate *gate, struct dr_outgoing **link)
{
    struct dr_outgoing *outgoing = *link;
    *link = NULL;
    gate->outgoing_end = link;
    while (outgoing != NULL) { /* bound: the list */
        struct dr_outgoing *next = outgoing->next;
        gate->port.release(gate->port.context, outgoing->payload);
        free(outgoing);
        outgoing = next;
    }
}

static enum dr_gate_verdict malformed(struct dr_gate *gate)
{
    gate->counters.malformed++;
    return DR_GATE_REFUSE;
}

/* Is it said to whom, and what? */
static bool valid_envelope(const struct dr_gate_message *message, uint64_t *ret_session)
{
    return message->client_id != NULL && message->session != NULL &&
           message->target_topic != NULL && message->target_qos != NULL &&
           (strcmp(message->target_qos, "0") == 0 || strcmp(message->target_qos, "1") == 0) &&
           dr_wire_token_parse(message->session, ret_session) == DR_OK &&
           dr_wire_client_id_valid(message->client_id) && valid_target(message->target_topic);
}

/* An answer to one connection: kept until the tick, where its session is looked up. */
static enum dr_gate_verdict to_connection(struct dr_gate *gate, struct dr_gate_message *message)
{
    uint64_t session;
    if (!valid_envelope(message, &session)) {
        return malformed(gate);
    }
    /* Before the row is noted: one that could not be kept is no repeat when it comes again. */
    struct dr_outgoing *outgoing =
        make_outgoing(gate, message, message->payload, message->payload_size);
    if (outgoing == NULL) {
        return DR_GATE_CLOSE;
    }
    enum dr_status row = take_row(gate, message);
    if (row != DR_OK) {
        gate->port.release(gate->port.context, outgoing->payload);
        free(outgoing);
        message->restamp = row == DR_E_EXISTS;
        return row == DR_E_EXISTS ? DR_GATE_PASS : malformed(gate);
    }
    message->restamp = true;
    outgoing->session = session;
    *gate->outgoing_end = outgoing;
    gate->outgoing_end = &outgoing->next;
    return DR_GATE_PASS;
}

/* Does the body consist of whole parts, and at least one? */
static bool valid_parts(const struct dr_gate_message *message)
{
    struct dr_reader reader;
    dr_reader_init(&reader, message->payload, message->payload_size);
    while (dr_reader_left(&reader) > 0) { /* bound: each part has a head */
        (void)dr_reader_view(&reader, dr_read_u32(&reader));
        if (reader.status != DR_OK) {
            return false;
        }
    }
    return message->payload_size > 0;
}

/* Several answers of one topic to one connection, in one message: each becomes one of its own. They
 * are all kept or none is. */
static enum dr_gate_verdict
to_connection_parts(struct dr_gate *gate, struct dr_gate_message *message)
{
    uint64_t session;
    struct dr_reader reader;
    struct dr_outgoing **link = gate->outgoing_end;
    if (!valid_envelope(message, &session) || strcmp(message->target_qos, "0") != 0 ||
        message->epoch != NULL || message->id != NULL || !valid_parts(message)) {
        return malformed(gate);
    }
    dr_reader_init(&reader, message->payload, message->payload_size);
    while (dr_reader_left(&reader) > 0) { /* bound: each part has a head */
        size_t size_bytes = dr_read_u32(&reader);
        const uint8_t *part = dr_reader_view(&reader, size_bytes);
        struct dr_outgoing *outgoing = make_outgoing(gate, message, part, size_bytes);
        if (outgoing == NULL) {
            drop_outgoing(gate, link);
            return DR_GATE_CLOSE;
        }
        outgoing->session = session;
        *gate->outgoing_end = outgoing;
        gate->outgoing_end = &outgoing->next;
    }
    message->restamp = true;
    return DR_GATE_PASS;
}

/* To whoever subscribed. A repeat is sent where nobody listens, so that it is acknowledged. */
static enum dr_gate_verdict to_subscribers(struct dr_gate *gate, struct dr_gate_message *message)
{
    if (!valid_target(message->topic + sizeof(DR_WIRE_PUB_PREFIX) - 1)) {
        return malformed(gate);
    }
    enum dr_status row = take_row(gate, message);
    if (row == DR_E_FORMAT) {
        return malformed(gate);
    }
    message->restamp = true;
    if (row == DR_E_EXISTS) {
        memcpy(message->topic, DR_WIRE_OUT_TOPIC, sizeof(DR_WIRE_OUT_TOPIC));
        return DR_GATE_PASS;
    }
    return dr_wire_rewrite_pub(message->topic) ? DR_GATE_PASS : malformed(gate);
}

/* "Committed up to here." The first one of a session is also a greeting. */
static enum dr_gate_verdict acknowledged(
    struct dr_gate *gate, const struct dr_session *session, const struct dr_gate_message *message)
{
    uint64_t boot;
    uint64_t number;
    if (message->boot == NULL || message->number == NULL ||
        dr_wire_token_parse(message->boot, &boot) != DR_OK ||
        dr_wire_number_parse(message->number, &number) != DR_OK) {
        return malformed(gate);
    }
    if (boot == gate->boot) {
        dr_ring_acknowledge(&gate->ring, number);
    }
    if (gate->service_session != session->number) {
        size_t size = strlen(session->client->id) + 1; /* valid: at most the array */
        memcpy(gate->service_client, session->client->id, size);
        gate->service_session = session->number;
        gate->service_greeted = false;
    }
    return DR_GATE_PASS;
}

static enum dr_gate_verdict from_service(
    struct dr_gate *gate, const struct dr_session *session, struct dr_gate_message *message)
{
    if (strcmp(message->topic, DR_WIRE_OUT_TOPIC) == 0) {
        return to_connection(gate, message);
    }
    if (strcmp(message->topic, DR_WIRE_PARTS_TOPIC) == 0) {
        return to_connection_parts(gate, message);
    }
    if (strcmp(message->topic, DR_WIRE_ACK_TOPIC) == 0) {
        return acknowledged(gate, session, message);
    }
    if (strcmp(message->topic, DR_WIRE_DELTA_TOPIC) == 0) {
        enum dr_status status = dr_gate_take_delta(gate, message->payload, message->payload_size);
        return status == DR_OK ? DR_GATE_PASS : malformed(gate);
    }
    return to_subscribers(gate, message);
}

enum dr_gate_verdict
dr_gate_message(struct dr_gate *gate, const void *connection, struct dr_gate_message *message)
{
    message->restamp = false;
    memset(&message->stamp, 0, sizeof(message->stamp));
    struct dr_session *session = dr_sessions_find(&gate->sessions, connection);
    if (session == NULL || !session->live) {
        return DR_GATE_REFUSE;
    }
    return session->service ? from_service(gate, session, message)
                            : from_device(gate, session, message);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Who came and who went: to the service through the ring, to subscribers as AWS's events. */
#include "base/cursor.h"
#include "base/text.h"
#include "cloud/gate/gate_priv.h"

#include <stdlib.h>
#include <string.h>

#define EVENT_TOPIC "$aws/events/presence/"
#define EVENT_BYTES 1024u

void dr_gate_note_presence(
    struct dr_gate *gate, const struct dr_session *session, enum dr_wire_presence_event event,
    uint64_t now_ms)
{
    if (session->service) {
        return;
    }
    struct dr_presence_entry *entry =
        gate->presence_count < DR_GATE_PRESENCE_MAX ? calloc(1, sizeof(*entry)) : NULL;
    if (entry == NULL) {
        gate->counters.presence_dropped++;
        return;
    }
    struct dr_wire_presence *presence = &entry->presence;
    presence->event = event;
    if (event == DR_WIRE_DISCONNECTED) {
        presence->reason = session->reason == DR_WIRE_REASON_NONE ? DR_WIRE_REASON_CONNECTION_LOST
                                                                  : session->reason;
    }
    presence->session = session->number;
    presence->time_ms = now_ms;
    presence->version = session->version;
    memcpy(presence->certificate_id, session->certificate_id, sizeof(presence->certificate_id));
    memcpy(presence->client_id, session->client->id, strlen(session->client->id) + 1);
    memcpy(presence->address, session->address, sizeof(presence->address));
    *gate->presence_end = entry;
    gate->presence_end = &entry->next;
    gate->presence_count++;
}

static bool tell_service(struct dr_gate *gate, const struct dr_wire_presence *presence)
{
    uint8_t body[DR_WIRE_PRESENCE_BYTES_MAX];
    struct dr_ring_message message = {
        .session = presence->session,
        .topic = DR_WIRE_PRESENCE_TOPIC,
        .client_id = presence->client_id,
        .payload = body,
        .payload_size = dr_wire_presence_encode(presence, body),
    };
    memcpy(message.certificate_id, presence->certificate_id, sizeof(message.certificate_id));
    uint64_t number;
    return dr_ring_push(&gate->ring, &message, &number) == DR_OK;
}

/* A client id in a JSON string: no control characters are in it. */
static void write_json_text(struct dr_writer *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            dr_write_u8(out, '\\');
        }
        dr_write_u8(out, (uint8_t)*c);
    }
}

static void write_number(struct dr_writer *out, uint64_t number)
{
    char text[DR_WIRE_NUMBER_BYTES];
    dr_wire_number_format(number, text);
    dr_write_text(out, text);
}

static void write_event(struct dr_writer *out, const struct dr_wire_presence *presence)
{
    char token[DR_WIRE_TOKEN_BYTES];
    char certificate[DR_WIRE_CERTIFICATE_TEXT_BYTES];
    bool came = presence->event == DR_WIRE_CONNECTED;
    dr_wire_token_format(presence->session, token);
    dr_hex_encode(presence->certificate_id, sizeof(presence->certificate_id), certificate);
    dr_write_text(out, "{\"clientId\":\"");
    write_json_text(out, presence->client_id);
    dr_write_text(out, "\",\"timestamp\":");
    write_number(out, presence->time_ms);
    dr_write_text(out, came ? ",\"eventType\":\"connected\"" : ",\"eventType\":\"disconnected\"");
    if (!came) {
        dr_write_text(out, ",\"clientInitiatedDisconnect\":false,\"disconnectReason\":\"");
        dr_write_text(out, dr_wire_disconnect_word(presence->reason));
        dr_write_text(out, "\"");
    }
    dr_write_text(out, ",\"sessionIdentifier\":\"");
    dr_write_text(out, token);
    dr_write_text(out, "\",\"principalIdentifier\":\"");
    dr_write_text(out, certificate);
    if (came && presence->address[0] != '\0') {
        dr_write_text(out, "\",\"ipAddress\":\"");
        dr_write_text(out, presence->address);
    }
    dr_write_text(out, "\",\"versionNumber\":");
    write_number(out, presence->version);
    dr_write_text(out, "}");
}

static void tell_subscribers(struct dr_gate *gate, const struct dr_wire_presence *presence)
{
    char topic[sizeof(EVENT_TOPIC "disconnected/") + DR_WIRE_CLIENT_ID_MAX];
    struct dr_writer name;
    dr_writer_init(&name, (uint8_t *)topic, sizeof(topic));
    dr_write_text(&name, EVENT_TOPIC);
    dr_write_text(&name, presence->event == DR_WIRE_CONNECTED ? "connected/" : "disconnected/");
    dr_write_text(&name, presence->client_id);
    dr_write_u8(&name, '\0');
    uint8_t body[EVENT_BYTES];
    struct dr_writer out;
    dr_writer_init(&out, body, sizeof(body));
    write_event(&out, presence);
    if (name.status == DR_OK && out.status == DR_OK) {
        (void)dr_gate_publish_copy(gate, NULL, topic, body, out.size_bytes, 1, NULL);
    }
}

void dr_gate_presence_tick(struct dr_gate *gate)
{
    while (gate->presence_first != NULL) { /* bound: the queue */
        struct dr_presence_entry *entry = gate->presence_first;
        if (!tell_service(gate, &entry->presence)) {
            return; /* no room in the ring: later, in order */
        }
        tell_subscribers(gate, &entry->presence);
        gate->presence_first = entry->next;
        if (gate->presence_first == NULL) {
            gate->presence_end = &gate->presence_first;
        }
        gate->presence_count--;
        free(entry);
    }
}

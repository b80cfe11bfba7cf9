/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* From the gate to the service, and "committed up to here" back. */
#include "cloud/bus/bus_priv.h"
#include "cloud/service/device_message.h"
#include "cloud/service/presence.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HELD_MAX 8u
#define TURNS_AT_ONCE 4u /* before the socket is looked at again */
#define TURNS_LOG_MS 10000u

/* The stamp on a message; absent text is NULL, an absent number 0. */
struct stamp {
    char *values[HELD_MAX];
    size_t count;
    const char *client_id;
    const char *certificate_id;
    uint64_t session;
    uint64_t boot;
    uint64_t number;
    bool damaged;
};

static int64_t unix_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void take_property(struct stamp *stamp, const char *name, const char *value)
{
    enum dr_status status = DR_OK;
    if (strcmp(name, DR_WIRE_PROPERTY_CLIENT) == 0) {
        stamp->client_id = value;
    } else if (strcmp(name, DR_WIRE_PROPERTY_CERTIFICATE) == 0) {
        stamp->certificate_id = value;
    } else if (strcmp(name, DR_WIRE_PROPERTY_SESSION) == 0) {
        status = dr_wire_token_parse(value, &stamp->session);
    } else if (strcmp(name, DR_WIRE_PROPERTY_BOOT) == 0) {
        status = dr_wire_token_parse(value, &stamp->boot);
    } else if (strcmp(name, DR_WIRE_PROPERTY_NUMBER) == 0) {
        status = dr_wire_number_parse(value, &stamp->number);
    }
    stamp->damaged = stamp->damaged || status != DR_OK;
}

static void read_stamp(const mosquitto_property *properties, struct stamp *stamp)
{
    char *name;
    char *value;
    memset(stamp, 0, sizeof(*stamp));
    const mosquitto_property *at = mosquitto_property_read_string_pair(
        properties, MQTT_PROP_USER_PROPERTY, &name, &value, false);
    while (at != NULL) { /* bound: HELD_MAX, the gate sends five */
        take_property(stamp, name, value);
        free(name);
        stamp->values[stamp->count++] = value;
        if (stamp->count == HELD_MAX) {
            return;
        }
        at = mosquitto_property_read_string_pair(at, MQTT_PROP_USER_PROPERTY, &name, &value, true);
    }
}

static void free_stamp(struct stamp *stamp)
{
    for (size_t i = 0; i < stamp->count; i++) {
        free(stamp->values[i]);
    }
}

/* ---- the sink of the service: our thread or the store's ---- */

static void sink_answer(void *context, const struct dr_device_answer *answer)
{
    struct dr_bus *bus = context;
    if (pthread_equal(pthread_self(), bus->thread)) {
        dr_bus_answer(bus, answer);
    } else {
        dr_queue_answer(&bus->queue, answer);
    }
}

static void sink_done(void *context, uint64_t boot, uint64_t number, enum dr_status status)
{
    struct dr_bus *bus = context;
    if (pthread_equal(pthread_self(), bus->thread)) {
        dr_bus_done(bus, boot, number, status);
    } else {
        dr_queue_done(&bus->queue, boot, number, status);
    }
    atomic_fetch_sub(&bus->under_way, 1);
}

void dr_bus_done(struct dr_bus *bus, uint64_t boot, uint64_t number, enum dr_status status)
{
    if (number == 0) {
        return;
    }
    if (status != DR_OK) {
        /* The gate sends it and what follows again on the next connection. */
        if (boot == bus->ack.boot && !bus->broken) {
            dr_bus_log(
                bus, true, "message %llu was not stored: %s", (unsigned long long)number,
                dr_status_text(status));
            bus->broken = true;
            bus->failures += 3; /* a pause: the store needs it */
        }
        return;
    }
    (void)dr_ack_note(&bus->ack, boot, number);
}

void dr_bus_acknowledge(struct dr_bus *bus)
{
    if (!bus->greeted || bus->acknowledged == bus->ack.committed) {
        return;
    }
    char boot[DR_WIRE_TOKEN_BYTES];
    char number[DR_WIRE_NUMBER_BYTES];
    dr_wire_token_format(bus->ack.boot, boot);
    dr_wire_number_format(bus->ack.committed, number);
    const char *const properties[] = {
        DR_WIRE_PROPERTY_BOOT, boot, DR_WIRE_PROPERTY_NUMBER, number, NULL};
    if (dr_bus_publish(bus, DR_WIRE_ACK_TOPIC, NULL, 0, 0, properties, NULL)) {
        bus->acknowledged = bus->ack.committed;
    }
}

void dr_bus_greet(struct dr_bus *bus)
{
    char boot[DR_WIRE_TOKEN_BYTES];
    char number[DR_WIRE_NUMBER_BYTES];
    dr_wire_token_format(bus->ack.boot, boot);
    dr_wire_number_format(bus->ack.committed, number);
    const char *const properties[] = {
        DR_WIRE_PROPERTY_BOOT, boot, DR_WIRE_PROPERTY_NUMBER, number, NULL};
    /* A failure has marked the connection broken. */
    DR_IGNORE(dr_bus_publish(bus, DR_WIRE_ACK_TOPIC, NULL, 0, 1, properties, NULL));
}

/* ---- what the gate says ---- */

static void take_boot(struct dr_bus *bus, const struct mosquitto_message *message)
{
    struct dr_wire_boot boot;
    uint64_t last = 0;
    if (dr_wire_boot_decode(message->payload, (size_t)message->payloadlen, &boot) != DR_OK ||
        boot.boot == 0) {
        dr_bus_log(bus, true, "the gate speaks another version");
        bus->broken = true;
        return;
    }
    if (boot.boot != bus->ack.boot) {
        if (dr_service_gate_last(bus->service, boot.boot, &last) != DR_OK) {
            bus->broken = true;
            return;
        }
        dr_ack_reset(&bus->ack, boot.boot, last);
        dr_counters_clear(bus->counters);
        dr_bus_log(bus, false, "connected to a new run of the broker");
    }
    /* What the gate no longer has was acknowledged before, by us or before a restore. */
    dr_ack_raise(&bus->ack, boot.oldest_number - 1);
    bus->acknowledged = boot.oldest_number - 1;
    bus->greeted = true;
    bus->failures = 0;
    atomic_store(&bus->connected, true);
    dr_service_gate_boot(bus->service, boot.boot, unix_ms());
    dr_bus_identity_compare(bus, boot.snapshot_generation, boot.snapshot_sequence);
}

static void take_presence(
    struct dr_bus *bus, const struct mosquitto_message *message, const struct stamp *stamp,
    const struct dr_device_sink *sink)
{
    struct dr_wire_presence presence;
    if (dr_wire_presence_decode(message->payload, (size_t)message->payloadlen, &presence) !=
        DR_OK) {
        bus->broken = true;
        return;
    }
    atomic_fetch_add(&bus->under_way, 1);
    dr_service_presence(bus->service, &presence, stamp->boot, stamp->number, sink, unix_ms());
}

static void serve(struct dr_bus *bus, struct dr_device_message *message)
{
    const struct dr_device_sink sink = {.context = bus, .answer = sink_answer, .done = sink_done};
    message->unsent_bytes = dr_unsent_bytes(&bus->unsent, message->session);
    atomic_fetch_add(&bus->under_way, 1);
    dr_service_device_message(bus->service, message, &sink, unix_ms());
}

/* Blocks are what costs: who asks for them waits for a turn. What is dropped counts as done. */
static void wait_for_turn(struct dr_bus *bus, const struct dr_device_message *message)
{
    if (dr_turns_add(&bus->turns, message) != DR_OK) {
        bus->turns_dropped++;
        dr_bus_done(bus, message->gate_boot, message->gate_number, DR_OK);
        if (dr_bus_now_ms() >= bus->turns_log_at_ms) {
            dr_bus_log(
                bus, true, "%s has too many requests for blocks waiting: %llu dropped, of all",
                message->client_id, (unsigned long long)bus->turns_dropped);
            bus->turns_log_at_ms = dr_bus_now_ms() + TURNS_LOG_MS;
        }
    }
}

void dr_bus_turns_run(struct dr_bus *bus)
{
    for (unsigned i = 0; i < TURNS_AT_ONCE && !bus->broken; i++) {
        struct dr_turn *turn = dr_turns_take(&bus->turns);
        if (turn == NULL) {
            return;
        }
        serve(bus, &turn->message);
        dr_bus_answers_flush(bus);
        free(turn);
    }
}

static void take_device_message(
    struct dr_bus *bus, const struct mosquitto_message *message, const struct stamp *stamp)
{
    const char *thing;
    const char *rest;
    size_t thing_len;
    char name[DR_WIRE_THING_NAME_MAX + 1];
    if (stamp->client_id == NULL || stamp->certificate_id == NULL || stamp->session == 0 ||
        !dr_wire_topic_thing(message->topic, &thing, &thing_len, &rest)) {
        bus->broken = true;
        return;
    }
    memcpy(name, thing, thing_len);
    name[thing_len] = '\0';
    struct dr_device_message device_message = {
        .thing = name,
        .rest = rest,
        .payload = message->payload,
        .payload_size = (size_t)message->payloadlen,
        .qos = message->qos,
        .client_id = stamp->client_id,
        .certificate_id = stamp->certificate_id,
        .session = stamp->session,
        .gate_boot = stamp->boot,
        .gate_number = stamp->number,
    };
    bool blocks = strncmp(rest, "streams/", 8) == 0;
    bus->rush += blocks ? 1u : 0u;
    if (blocks && (bus->turns.first != NULL || bus->rush > DR_BUS_RUSH_MAX)) {
        wait_for_turn(bus, &device_message);
    } else {
        serve(bus, &device_message);
    }
}

void dr_bus_received(
    struct dr_bus *bus, const struct mosquitto_message *message,
    const mosquitto_property *properties)
{
    if (bus->broken) {
        return; /* whatever still comes is sent again */
    }
    if (strcmp(message->topic, DR_WIRE_STATS_TOPIC) == 0) {
        if (dr_counters_take(bus->counters, message->payload, (size_t)message->payloadlen) !=
            DR_OK) {
            dr_bus_log(bus, true, "damaged counters from the gate");
        }
        return;
    }
    struct stamp stamp;
    const struct dr_device_sink sink = {.context = bus, .answer = sink_answer, .done = sink_done};
    read_stamp(properties, &stamp);
    if (strcmp(message->topic, DR_WIRE_BOOT_TOPIC) == 0) {
        take_boot(bus, message);
    } else if (stamp.damaged || (stamp.number != 0 && stamp.boot != bus->ack.boot)) {
        dr_bus_log(bus, true, "a message with a damaged stamp on %s", message->topic);
        bus->broken = true;
    } else if (strcmp(message->topic, DR_WIRE_PRESENCE_TOPIC) == 0) {
        take_presence(bus, message, &stamp, &sink);
    } else {
        take_device_message(bus, message, &stamp);
    }
    dr_bus_answers_flush(bus);
    free_stamp(&stamp);
}

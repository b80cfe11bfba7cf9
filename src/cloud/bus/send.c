/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Answers go out at once, without acknowledgement: a device asks again. Outbox rows go out one per
 * thing at a time and are removed from the store after their PUBACK. */
#include "base/cursor.h"
#include "base/text.h"
#include "cloud/bus/bus_priv.h"

#include <stdlib.h>
#include <string.h>

/* On wire_topic, to be counted as size_bytes of the device's. */
static void send_answer(
    struct dr_bus *bus, const char *wire_topic, const struct dr_device_answer *answer,
    size_t size_bytes)
{
    char session[DR_WIRE_TOKEN_BYTES];
    dr_wire_token_format(answer->session, session);
    const char *const properties[] = {
        DR_WIRE_PROPERTY_CLIENT,
        answer->client_id,
        DR_WIRE_PROPERTY_SESSION,
        session,
        DR_WIRE_PROPERTY_TOPIC,
        answer->topic,
        DR_WIRE_PROPERTY_QOS,
        answer->qos == 0 ? "0" : "1",
        NULL};
    int mid;
    bus->early_mid = 0;
    if (!dr_bus_publish(
            bus, wire_topic, answer->payload, answer->payload_size, 0, properties, &mid)) {
        return;
    }
    if (bus->early_mid != mid && size_bytes > 0) {
        bus->packets[mid & 0xffff] =
            (struct dr_unsent_packet){.session = answer->session, .bytes = size_bytes};
        dr_unsent_add(&bus->unsent, answer->session, size_bytes);
    }
}

/* Blocks of one answer travel to the broker together; the gate takes them apart. Each message of
 * its own would cost the broker another turn of its loop. */
static bool belongs(const struct dr_bus_parts *parts, const struct dr_device_answer *answer)
{
    return parts->session == answer->session && strcmp(parts->topic, answer->topic) == 0 &&
           strcmp(parts->client_id, answer->client_id) == 0 &&
           answer->payload_size + DR_WIRE_PART_HEAD_BYTES <= sizeof(parts->data) - parts->used;
}

void dr_bus_answers_flush(struct dr_bus *bus)
{
    struct dr_bus_parts *parts = &bus->parts;
    struct dr_device_answer answer = {
        .topic = parts->topic,
        .payload = parts->data,
        .payload_size = parts->used,
        .client_id = parts->client_id,
        .session = parts->session};
    size_t size_bytes = parts->used - parts->count * DR_WIRE_PART_HEAD_BYTES;
    if (parts->count == 1) {
        answer.payload += DR_WIRE_PART_HEAD_BYTES;
        answer.payload_size = size_bytes;
    }
    if (parts->count > 0) {
        send_answer(
            bus, parts->count == 1 ? DR_WIRE_OUT_TOPIC : DR_WIRE_PARTS_TOPIC, &answer, size_bytes);
    }
    parts->count = 0;
    parts->used = 0;
}

/* A new collection, which begins with this answer. false: it must go by itself. */
static bool begin_parts(struct dr_bus_parts *parts, const struct dr_device_answer *answer)
{
    size_t topic_size = strlen(answer->topic) + 1;
    size_t client_size = strlen(answer->client_id) + 1;
    if (answer->qos != 0 || topic_size > sizeof(parts->topic) ||
        client_size > sizeof(parts->client_id) ||
        answer->payload_size > sizeof(parts->data) - DR_WIRE_PART_HEAD_BYTES) {
        return false;
    }
    memcpy(parts->topic, answer->topic, topic_size);
    memcpy(parts->client_id, answer->client_id, client_size);
    parts->session = answer->session;
    return true;
}

void dr_bus_answer(struct dr_bus *bus, const struct dr_device_answer *answer)
{
    struct dr_bus_parts *parts = &bus->parts;
    if (parts->count == 0 || answer->qos != 0 || !belongs(parts, answer)) {
        dr_bus_answers_flush(bus);
        if (!begin_parts(parts, answer)) {
            send_answer(bus, DR_WIRE_OUT_TOPIC, answer, answer->payload_size);
            return;
        }
    }
    struct dr_writer writer;
    dr_writer_init(&writer, parts->data + parts->used, sizeof(parts->data) - parts->used);
    dr_write_u32(&writer, (uint32_t)answer->payload_size);
    dr_write_bytes(&writer, answer->payload, answer->payload_size);
    parts->used += writer.size_bytes;
    parts->count++;
}

/* ---- outbox rows ---- */

static struct dr_row_thing **thing_link(struct dr_row_list *rows, const char *name)
{
    struct dr_row_thing **link = &rows->things[dr_text_hash(name) % DR_BUS_THING_BUCKETS];
    while (*link != NULL && strcmp((*link)->name, name) != 0) { /* bound: the chain */
        link = &(*link)->next;
    }
    return link;
}

static struct dr_row *row_copy(const struct dr_outbox_row *row)
{
    const char *client = row->client_id == NULL ? "" : row->client_id;
    size_t topic_size = strlen(row->topic) + 1;
    size_t client_size = strlen(client) + 1;
    struct dr_row *copy = calloc(1, sizeof(*copy) + topic_size + client_size + row->payload_size);
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy->bytes, row->topic, topic_size);
    memcpy(copy->bytes + topic_size, client, client_size);
    if (row->payload_size > 0) {
        memcpy(copy->bytes + topic_size + client_size, row->payload, row->payload_size);
    }
    copy->id = row->id;
    copy->kind = row->kind;
    copy->qos = row->qos;
    copy->session = row->session;
    copy->topic = (const char *)copy->bytes;
    copy->client_id = (const char *)copy->bytes + topic_size;
    copy->payload = copy->bytes + topic_size + client_size;
    copy->payload_size = row->payload_size;
    return copy;
}

static struct dr_row_thing *thing_get(struct dr_row_list *rows, const char *name)
{
    struct dr_row_thing **link = thing_link(rows, name);
    if (*link == NULL) {
        size_t size = strlen(name) + 1;
        struct dr_row_thing *thing = calloc(1, sizeof(*thing) + size);
        if (thing != NULL) {
            memcpy(thing->name, name, size);
            thing->end = &thing->first;
            *link = thing;
        }
    }
    return *link;
}

/* Without memory the fetch stops there: the row stays in the store. */
static bool take_row(void *context, const struct dr_outbox_row *row)
{
    struct dr_row_list *rows = context;
    struct dr_row_thing *thing = thing_get(rows, row->thing == NULL ? "" : row->thing);
    struct dr_row *copy = thing == NULL ? NULL : row_copy(row);
    if (copy == NULL) {
        return false;
    }
    *thing->end = copy;
    thing->end = &copy->next;
    rows->count++;
    rows->fetched_id = row->id;
    rows->more = true;
    return true;
}

static bool publish_row(struct dr_bus *bus, const struct dr_row_thing *thing, struct dr_row *row)
{
    char epoch[DR_WIRE_TOKEN_BYTES];
    char id[DR_WIRE_NUMBER_BYTES];
    char session[DR_WIRE_TOKEN_BYTES];
    char topic[DR_WIRE_TOPIC_MAX + sizeof(DR_WIRE_PUB_PREFIX)];
    dr_wire_token_format(dr_service_outbox_epoch(bus->service), epoch);
    dr_wire_number_format(row->id, id);
    dr_wire_token_format(row->session, session);
    const char *properties[16] = {
        DR_WIRE_PROPERTY_THING, thing->name, DR_WIRE_PROPERTY_EPOCH, epoch, DR_WIRE_PROPERTY_ID, id,
    };
    if (row->kind == DR_OUTBOX_TO_SUBSCRIBERS) {
        size_t len = strnlen(row->topic, DR_WIRE_TOPIC_MAX);
        memcpy(topic, DR_WIRE_PUB_PREFIX, sizeof(DR_WIRE_PUB_PREFIX) - 1);
        memcpy(topic + sizeof(DR_WIRE_PUB_PREFIX) - 1, row->topic, len);
        topic[sizeof(DR_WIRE_PUB_PREFIX) - 1 + len] = '\0';
        return dr_bus_publish(
            bus, topic, row->payload, row->payload_size, 1, properties, &row->mid);
    }
    const char *const to_connection[] = {
        DR_WIRE_PROPERTY_CLIENT,  row->client_id,
        DR_WIRE_PROPERTY_SESSION, session,
        DR_WIRE_PROPERTY_TOPIC,   row->topic,
        DR_WIRE_PROPERTY_QOS,     row->qos == 0 ? "0" : "1",
    };
    memcpy(&properties[6], to_connection, sizeof(to_connection));
    return dr_bus_publish(
        bus, DR_WIRE_OUT_TOPIC, row->payload, row->payload_size, 1, properties, &row->mid);
}

/* The head of the thing, if it is not on its way already. */
static void send_head(struct dr_bus *bus, struct dr_row_thing *thing)
{
    struct dr_row *row = thing->first;
    if (row == NULL || row->mid != 0 || bus->rows.in_flight_count >= DR_BUS_IN_FLIGHT_MAX ||
        !publish_row(bus, thing, row)) {
        return;
    }
    bus->rows.in_flight[row->mid & 0xffff] = thing;
    bus->rows.in_flight_count++;
}

static void head_done(struct dr_bus *bus, struct dr_row_thing *thing, int reason_code)
{
    struct dr_row_list *rows = &bus->rows;
    struct dr_row *row = thing->first;
    if (reason_code >= 0x80) { /* it never will be taken: the thing must not wait behind it */
        dr_bus_log(
            bus, true, "the gate refused outbox row %llu for %s (%s): dropped",
            (unsigned long long)row->id, thing->name, mosquitto_reason_string(reason_code));
    }
    rows->published[rows->published_count++] = row->id;
    thing->first = row->next;
    if (thing->first == NULL) {
        thing->end = &thing->first;
    }
    rows->count--;
    rows->in_flight_count--;
    free(row);
}

/* A QoS 0 packet was written, or a QoS 1 publish acknowledged. Packet ids of both come from one
 * counter of 65,535: far more than can be under way at once. */
void dr_bus_packet_sent(struct dr_bus *bus, int mid, int reason_code)
{
    struct dr_unsent_packet *packet = &bus->packets[mid & 0xffff];
    struct dr_row_thing *thing = bus->rows.in_flight[mid & 0xffff];
    if (thing != NULL) {
        bus->rows.in_flight[mid & 0xffff] = NULL;
        head_done(bus, thing, reason_code);
        return; /* the next of this thing goes out in dr_bus_rows_run, not inside a callback */
    }
    if (reason_code >= 0x80) { /* a delta, or a greeting: the gate may lack a change */
        dr_bus_log(bus, true, "the gate refused us: %s", mosquitto_reason_string(reason_code));
        bus->identity.reload = true;
    }
    if (packet->bytes > 0) {
        dr_unsent_remove(&bus->unsent, packet->session, packet->bytes);
        packet->bytes = 0;
    } else {
        bus->early_mid = mid;
    }
}

/* A new connection begins with what the store still holds. */
void dr_bus_rows_restart(struct dr_bus *bus)
{
    struct dr_row_list *rows = &bus->rows;
    for (size_t i = 0; i < DR_BUS_THING_BUCKETS; i++) {
        while (rows->things[i] != NULL) { /* bound: the chain */
            struct dr_row_thing *thing = rows->things[i];
            rows->things[i] = thing->next;
            while (thing->first != NULL) { /* bound: the list */
                struct dr_row *row = thing->first;
                thing->first = row->next;
                free(row);
            }
            free(thing);
        }
    }
    memset(rows->in_flight, 0, sizeof(rows->in_flight));
    rows->count = 0;
    rows->in_flight_count = 0;
    rows->fetched_id = 0;
    rows->more = true;
}

static void remove_published(struct dr_bus *bus)
{
    struct dr_row_list *rows = &bus->rows;
    if (rows->published_count == 0) {
        return;
    }
    enum dr_status status =
        dr_service_outbox_published(bus->service, rows->published, rows->published_count);
    if (status == DR_OK) {
        rows->published_count = 0;
    } else if (status != DR_E_BUSY) {
        dr_bus_log(bus, true, "the outbox cannot be cleared: %s", dr_status_text(status));
        rows->published_count = 0; /* sent again after a restart, dropped by the gate */
    }
}

static void fetch_rows(struct dr_bus *bus)
{
    struct dr_row_list *rows = &bus->rows;
    while (rows->more && /* bound: DR_BUS_ROWS_MAX */
           rows->count + rows->published_count + DR_BUS_FETCH <= DR_BUS_ROWS_MAX) {
        rows->more = false; /* unless a row comes */
        enum dr_status status =
            dr_service_outbox_fetch(bus->service, rows->fetched_id, DR_BUS_FETCH, take_row, rows);
        if (status != DR_OK) {
            dr_bus_log(bus, true, "the outbox cannot be read: %s", dr_status_text(status));
            bus->broken = true;
            return;
        }
    }
}

/* Send what may be sent; drop things that have nothing left. */
static void send_heads(struct dr_bus *bus)
{
    for (size_t i = 0; i < DR_BUS_THING_BUCKETS; i++) {
        struct dr_row_thing **link = &bus->rows.things[i];
        while (*link != NULL) { /* bound: the chain */
            struct dr_row_thing *thing = *link;
            if (thing->first == NULL) {
                *link = thing->next;
                free(thing);
                continue;
            }
            send_head(bus, thing);
            link = &thing->next;
        }
    }
}

void dr_bus_rows_run(struct dr_bus *bus)
{
    remove_published(bus);
    if (!bus->greeted || bus->broken) {
        return;
    }
    fetch_rows(bus);
    if (bus->rows.count > bus->rows.in_flight_count) {
        send_heads(bus);
    }
}

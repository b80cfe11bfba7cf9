/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One connection at a time: a fresh libmosquitto client for each, so that nothing of an old
 * connection is sent again behind our back. The outbox and the gate's ring know what is missing. */
#include "cloud/bus/bus_priv.h"

#include <string.h>

#define KEEPALIVE_S 30
#define SEND_MAXIMUM 1000

static void on_connect(
    struct mosquitto *client, void *context, int reason_code, int flags,
    const mosquitto_property *properties)
{
    (void)flags;
    (void)properties;
    struct dr_bus *bus = context;
    if (reason_code != 0) {
        dr_bus_log(
            bus, true, "the broker refused us: %s; does it know the service's certificate?",
            mosquitto_reason_string(reason_code));
        bus->broken = true;
        return;
    }
    if (mosquitto_subscribe_v5(client, NULL, DR_WIRE_IN_FILTER, 0, 0, NULL) != MOSQ_ERR_SUCCESS) {
        bus->broken = true;
    }
}

static void on_subscribe(
    struct mosquitto *client, void *context, int mid, int count, const int *granted,
    const mosquitto_property *properties)
{
    (void)client;
    (void)mid;
    (void)properties;
    struct dr_bus *bus = context;
    if (count != 1 || granted[0] >= 0x80) {
        dr_bus_log(bus, true, "the broker refused the subscription: is the gate loaded?");
        bus->broken = true;
        return;
    }
    bus->subscribed = true;
}

static void on_disconnect(
    struct mosquitto *client, void *context, int reason_code, const mosquitto_property *properties)
{
    (void)client;
    (void)reason_code;
    (void)properties;
    struct dr_bus *bus = context;
    bus->broken = true;
}

static void on_publish(
    struct mosquitto *client, void *context, int mid, int reason_code,
    const mosquitto_property *properties)
{
    (void)client;
    (void)properties;
    dr_bus_packet_sent(context, mid, reason_code);
}

static void on_message(
    struct mosquitto *client, void *context, const struct mosquitto_message *message,
    const mosquitto_property *properties)
{
    (void)client;
    dr_bus_received(context, message, properties);
}

static bool configure(struct dr_bus *bus, struct mosquitto *client)
{
    mosquitto_connect_v5_callback_set(client, on_connect);
    mosquitto_subscribe_v5_callback_set(client, on_subscribe);
    mosquitto_disconnect_v5_callback_set(client, on_disconnect);
    mosquitto_publish_v5_callback_set(client, on_publish);
    mosquitto_message_v5_callback_set(client, on_message);
    return mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5) == 0 &&
           mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1) == 0 &&
           mosquitto_int_option(client, MOSQ_OPT_RECEIVE_MAXIMUM, bus->receive_maximum) == 0 &&
           mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, SEND_MAXIMUM) == 0 &&
           mosquitto_tls_set(
               client, bus->ca_path, NULL, bus->certificate_path, bus->key_path, NULL) == 0 &&
           mosquitto_tls_opts_set(client, 1, "tlsv1.2", NULL) == 0;
}

void dr_bus_link_open(struct dr_bus *bus)
{
    struct mosquitto *client = mosquitto_new(bus->client_id, true, bus);
    int status = MOSQ_ERR_NOMEM;
    if (client != NULL && configure(bus, client)) {
        status = mosquitto_connect_bind_v5(client, bus->host, bus->port, KEEPALIVE_S, NULL, NULL);
    }
    if (status != MOSQ_ERR_SUCCESS) {
        if (bus->failures == 0) {
            dr_bus_log(
                bus, true, "no connection to the broker at %s:%u: %s; trying on", bus->host,
                bus->port, mosquitto_strerror(status));
        }
        mosquitto_destroy(client);
        bus->broken = true;
        return;
    }
    bus->client = client;
    bus->broken = false;
    bus->connected_at_ms = dr_bus_now_ms();
}

void dr_bus_link_close(struct dr_bus *bus, bool politely)
{
    atomic_store(&bus->connected, false);
    if (bus->client != NULL) {
        if (politely) {
            (void)mosquitto_disconnect_v5(bus->client, 0, NULL);
        }
        mosquitto_destroy(bus->client);
        bus->client = NULL;
    }
    bus->greeted = false;
    bus->asked = false;
    bus->subscribed = false;
    dr_turns_clear(&bus->turns); /* numbered ones come again, others are asked for again */
    dr_unsent_clear(&bus->unsent);
    bus->parts.count = 0;
    bus->parts.used = 0;
    memset(bus->packets, 0, sizeof(bus->packets));
    dr_bus_rows_restart(bus);
}

bool dr_bus_publish(
    struct dr_bus *bus, const char *topic, const void *payload, size_t payload_size, int qos,
    const char *const *properties, int *ret_mid)
{
    mosquitto_property *list = NULL;
    int mid = 0;
    int status = bus->client == NULL || bus->broken ? MOSQ_ERR_NO_CONN : MOSQ_ERR_SUCCESS;
    while (status == MOSQ_ERR_SUCCESS && *properties != NULL) { /* bound: the caller's list */
        status = mosquitto_property_add_string_pair(
            &list, MQTT_PROP_USER_PROPERTY, properties[0], properties[1]);
        properties += 2;
    }
    if (status == MOSQ_ERR_SUCCESS) {
        status = mosquitto_publish_v5(
            bus->client, &mid, topic, (int)payload_size, payload, qos, false, list);
    }
    mosquitto_property_free_all(&list);
    if (status != MOSQ_ERR_SUCCESS) {
        bus->broken = true;
        return false;
    }
    if (ret_mid != NULL) {
        *ret_mid = mid;
    }
    return true;
}

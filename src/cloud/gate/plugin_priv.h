/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Between the files of the plugin: the broker's types on one side, the gate's on the other. */
#ifndef DR_CLOUD_GATE_PLUGIN_PRIV_H
#define DR_CLOUD_GATE_PLUGIN_PRIV_H

#include "cloud/gate/gate.h"

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <mqtt_protocol.h>

/* SHA-256 of the DER of the client's certificate. DR_E_NOT_FOUND: it showed none. */
DR_MUST_USE enum dr_status
dr_plugin_certificate_id(const struct mosquitto *client, uint8_t id[DR_WIRE_CERTIFICATE_ID_BYTES]);

/* What goes out on a connection's socket. OpenSSL tells of each TLS connection that the broker
 * makes or frees; one is bound to a client by the certificate object that both have. On the
 * broker's thread only, as all of this. DR_E_SPACE: no memory, or no index of OpenSSL's. */
DR_MUST_USE enum dr_status dr_plugin_wires_start(const uint64_t secret[2]);
void dr_plugin_wires_stop(void);
void dr_plugin_wire_bind(const struct mosquitto *client);
/* As in the gate's port. */
bool dr_plugin_wire_sent(const void *connection, uint64_t *ret_bytes);
bool dr_plugin_wire_writable(const void *connection);

/* The user properties that the gate reads, in malloc'ed copies owned by `held`. */
#define DR_PLUGIN_HELD_MAX 16u
struct dr_plugin_held {
    char *values[DR_PLUGIN_HELD_MAX];
    size_t count;
};
void dr_plugin_read_properties(
    const mosquitto_property *properties, struct dr_gate_message *message,
    struct dr_plugin_held *held);
void dr_plugin_release(struct dr_plugin_held *held);

/* The properties that say what the stamp says. NULL when it says nothing, or without memory. */
mosquitto_property *dr_plugin_stamp(const struct dr_gate_stamp *stamp);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/text.h"
#include "cloud/gate/plugin_priv.h"

#include <stdlib.h>
#include <string.h>

/* Where the value of a property goes; NULL for a name that means nothing to us. */
static const char **destination(struct dr_gate_message *message, const char *name)
{
    const struct {
        const char *name;
        const char **value;
    } known[] = {
        {DR_WIRE_PROPERTY_CLIENT, &message->client_id},
        {DR_WIRE_PROPERTY_SESSION, &message->session},
        {DR_WIRE_PROPERTY_TOPIC, &message->target_topic},
        {DR_WIRE_PROPERTY_QOS, &message->target_qos},
        {DR_WIRE_PROPERTY_THING, &message->thing},
        {DR_WIRE_PROPERTY_EPOCH, &message->epoch},
        {DR_WIRE_PROPERTY_ID, &message->id},
        {DR_WIRE_PROPERTY_BOOT, &message->boot},
        {DR_WIRE_PROPERTY_NUMBER, &message->number},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0) {
            return known[i].value;
        }
    }
    return NULL;
}

void dr_plugin_read_properties(
    const mosquitto_property *properties, struct dr_gate_message *message,
    struct dr_plugin_held *held)
{
    char *name;
    char *value;
    held->count = 0;
    const mosquitto_property *at = mosquitto_property_read_string_pair(
        properties, MQTT_PROP_USER_PROPERTY, &name, &value, false);
    while (at != NULL && held->count < DR_PLUGIN_HELD_MAX) {
        const char **where = destination(message, name);
        free(name);
        held->values[held->count++] = value;
        if (where != NULL) {
            *where = value;
        }
        if (held->count == DR_PLUGIN_HELD_MAX) {
            break; /* the service sends fewer: the rest is not ours */
        }
        at = mosquitto_property_read_string_pair(at, MQTT_PROP_USER_PROPERTY, &name, &value, true);
    }
}

void dr_plugin_release(struct dr_plugin_held *held)
{
    for (size_t i = 0; i < held->count; i++) {
        free(held->values[i]);
    }
    held->count = 0;
}

static bool add(mosquitto_property **properties, const char *name, const char *value)
{
    return mosquitto_property_add_string_pair(properties, MQTT_PROP_USER_PROPERTY, name, value) ==
           MOSQ_ERR_SUCCESS;
}

static bool add_token(mosquitto_property **properties, const char *name, uint64_t token)
{
    char text[DR_WIRE_TOKEN_BYTES];
    dr_wire_token_format(token, text);
    return token == 0 || add(properties, name, text);
}

mosquitto_property *dr_plugin_stamp(const struct dr_gate_stamp *stamp)
{
    mosquitto_property *properties = NULL;
    char text[DR_WIRE_CERTIFICATE_TEXT_BYTES];
    bool added = true;
    if (stamp->client_id != NULL) {
        added = add(&properties, DR_WIRE_PROPERTY_CLIENT, stamp->client_id);
    }
    if (stamp->certificate_id != NULL) {
        dr_hex_encode(stamp->certificate_id, DR_WIRE_CERTIFICATE_ID_BYTES, text);
        added = added && add(&properties, DR_WIRE_PROPERTY_CERTIFICATE, text);
    }
    added = added && add_token(&properties, DR_WIRE_PROPERTY_SESSION, stamp->session) &&
            add_token(&properties, DR_WIRE_PROPERTY_BOOT, stamp->boot);
    if (stamp->number != 0) {
        dr_wire_number_format(stamp->number, text);
        added = added && add(&properties, DR_WIRE_PROPERTY_NUMBER, text);
    }
    if (!added) { /* half a stamp would be read as another message */
        mosquitto_property_free_all(&properties);
    }
    return properties;
}

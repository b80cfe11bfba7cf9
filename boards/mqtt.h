/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* MQTT 3.1.1 packets of a client, as bytes: what a link needs of the protocol and nothing else.
 *
 * lwIP's own MQTT client runs TLS and its callbacks inside the TCP/IP task, keeps the private key
 * itself and cuts long payloads into pieces; this one leaves all of that to the link.
 * No state, no I/O.
 */
#ifndef DR_BOARDS_MQTT_H
#define DR_BOARDS_MQTT_H

#include "base/cursor.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define DR_MQTT_HEADER_BYTES_MAX 5u

enum dr_mqtt_kind { /* the high half of a packet's first byte */
                    DR_MQTT_CONNECT = 1,
                    DR_MQTT_CONNACK = 2,
                    DR_MQTT_PUBLISH = 3,
                    DR_MQTT_PUBACK = 4,
                    DR_MQTT_SUBSCRIBE = 8,
                    DR_MQTT_SUBACK = 9,
                    DR_MQTT_UNSUBSCRIBE = 10,
                    DR_MQTT_UNSUBACK = 11,
                    DR_MQTT_PINGREQ = 12,
                    DR_MQTT_PINGRESP = 13,
                    DR_MQTT_DISCONNECT = 14,
};

struct dr_mqtt_message {
    const char *topic;
    const uint8_t *payload;
    size_t size_bytes;
    uint16_t packet_id; /* 0 with QoS 0 */
    uint8_t qos;
};

/* Packets go to the end of writer, whole or (writer->status set) not at all. */
void dr_mqtt_put_connect(struct dr_writer *writer, const char *client_id, uint16_t keep_alive_s);
void dr_mqtt_put_publish(struct dr_writer *writer, const struct dr_mqtt_message *message);
void dr_mqtt_put_subscribe(
    struct dr_writer *writer, uint16_t packet_id, const char *filter, uint8_t qos);
void dr_mqtt_put_unsubscribe(struct dr_writer *writer, uint16_t packet_id, const char *filter);
void dr_mqtt_put_puback(struct dr_writer *writer, uint16_t packet_id);
void dr_mqtt_put_empty(struct dr_writer *writer, enum dr_mqtt_kind kind);

/* The fixed header at data. DR_E_AGAIN: more bytes needed. DR_E_FORMAT. */
DR_MUST_USE enum dr_status dr_mqtt_header(
    const uint8_t *data, size_t size_bytes, size_t *ret_header_bytes, size_t *ret_body_bytes);

/* A PUBLISH: first byte and body. The topic is moved by a byte inside body to end it with NUL.
 * DR_E_FORMAT: cut short, QoS 2 or 3, a NUL in the topic. */
DR_MUST_USE enum dr_status dr_mqtt_take_publish(
    uint8_t first, uint8_t *body, size_t size_bytes, struct dr_mqtt_message *ret_message);

#endif

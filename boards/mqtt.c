/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mqtt.h"

#include <string.h>

#define LEVEL_3_1_1 4u
#define CLEAN_SESSION 2u

static void put_text(struct dr_writer *writer, const char *text)
{
    size_t len = strlen(text);
    if (len > UINT16_MAX) {
        writer->status = DR_E_RANGE;
        return;
    }
    dr_write_u16_be(writer, (uint16_t)len);
    dr_write_bytes(writer, (const uint8_t *)text, len);
}

static void put_header(struct dr_writer *writer, uint8_t first, size_t body_bytes)
{
    dr_write_u8(writer, first);
    do { /* bound: 4 turns for what fits a buffer */
        uint8_t digit = (uint8_t)(body_bytes & 0x7fu);
        body_bytes >>= 7;
        dr_write_u8(writer, (uint8_t)(digit | (body_bytes > 0 ? 0x80u : 0)));
    } while (body_bytes > 0);
}

static uint8_t first_byte(enum dr_mqtt_kind kind, unsigned flags)
{
    return (uint8_t)((unsigned)kind << 4 | flags);
}

void dr_mqtt_put_connect(struct dr_writer *writer, const char *client_id, uint16_t keep_alive_s)
{
    put_header(writer, first_byte(DR_MQTT_CONNECT, 0), 12u + strlen(client_id));
    put_text(writer, "MQTT");
    dr_write_u8(writer, LEVEL_3_1_1);
    dr_write_u8(writer, CLEAN_SESSION);
    dr_write_u16_be(writer, keep_alive_s);
    put_text(writer, client_id);
}

void dr_mqtt_put_publish(struct dr_writer *writer, const struct dr_mqtt_message *message)
{
    size_t body_bytes = 2u + strlen(message->topic) + message->size_bytes;
    body_bytes += message->qos > 0 ? 2u : 0;
    put_header(writer, first_byte(DR_MQTT_PUBLISH, (unsigned)message->qos << 1), body_bytes);
    put_text(writer, message->topic);
    if (message->qos > 0) {
        dr_write_u16_be(writer, message->packet_id);
    }
    dr_write_bytes(writer, message->payload, message->size_bytes);
}

void dr_mqtt_put_subscribe(
    struct dr_writer *writer, uint16_t packet_id, const char *filter, uint8_t qos)
{
    put_header(writer, first_byte(DR_MQTT_SUBSCRIBE, 2), 5u + strlen(filter));
    dr_write_u16_be(writer, packet_id);
    put_text(writer, filter);
    dr_write_u8(writer, qos);
}

void dr_mqtt_put_unsubscribe(struct dr_writer *writer, uint16_t packet_id, const char *filter)
{
    put_header(writer, first_byte(DR_MQTT_UNSUBSCRIBE, 2), 4u + strlen(filter));
    dr_write_u16_be(writer, packet_id);
    put_text(writer, filter);
}

void dr_mqtt_put_puback(struct dr_writer *writer, uint16_t packet_id)
{
    put_header(writer, first_byte(DR_MQTT_PUBACK, 0), 2);
    dr_write_u16_be(writer, packet_id);
}

void dr_mqtt_put_empty(struct dr_writer *writer, enum dr_mqtt_kind kind)
{
    put_header(writer, first_byte(kind, 0), 0);
}

enum dr_status dr_mqtt_header(
    const uint8_t *data, size_t size_bytes, size_t *ret_header_bytes, size_t *ret_body_bytes)
{
    size_t body_bytes = 0;
    for (size_t i = 1; i < DR_MQTT_HEADER_BYTES_MAX; i++) {
        if (i >= size_bytes) {
            return DR_E_AGAIN;
        }
        body_bytes |= (size_t)(data[i] & 0x7fu) << 7u * (i - 1u);
        if ((data[i] & 0x80u) == 0) {
            *ret_header_bytes = i + 1u;
            *ret_body_bytes = body_bytes;
            return DR_OK;
        }
    }
    return DR_E_FORMAT;
}

enum dr_status dr_mqtt_take_publish(
    uint8_t first, uint8_t *body, size_t size_bytes, struct dr_mqtt_message *ret_message)
{
    uint8_t qos = (uint8_t)(first >> 1 & 3u);
    if (qos > 1 || size_bytes < 2u) {
        return DR_E_FORMAT;
    }
    size_t topic_len = (size_t)body[0] << 8 | body[1];
    size_t front = 2u + topic_len + (qos > 0 ? 2u : 0);
    if (topic_len == 0 || front > size_bytes || memchr(body + 2, 0, topic_len) != NULL) {
        return DR_E_FORMAT;
    }
    const uint8_t *id = body + 2u + topic_len;
    struct dr_mqtt_message message = {
        .topic = (const char *)body + 1,
        .payload = body + front,
        .size_bytes = size_bytes - front,
        .packet_id = qos > 0 ? (uint16_t)(id[0] << 8 | id[1]) : 0,
        .qos = qos,
    };
    memmove(body + 1, body + 2, topic_len);
    body[1u + topic_len] = 0;
    *ret_message = message;
    return DR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* MQTT packets of the boards' links, byte for byte. */
#include "boards/mqtt.c"

#include "tests/unit/check.h"

static void test_packets(void)
{
    uint8_t out[64];
    struct dr_writer writer;
    static const uint8_t connect[] = {0x10, 14,   0, 4,  'M', 'Q', 'T', 'T',
                                      4,    0x02, 0, 30, 0,   2,   'd', '1'};
    dr_writer_init(&writer, out, sizeof(out));
    dr_mqtt_put_connect(&writer, "d1", 30);
    EXPECT(writer.status == DR_OK && writer.size_bytes == sizeof(connect));
    EXPECT(memcmp(out, connect, sizeof(connect)) == 0);

    static const uint8_t publish[] = {0x32, 7, 0, 1, 't', 0x12, 0x34, 'h', 'i'};
    const struct dr_mqtt_message message = {
        .topic = "t",
        .payload = (const uint8_t *)"hi",
        .size_bytes = 2,
        .packet_id = 0x1234,
        .qos = 1};
    dr_writer_init(&writer, out, sizeof(out));
    dr_mqtt_put_publish(&writer, &message);
    EXPECT(writer.status == DR_OK && writer.size_bytes == sizeof(publish));
    EXPECT(memcmp(out, publish, sizeof(publish)) == 0);

    dr_writer_init(&writer, out, sizeof(publish) - 1u);
    dr_mqtt_put_publish(&writer, &message);
    EXPECT(writer.status != DR_OK);

    static const uint8_t subscribe[] = {0x82, 6, 0, 9, 0, 1, 'f', 1};
    dr_writer_init(&writer, out, sizeof(out));
    dr_mqtt_put_subscribe(&writer, 9, "f", 1);
    EXPECT(writer.size_bytes == sizeof(subscribe));
    EXPECT(memcmp(out, subscribe, sizeof(subscribe)) == 0);
}

static void test_header(void)
{
    static const struct {
        uint8_t bytes[5];
        size_t size;
        enum dr_status status;
        size_t header;
        size_t body;
    } rows[] = {
        {{0xd0, 0}, 2, DR_OK, 2, 0},
        {{0x30, 0x7f}, 2, DR_OK, 2, 127},
        {{0x30, 0x80, 0x01}, 3, DR_OK, 3, 128},
        {{0x30, 0xff, 0xff, 0xff, 0x7f}, 5, DR_OK, 5, 268435455},
        {{0x30}, 1, DR_E_AGAIN, 0, 0},
        {{0x30, 0x80}, 2, DR_E_AGAIN, 0, 0},
        {{0x30, 0xff, 0xff, 0xff, 0xff}, 5, DR_E_FORMAT, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t header = 0;
        size_t body = 0;
        EXPECT(dr_mqtt_header(rows[i].bytes, rows[i].size, &header, &body) == rows[i].status);
        EXPECT(header == rows[i].header && body == rows[i].body);
    }
}

static void test_publish_received(void)
{
    struct dr_mqtt_message message;
    uint8_t plain[] = {0, 3, 'a', '/', 'b', 'x', 'y'};
    EXPECT(dr_mqtt_take_publish(0x30, plain, sizeof(plain), &message) == DR_OK);
    EXPECT(strcmp(message.topic, "a/b") == 0 && message.qos == 0 && message.packet_id == 0);
    EXPECT(message.size_bytes == 2 && memcmp(message.payload, "xy", 2) == 0);

    uint8_t once[] = {0, 1, 't', 0x12, 0x34, 'z'};
    EXPECT(dr_mqtt_take_publish(0x32, once, sizeof(once), &message) == DR_OK);
    EXPECT(message.packet_id == 0x1234 && message.qos == 1);
    EXPECT(strcmp(message.topic, "t") == 0 && message.size_bytes == 1 && *message.payload == 'z');

    uint8_t hostile[] = {0, 9, 't'};
    EXPECT(dr_mqtt_take_publish(0x30, hostile, sizeof(hostile), &message) == DR_E_FORMAT);
    uint8_t nul[] = {0, 2, 't', 0};
    EXPECT(dr_mqtt_take_publish(0x30, nul, sizeof(nul), &message) == DR_E_FORMAT);
    uint8_t no_id[] = {0, 1, 't', 0};
    EXPECT(dr_mqtt_take_publish(0x32, no_id, sizeof(no_id), &message) == DR_E_FORMAT);
    EXPECT(dr_mqtt_take_publish(0x34, once, sizeof(once), &message) == DR_E_FORMAT);
    EXPECT(dr_mqtt_take_publish(0x30, once, 1, &message) == DR_E_FORMAT);
}

DR_TEST_MAIN(test_packets, test_header, test_publish_received)

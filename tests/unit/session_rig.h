/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* An MQTT session over a stream that a test scripts, on a clock that a test turns: the sources
 * themselves, the other end, the board, the sink. */
#ifndef DR_TESTS_UNIT_SESSION_RIG_H
#define DR_TESTS_UNIT_SESSION_RIG_H

#include "boards/mqtt.c"
#include "boards/mqtt_session.c"

#include "tests/unit/check.h"

#define RECEIVE_BYTES 64u
#define SEND_BYTES 128u
#define PLENTY 1000000u /* more room than anything takes */

/* The other end and the board. */
static struct {
    uint8_t in[512]; /* what the session will read */
    size_t in_at;
    size_t in_len;
    size_t piece;     /* at most so much in one read */
    uint8_t out[512]; /* what it has written */
    size_t out_len;
    size_t room;           /* how much of that the stream still takes */
    uint8_t again[512];    /* what it did not take, */
    size_t again_len;      /* to be offered once more, no longer and no shorter */
    enum dr_status opened; /* of open */
    enum dr_status state;
    enum dr_link_fault fault;
    bool hang_up;    /* at the end of in */
    unsigned writes; /* that took something */
    unsigned opens;
    unsigned closes;
    uint64_t now_ms;
    unsigned waits;
    uint32_t wants; /* of the last wait */
    bool woken;     /* what a wait says */
    unsigned sending;
} end;

/* What the sink heard, and what it does about it. */
static struct {
    unsigned ups;
    unsigned downs;
    unsigned messages;
    enum dr_link_fault fault;
    uint64_t until_s;
    char topic[RECEIVE_BYTES];
    char payload[RECEIVE_BYTES];
    bool leave;   /* end the session with the next event */
    bool connect; /* and begin another */
    bool answer;  /* publish with each message */
} heard;

static struct dr_mqtt_session session;
static struct dr_link link;
static uint8_t receive_buffer[RECEIVE_BYTES];
static uint8_t send_buffer[SEND_BYTES];

static enum dr_status stream_open(void *context, const struct dr_link_identity *identity)
{
    (void)context;
    EXPECT_STR(identity->host, "broker");
    end.opens++;
    return end.opened;
}

static enum dr_status stream_state(void *context)
{
    (void)context;
    return end.state;
}

/* Refuses as Mbed TLS does: what it said DR_E_AGAIN to has to come again, the same bytes. */
static enum dr_status
stream_write(void *context, const uint8_t *data, size_t size_bytes, size_t *ret_bytes)
{
    (void)context;
    if (end.again_len > 0) {
        EXPECT_EQ(size_bytes, end.again_len);
        EXPECT(memcmp(data, end.again, end.again_len) == 0);
    }
    size_t size = size_bytes < end.room ? size_bytes : end.room;
    if (size == 0) {
        memcpy(end.again, data, size_bytes);
        end.again_len = size_bytes;
        return DR_E_AGAIN;
    }
    end.again_len = 0;
    memcpy(end.out + end.out_len, data, size);
    end.out_len += size;
    end.room -= size;
    end.writes++;
    *ret_bytes = size;
    return DR_OK;
}

static enum dr_status
stream_read(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_bytes)
{
    (void)context;
    size_t size = end.in_len - end.in_at;
    EXPECT(capacity_bytes > 0);
    if (size == 0) {
        return end.hang_up ? DR_E_CLOSED : DR_E_AGAIN;
    }
    size = size < end.piece ? size : end.piece;
    size = size < capacity_bytes ? size : capacity_bytes;
    memcpy(out, end.in + end.in_at, size);
    end.in_at += size;
    *ret_bytes = size;
    return DR_OK;
}

static enum dr_link_fault stream_fault(void *context)
{
    (void)context;
    return end.fault;
}

static void stream_close(void *context)
{
    (void)context;
    end.closes++;
}

static uint64_t board_now_ms(void *context)
{
    (void)context;
    return end.now_ms;
}

static bool board_wait(void *context, uint32_t for_what, uint32_t timeout_ms)
{
    (void)context;
    end.waits++;
    end.wants = for_what;
    end.now_ms += timeout_ms;
    return end.woken;
}

static uint64_t board_until_s(void *context)
{
    (void)context;
    return 2000000000u;
}

static bool board_sending(void *context)
{
    (void)context;
    return end.sending > 0 && end.sending-- > 0;
}

static const struct dr_link_identity identity = {.host = "broker", .client_id = "d1"};
static const struct dr_link_subscription two[] = {{"a", 1}, {"b", 0}};

static void sink(void *context, const struct dr_link_event *event)
{
    EXPECT(context == &heard);
    if (event->kind == DR_LINK_UP) {
        heard.ups++;
        heard.until_s = event->until_s;
    } else if (event->kind == DR_LINK_DOWN) {
        heard.downs++;
        heard.fault = event->fault;
    } else {
        heard.messages++;
        snprintf(heard.topic, sizeof heard.topic, "%s", event->topic);
        memcpy(heard.payload, event->payload, event->size_bytes);
        heard.payload[event->size_bytes] = '\0';
    }
    if (heard.answer) {
        EXPECT_EQ(link.publish(link.context, "r", (const uint8_t *)"ok", 2, 0), DR_OK);
    }
    if (heard.leave) {
        link.disconnect(link.context, 0);
    }
    if (heard.connect) {
        EXPECT_EQ(link.connect(link.context, &identity, two, 2), DR_OK);
        heard.connect = false;
    }
}

static void give(const void *bytes, size_t size_bytes)
{
    memcpy(end.in + end.in_len, bytes, size_bytes);
    end.in_len += size_bytes;
}
#define GIVE(bytes) give((bytes), sizeof(bytes) - 1u) /* of a string's text */

/* Exactly this was written since the last question. */
static void expect_written(const void *bytes, size_t size_bytes, int line)
{
    EXPECT_EQ(end.out_len, size_bytes);
    if (end.out_len != size_bytes || memcmp(end.out, bytes, size_bytes) != 0) {
        fprintf(stderr, "line %d: written otherwise\n", line);
        EXPECT(false);
    }
    end.out_len = 0;
}
#define EXPECT_WRITTEN(bytes) expect_written((bytes), sizeof(bytes) - 1u, __LINE__)

#define CONNECT "\x10\x0e\0\4MQTT\4\2\0\x1e\0\2d1"
#define CONNACK "\x20\2\0\0"
#define PING "\xc0\0"
#define PONG "\xd0\0"
#define HELLO "\x30\5\0\1thi"
#define GOODBYE "\xe0\0"

static const struct dr_mqtt_port port = {board_now_ms, board_wait, board_until_s, board_sending};
static const struct dr_link_stream stream = {NULL,        stream_open,  stream_state, stream_write,
                                             stream_read, stream_fault, stream_close};
static const struct dr_mqtt_session_config plain = {
    .port = &port,
    .stream = &stream,
    .receive = receive_buffer,
    .receive_bytes = sizeof receive_buffer,
    .send = send_buffer,
    .send_bytes = sizeof send_buffer,
    .open_ms = 25000,
    .steps_max = 100,
};

static void begin(const struct dr_mqtt_session_config *config)
{
    memset(&end, 0, sizeof end);
    memset(&heard, 0, sizeof heard);
    end.piece = sizeof end.in;
    end.room = PLENTY;
    end.fault = DR_LINK_FAULT_NETWORK;
    end.now_ms = 1000;
    end.state = DR_OK;
    dr_mqtt_session_init(&session, config, &link);
    link.listen(link.context, sink, &heard);
}

static enum dr_status poll_now(void)
{
    return link.poll(link.context, 0);
}

/* Up, without subscriptions, nothing unread. */
static void begin_up(const struct dr_mqtt_session_config *config)
{
    begin(config);
    EXPECT_EQ(link.connect(link.context, &identity, NULL, 0), DR_OK);
    GIVE(CONNACK);
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_EQ(heard.ups, 1);
    end.out_len = 0;
    end.writes = 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The MQTT session of the boards' links: what leaves, what is told, when it is given up. */
#include "tests/unit/session_rig.h"

static void opens_step_by_step(void)
{
    begin(&plain);
    end.state = DR_E_AGAIN;
    EXPECT_EQ(link.connect(link.context, &identity, two, 2), DR_OK);
    EXPECT_EQ(link.connect(link.context, &identity, two, 2), DR_E_STATE);
    EXPECT_EQ(session.attempt, 1);
    end.woken = true;
    EXPECT_EQ(link.poll(link.context, 500), DR_OK);
    EXPECT_EQ(end.wants, 0); /* TLS knows what it waits for */
    EXPECT_EQ(end.out_len, 0);
    end.state = DR_OK;
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_WRITTEN(CONNECT);
    EXPECT_EQ(link.poll(link.context, 500), DR_OK);
    EXPECT_EQ(end.wants, DR_MQTT_WAIT_READ);
    EXPECT_EQ(link.publish(link.context, "t", NULL, 0, 0), DR_E_STATE);
    EXPECT_EQ(link.subscribe(link.context, "t", 0), DR_E_STATE);
    EXPECT_EQ(link.unsubscribe(link.context, "t"), DR_E_STATE);
    GIVE(CONNACK);
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_WRITTEN("\x82\6\0\1\0\1a\1"
                   "\x82\6\0\2\0\1b\0");
    GIVE("\x90\3\0\1\x80"); /* refused: answered all the same */
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_EQ(heard.ups, 0);
    GIVE(HELLO); /* too early: nobody has been told of a session */
    GIVE("\x90\3\0\2\0");
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT(heard.ups == 1 && heard.downs == 0 && heard.messages == 0);
    EXPECT_EQ(heard.until_s, 2000000000u);
    EXPECT(session.attempt == 0 && session.opening_ms == 1000);
    GIVE("\x90\3\0\2\0");
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_EQ(heard.ups, 1);
}

static void packets_may_come_in_any_pieces(void)
{
    for (size_t piece = 1; piece < 32u; piece++) {
        begin(&plain);
        end.piece = piece;
        EXPECT_EQ(link.connect(link.context, &identity, two, 1), DR_OK);
        GIVE(CONNACK "\x90\3\0\1\1" HELLO);
        GIVE("\x32\x2c\0\3a/b\0\x07"
             "0123456789012345678901234567890123456" HELLO);
        for (unsigned i = 0; i < 3u; i++) {
            EXPECT_EQ(poll_now(), DR_OK);
        }
        EXPECT(heard.ups == 1 && heard.messages == 3 && heard.downs == 0);
        EXPECT(strcmp(heard.topic, "t") == 0 && strcmp(heard.payload, "hi") == 0);
        EXPECT(end.out_len > 4u && memcmp(end.out + end.out_len - 4u, "\x40\2\0\7", 4) == 0);
        EXPECT_EQ(session.received, 0);
    }
}

static void what_does_not_fit_is_skipped(void)
{
    uint8_t big[3u + 200u] = {0x30, 0xc8, 0x01, 0, 1, 'x'};
    for (size_t piece = 1; piece < 210u; piece++) {
        begin_up(&plain);
        end.piece = piece;
        GIVE(HELLO);
        give(big, sizeof big);
        GIVE(HELLO);
        for (unsigned i = 0; i < 5u; i++) {
            EXPECT_EQ(poll_now(), DR_OK);
        }
        EXPECT(heard.messages == 2 && heard.downs == 0 && session.skip == 0);
        EXPECT_EQ(end.out_len, 0);
    }
    begin_up(&plain); /* the largest that does fit */
    uint8_t full[RECEIVE_BYTES] = {0x30, RECEIVE_BYTES - 2u, 0, 1, 'f'};
    memset(full + 5, 'y', sizeof full - 5u);
    give(full, sizeof full);
    GIVE(HELLO);
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_EQ(heard.messages, 2);
}

static void expect_down(enum dr_link_fault fault)
{
    EXPECT_EQ(poll_now(), DR_E_CLOSED);
    EXPECT(heard.downs == 1 && end.closes == 1);
    EXPECT_EQ(heard.fault, fault);
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_EQ(heard.downs, 1); /* told once */
}

static void why_it_did_not_come_up(void)
{
    begin(&plain);
    EXPECT_EQ(link.connect(link.context, &identity, two, 2), DR_OK);
    GIVE("\x20\2\0\5");
    expect_down(DR_LINK_FAULT_REFUSED);
    end.hang_up = true; /* what was said to the last session is not said of the next */
    EXPECT_EQ(link.connect(link.context, &identity, two, 2), DR_OK);
    EXPECT_EQ(session.attempt, 2);
    heard.downs = end.closes = 0;
    expect_down(DR_LINK_FAULT_NETWORK);

    begin(&plain);
    end.state = DR_E_CLOSED;
    end.fault = DR_LINK_FAULT_TLS_NAME;
    EXPECT_EQ(link.connect(link.context, &identity, two, 2), DR_OK);
    expect_down(DR_LINK_FAULT_TLS_NAME);

    begin(&plain);
    end.opened = DR_E_NOT_FOUND;
    EXPECT_EQ(link.connect(link.context, &identity, two, 2), DR_E_NOT_FOUND);
    EXPECT(heard.downs == 0 && session.attempt == 1); /* said already; another address is next */
    end.opened = DR_OK;
    EXPECT_EQ(link.connect(link.context, &identity, two, 2), DR_OK);

    static const struct dr_link_subscription five[5] = {{"a", 0}, {"a", 0}, {"a", 0}, {"a", 0}};
    static char wide[DR_MQTT_FILTER_BYTES + 1u];
    memset(wide, 'w', sizeof wide - 1u);
    const struct dr_link_subscription too_long[] = {{wide, 0}};
    const struct dr_link_identity nobody = {.host = "broker", .client_id = wide};
    begin(&plain);
    EXPECT_EQ(link.connect(link.context, &identity, five, 5), DR_E_SPACE);
    EXPECT_EQ(link.connect(link.context, &identity, too_long, 1), DR_E_SPACE);
    EXPECT_EQ(link.connect(link.context, &nobody, NULL, 0), DR_E_SPACE);
    EXPECT_EQ(end.opens, 0);
}

static void nonsense_ends_the_session(void)
{
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        {"\xf0\0", 2},                        /* no such packet */
        {"\x30\xff\xff\xff\xff", 5},          /* a length without an end */
        {"\x20\2\0\0", 4},                    /* a second CONNACK */
        {"\x34\5\0\1t\0\1", 7},               /* QoS 2, which was not asked for */
        {"\x30\3\0\5t", 5},                   /* a topic longer than its packet */
        {"\x82\6\0\1\0\1a\1", 8},             /* what only a client says */
        {"\x30\5\0\1thi\x30\3\0\1\0", 7 + 5}, /* after a good one: NUL in a topic */
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        begin_up(&plain);
        give(rows[i].bytes, rows[i].size);
        expect_down(DR_LINK_FAULT_NETWORK);
    }
    begin(&plain);
    EXPECT_EQ(link.connect(link.context, &identity, two, 2), DR_OK);
    GIVE("\x20\3\0\0\0");
    expect_down(DR_LINK_FAULT_NETWORK);
}

static void patience_while_it_opens(void)
{
    begin(&plain);
    end.state = DR_E_AGAIN;
    EXPECT_EQ(link.connect(link.context, &identity, two, 2), DR_OK);
    end.now_ms += 24999;
    EXPECT_EQ(poll_now(), DR_OK);
    end.state = DR_OK; /* TLS is not enough */
    EXPECT_EQ(poll_now(), DR_OK);
    end.now_ms += 1;
    expect_down(DR_LINK_FAULT_NETWORK);

    struct dr_mqtt_session_config patient = plain;
    patient.open_ms = 0;
    begin(&patient);
    end.state = DR_E_AGAIN;
    EXPECT_EQ(link.connect(link.context, &identity, two, 2), DR_OK);
    end.now_ms += 3600000;
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_EQ(heard.downs, 0);
}

static void silence_is_asked_and_then_believed(void)
{
    begin_up(&plain);
    end.now_ms += 29999;
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_EQ(end.out_len, 0);
    end.now_ms += 1;
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_WRITTEN(PING);
    end.now_ms += 14999;
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_EQ(end.out_len, 0); /* asked once */
    GIVE(PONG);
    EXPECT_EQ(poll_now(), DR_OK);
    end.now_ms += 15001; /* 30 s after the ping we have said nothing again */
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_WRITTEN(PING);
    GIVE(PONG);
    for (unsigned i = 0; i < 30u; i++) { /* who only sends learns nothing */
        end.now_ms += 1000;
        EXPECT_EQ(poll_now(), DR_OK);
        EXPECT_EQ(link.publish(link.context, "t", (const uint8_t *)"hi", 2, 0), DR_OK);
    }
    end.out_len = 0;
    end.now_ms += 1000;
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_WRITTEN(HELLO PING);
    GIVE(HELLO); /* not the answer */
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_EQ(heard.downs, 0);
    end.now_ms += 15000;
    expect_down(DR_LINK_FAULT_NETWORK);
}

static void a_write_is_repeated_with_the_same_bytes(void)
{
    static const uint8_t hi[] = {'h', 'i'};
    static const uint8_t large[SEND_BYTES] = {0};
    struct dr_mqtt_session_config eager = plain;
    eager.at_once = true;
    for (unsigned i = 0; i < 2u; i++) {
        begin_up(i == 0 ? &plain : &eager);
        end.room = 3;
        EXPECT_EQ(link.publish(link.context, "t", hi, 2, 0), DR_OK);
        EXPECT_EQ(poll_now(), DR_OK); /* three bytes out, four refused */
        EXPECT_EQ(link.publish(link.context, "t", hi, 2, 0), DR_OK); /* stream_write() compares */
        EXPECT_EQ(link.poll(link.context, 100), DR_OK);
        EXPECT_EQ(end.wants, DR_MQTT_WAIT_READ | DR_MQTT_WAIT_WRITE);
        EXPECT_EQ(link.publish(link.context, "t", large, 100, 0), DR_OK);
        EXPECT_EQ(link.publish(link.context, "t", large, 100, 0), DR_E_BUSY);
        GIVE(HELLO); /* what cannot be sent is no reason not to listen */
        EXPECT_EQ(poll_now(), DR_OK);
        EXPECT_EQ(heard.messages, 1);
        EXPECT_EQ(end.out_len, 3);
        end.room = PLENTY;
        EXPECT_EQ(poll_now(), DR_OK);
        EXPECT_EQ(end.out_len, 7 + 7 + 2 + 3 + 100); /* and nothing of what was busy */
        EXPECT(memcmp(end.out, HELLO HELLO "\x30\x67\0\1t", 7 + 7 + 5) == 0);
        EXPECT_EQ(session.queued, 0);
    }
    begin_up(&plain); /* a ping that finds no place: nothing leaves any more */
    end.room = 0;
    EXPECT_EQ(link.publish(link.context, "t", large, SEND_BYTES - 5u, 0), DR_OK);
    end.now_ms += 30000;
    expect_down(DR_LINK_FAULT_NETWORK);
}

/* Cut in the middle of everything: a ping, a packet being skipped, one being sent. */
static void nothing_of_the_last_session_is_left(void)
{
    static const uint8_t long_one[50] = {0};
    begin_up(&plain);
    end.now_ms += 30000;
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_WRITTEN(PING);
    end.room = 3;
    EXPECT_EQ(link.publish(link.context, "t", long_one, sizeof long_one, 0), DR_OK);
    GIVE("\x30\xc8\x01\0\1x");
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT(session.skip > 0 && session.pending == 2 + sizeof long_one);
    end.hang_up = true;
    expect_down(DR_LINK_FAULT_NETWORK);
    end.hang_up = false;
    end.room = PLENTY;
    end.again_len = end.out_len = 0;
    EXPECT_EQ(link.connect(link.context, &identity, two, 1), DR_OK);
    GIVE(CONNACK "\x90\3\0\1\1");
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_WRITTEN(CONNECT "\x82\6\0\1\0\1a\1");
    EXPECT_EQ(heard.ups, 2);
    end.now_ms += 29999;
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT(heard.downs == 1 && end.out_len == 0);

    begin(&plain); /* an answer that is still missing */
    EXPECT_EQ(link.connect(link.context, &identity, two, 1), DR_OK);
    GIVE(CONNACK);
    EXPECT_EQ(poll_now(), DR_OK);
    link.disconnect(link.context, 0);
    EXPECT_EQ(link.connect(link.context, &identity, two, 1), DR_OK);
    GIVE("\x90\3\0\1\1");
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_EQ(heard.ups, 0);
}

static void packets_leave_at_once_or_together(void)
{
    static const uint8_t hi[] = {'h', 'i'};
    struct dr_mqtt_session_config eager = plain;
    eager.at_once = true;
    begin_up(&eager);
    EXPECT_EQ(link.publish(link.context, "t", hi, 2, 0), DR_OK);
    EXPECT_WRITTEN(HELLO);
    EXPECT_EQ(link.subscribe(link.context, "a", 1), DR_OK);
    EXPECT_WRITTEN("\x82\6\0\1\0\1a\1");
    EXPECT_EQ(end.writes, 2);

    begin_up(&plain);
    EXPECT_EQ(link.publish(link.context, "t", hi, 2, 1), DR_OK);
    EXPECT_EQ(link.unsubscribe(link.context, "a"), DR_OK);
    EXPECT_EQ(end.out_len, 0);
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_WRITTEN("\x32\7\0\1t\0\1hi"
                   "\xa2\5\0\2\0\1a");
    EXPECT_EQ(end.writes, 1);

    struct dr_mqtt_session_config brief = plain; /* the last answer does not wait for a turn */
    brief.steps_max = 1;
    begin(&brief);
    EXPECT_EQ(link.connect(link.context, &identity, NULL, 0), DR_OK);
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_WRITTEN(CONNECT);
    GIVE(CONNACK "\x32\7\0\1t\0\1hi");
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_WRITTEN("\x40\2\0\1");

    begin_up(&plain); /* 0 is no packet's number */
    session.packet_id = UINT16_MAX;
    EXPECT_EQ(link.publish(link.context, "t", hi, 2, 1), DR_OK);
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_WRITTEN("\x32\7\0\1t\0\1hi");
}

static void it_waits_only_for_want_of_work(void)
{
    struct dr_mqtt_session_config brief = plain;
    brief.steps_max = 2;
    begin(&plain);
    EXPECT_EQ(link.poll(link.context, 700), DR_OK); /* down: time passes */
    EXPECT(end.waits == 1 && end.wants == 0 && end.now_ms == 1700);
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_EQ(end.waits, 1);

    begin_up(&brief);
    end.piece = 7;
    GIVE(HELLO HELLO HELLO);
    EXPECT_EQ(link.poll(link.context, 700), DR_OK);
    EXPECT(heard.messages == 2 && end.waits == 0); /* the owner's turn */
    EXPECT_EQ(link.poll(link.context, 700), DR_OK);
    EXPECT(heard.messages == 3 && end.waits == 0);
    EXPECT_EQ(link.poll(link.context, 700), DR_OK);
    EXPECT(end.waits == 1 && end.wants == DR_MQTT_WAIT_READ);
    end.hang_up = true;
    EXPECT_EQ(link.poll(link.context, 0), DR_E_CLOSED);
    EXPECT_EQ(end.waits, 1);

    begin_up(&plain);
    EXPECT_EQ(poll_now(), DR_OK);
    end.hang_up = true; /* seen after a wait that says so, or else in the next poll */
    end.in_at = end.in_len;
    end.woken = true;
    EXPECT_EQ(link.poll(link.context, 700), DR_E_CLOSED);
}

static void the_sink_may_end_it(void)
{
    begin_up(&plain);
    heard.leave = true;
    GIVE(HELLO HELLO);
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT(heard.messages == 1 && heard.downs == 0 && end.closes == 1);
    EXPECT_WRITTEN(GOODBYE);
    EXPECT_EQ(session.phase, DR_MQTT_PHASE_DOWN);

    begin(&plain); /* as soon as it is up */
    heard.leave = true;
    EXPECT_EQ(link.connect(link.context, &identity, NULL, 0), DR_OK);
    GIVE(CONNACK HELLO);
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT(heard.ups == 1 && heard.messages == 0 && heard.downs == 0 && end.closes == 1);

    begin_up(&plain); /* and another one: nothing of the first is left */
    heard.leave = heard.connect = true;
    GIVE(HELLO HELLO "\x30\5\0");
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT(heard.messages == 1 && end.opens == 2 && session.received == 0);
    EXPECT_WRITTEN(GOODBYE CONNECT);
    heard.leave = false;
    GIVE(CONNACK "\x90\3\0\1\1\x90\3\0\2\0");
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT(heard.ups == 2 && heard.downs == 0);

    begin_up(&plain); /* told that it is down, it may connect there and then */
    heard.connect = end.hang_up = true;
    EXPECT_EQ(poll_now(), DR_E_CLOSED);
    EXPECT(heard.downs == 1 && end.opens == 2 && session.phase == DR_MQTT_PHASE_OPENING);
}

static void the_sink_may_answer(void)
{
    begin_up(&plain);
    heard.answer = true;
    GIVE(HELLO HELLO HELLO);
    EXPECT_EQ(poll_now(), DR_OK);
    EXPECT_WRITTEN("\x30\5\0\1rok\x30\5\0\1rok\x30\5\0\1rok");
    EXPECT_EQ(end.writes, 1);
}

static void a_goodbye_has_its_time(void)
{
    begin_up(&plain);
    end.sending = 3; /* written, but not yet at the other side */
    link.disconnect(link.context, 1000);
    EXPECT_WRITTEN(GOODBYE);
    EXPECT(end.waits == 3 && end.wants == DR_MQTT_WAIT_WRITE && end.closes == 1);
    EXPECT_EQ(heard.downs, 0);

    begin_up(&plain);
    end.room = 0;
    link.disconnect(link.context, 1000);
    EXPECT(end.waits == 100 && end.closes == 1 && end.out_len == 0);
    link.disconnect(link.context, 1000); /* nothing to end */
    EXPECT_EQ(end.closes, 1);

    begin(&plain); /* who was never up says nothing */
    EXPECT_EQ(link.connect(link.context, &identity, two, 2), DR_OK);
    link.disconnect(link.context, 1000);
    EXPECT(end.out_len == 0 && end.waits == 0 && end.closes == 1 && heard.downs == 0);
}

static enum dr_status network_join(void *context, const uint8_t *credentials, size_t size_bytes)
{
    EXPECT(context == &end && credentials == send_buffer && size_bytes == 3);
    return DR_E_AUTH;
}

static void the_network_below(void)
{
    struct dr_mqtt_session_config wireless = plain;
    wireless.network.context = &end;
    wireless.network.join = network_join;
    begin(&wireless);
    EXPECT_EQ(link.join(link.context, send_buffer, 3), DR_E_AUTH);
    EXPECT(link.leave == NULL && link.offered == NULL);
    begin(&plain);
    EXPECT(link.join == NULL);
}

DR_TEST_MAIN(
    opens_step_by_step, packets_may_come_in_any_pieces, what_does_not_fit_is_skipped,
    why_it_did_not_come_up, nonsense_ends_the_session, patience_while_it_opens,
    silence_is_asked_and_then_believed, a_write_is_repeated_with_the_same_bytes,
    nothing_of_the_last_session_is_left, packets_leave_at_once_or_together,
    it_waits_only_for_want_of_work, the_sink_may_end_it, the_sink_may_answer,
    a_goodbye_has_its_time, the_network_below)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mqtt_session.h"

#include "boards/mqtt.h"

#include <string.h>

#define KEEP_ALIVE_S 30u
#define KEEP_ALIVE_MS (1000u * KEEP_ALIVE_S)
#define ANSWER_MS 15000u
#define LINGER_STEP_MS 10u

static uint64_t now_ms(const struct dr_mqtt_session *session)
{
    return session->config.port->now_ms(session->config.context);
}

static bool wait(const struct dr_mqtt_session *session, uint32_t wants, uint32_t timeout_ms)
{
    return session->config.port->wait(session->config.context, wants, timeout_ms);
}

static void drop(struct dr_mqtt_session *session)
{
    session->config.stream->close(session->config.stream->context);
    session->phase = DR_MQTT_PHASE_DOWN;
    session->number++;
}

/* The session is over: find out why, tell once. */
static void fail(struct dr_mqtt_session *session)
{
    const struct dr_link_stream *stream = session->config.stream;
    const struct dr_link_event event = {
        .kind = DR_LINK_DOWN,
        .fault = session->refusal != DR_LINK_FAULT_NONE ? session->refusal
                                                        : stream->fault(stream->context),
    };
    drop(session);
    session->sink(session->sink_context, &event);
}

static struct dr_writer writer_of(struct dr_mqtt_session *session)
{
    const struct dr_mqtt_session_config *config = &session->config;
    struct dr_writer writer;
    dr_writer_init(&writer, config->send + session->queued, config->send_bytes - session->queued);
    return writer;
}

/* Push the queue out. DR_E_AGAIN: some of it has to wait. */
static enum dr_status flush(struct dr_mqtt_session *session)
{
    const struct dr_link_stream *stream = session->config.stream;
    uint8_t *send = session->config.send;
    while (session->queued > 0) { /* bound: every turn sends something */
        size_t moved = 0;
        if (session->pending == 0) {
            session->pending = session->queued;
        }
        DR_TRY(stream->write(stream->context, send, session->pending, &moved));
        session->pending = 0;
        session->queued -= moved;
        memmove(send, send + moved, session->queued);
    }
    return DR_OK;
}

/* What was written joins the queue, if all of it fitted. */
static enum dr_status queue(struct dr_mqtt_session *session, const struct dr_writer *writer)
{
    if (writer->status != DR_OK) {
        return DR_E_BUSY;
    }
    session->queued += writer->size_bytes;
    session->sent_ms = now_ms(session);
    if (session->config.at_once) {
        DR_IGNORE(flush(session) != DR_OK); /* what fails here, fails again where it can be told */
    }
    return DR_OK;
}

static uint16_t next_id(struct dr_mqtt_session *session)
{
    session->packet_id++;
    if (session->packet_id == 0) {
        session->packet_id = 1;
    }
    return session->packet_id;
}

static enum dr_status
subscribe_now(struct dr_mqtt_session *session, const char *filter, uint8_t qos)
{
    struct dr_writer writer = writer_of(session);
    dr_mqtt_put_subscribe(&writer, next_id(session), filter, qos);
    return queue(session, &writer);
}

static void come_up(struct dr_mqtt_session *session)
{
    const struct dr_link_event event = {
        .kind = DR_LINK_UP,
        .until_s = session->config.port->until_s(session->config.context),
    };
    session->phase = DR_MQTT_PHASE_UP;
    session->attempt = 0;
    session->opening_ms = (uint32_t)(now_ms(session) - session->since_ms);
    session->sink(session->sink_context, &event);
}

static enum dr_status
take_connack(struct dr_mqtt_session *session, const uint8_t *body, size_t size)
{
    if (session->phase != DR_MQTT_PHASE_CONNECTING || size != 2u) {
        return DR_E_FORMAT;
    }
    if (body[1] != 0) {
        session->refusal = DR_LINK_FAULT_REFUSED;
        return DR_E_DENIED;
    }
    session->phase = DR_MQTT_PHASE_SUBSCRIBING;
    session->unacknowledged = session->filter_count;
    for (uint8_t i = 0; i < session->filter_count; i++) {
        DR_TRY(subscribe_now(session, session->filters[i].filter, session->filters[i].qos));
    }
    if (session->unacknowledged == 0) {
        come_up(session);
    }
    return DR_OK;
}

static enum dr_status
take_publish(struct dr_mqtt_session *session, uint8_t first, uint8_t *body, size_t size)
{
    struct dr_mqtt_message message;
    DR_TRY(dr_mqtt_take_publish(first, body, size, &message));
    if (message.qos > 0) {
        struct dr_writer writer = writer_of(session);
        dr_mqtt_put_puback(&writer, message.packet_id);
        DR_TRY(queue(session, &writer));
    }
    if (session->phase == DR_MQTT_PHASE_UP) {
        const struct dr_link_event event = {
            .kind = DR_LINK_MESSAGE,
            .topic = message.topic,
            .payload = message.payload,
            .size_bytes = message.size_bytes,
        };
        session->sink(session->sink_context, &event);
    }
    return DR_OK;
}

/* One whole packet. */
static enum dr_status
take_packet(struct dr_mqtt_session *session, uint8_t first, uint8_t *body, size_t size)
{
    switch (first >> 4) { /* data from outside */
    case DR_MQTT_CONNACK:
        return take_connack(session, body, size);
    case DR_MQTT_PUBLISH:
        return take_publish(session, first, body, size);
    case DR_MQTT_SUBACK:
        if (session->phase == DR_MQTT_PHASE_SUBSCRIBING && --session->unacknowledged == 0) {
            come_up(session);
        }
        return DR_OK;
    case DR_MQTT_PINGRESP:
        session->pinging = false;
        return DR_OK;
    case DR_MQTT_PUBACK:
    case DR_MQTT_UNSUBACK:
        return DR_OK;
    default:
        return DR_E_FORMAT;
    }
}

/* Whole packets at the front of the buffer. Stops when an event ended the session. */
static enum dr_status take_packets(struct dr_mqtt_session *session)
{
    uint8_t *receive = session->config.receive;
    const uint32_t number = session->number;
    enum dr_status status = DR_OK;
    size_t at = 0;
    while (at < session->received) { /* bound: every packet has a header */
        size_t header = 0;
        size_t body = 0;
        uint8_t *packet = receive + at;
        size_t left = session->received - at;
        status = dr_mqtt_header(packet, left, &header, &body);
        if (status != DR_OK) {
            break;
        }
        if (header + body > session->config.receive_bytes) {
            session->skip = header + body - left;
            at = session->received;
            break;
        }
        if (left < header + body) {
            break;
        }
        status = take_packet(session, packet[0], packet + header, body);
        if (status != DR_OK || session->number != number) {
            return status;
        }
        at += header + body;
    }
    session->received -= at;
    memmove(receive, receive + at, session->received);
    return status == DR_E_AGAIN ? DR_OK : status;
}

/* Bytes in, packets out. DR_E_AGAIN: nothing came. */
static enum dr_status pull(struct dr_mqtt_session *session)
{
    const struct dr_link_stream *stream = session->config.stream;
    uint8_t *out = session->config.receive + session->received;
    size_t moved = 0;
    size_t room = session->config.receive_bytes - session->received;
    if (session->skip > 0 && session->skip < room) {
        room = session->skip;
    }
    DR_TRY(stream->read(stream->context, out, room, &moved));
    session->heard_ms = now_ms(session);
    if (session->skip > 0) {
        session->skip -= moved;
        return DR_OK;
    }
    session->received += moved;
    return take_packets(session);
}

static enum dr_status step_open(struct dr_mqtt_session *session)
{
    const struct dr_link_stream *stream = session->config.stream;
    DR_TRY(stream->state(stream->context));
    session->phase = DR_MQTT_PHASE_CONNECTING;
    struct dr_writer writer = writer_of(session);
    dr_mqtt_put_connect(&writer, session->client_id, KEEP_ALIVE_S);
    return queue(session, &writer);
}

/* One step of whatever comes next. DR_E_AGAIN: it has to wait for the network. */
static enum dr_status step(struct dr_mqtt_session *session)
{
    if (session->phase == DR_MQTT_PHASE_OPENING) {
        return step_open(session);
    }
    enum dr_status status = flush(session);
    return status == DR_OK || status == DR_E_AGAIN ? pull(session) : status;
}

/* Patience with a session that opens, and signs of life of one that is up. */
static enum dr_status watch(struct dr_mqtt_session *session)
{
    uint64_t time_ms = now_ms(session);
    if (session->phase != DR_MQTT_PHASE_UP) {
        uint32_t open_ms = session->config.open_ms;
        return open_ms == 0 || time_ms < session->since_ms + open_ms ? DR_OK : DR_E_TIMEOUT;
    }
    if (session->pinging) {
        return time_ms < session->since_ms + ANSWER_MS ? DR_OK : DR_E_TIMEOUT;
    }
    if (time_ms < session->sent_ms + KEEP_ALIVE_MS && time_ms < session->heard_ms + KEEP_ALIVE_MS) {
        return DR_OK;
    }
    struct dr_writer writer = writer_of(session);
    dr_mqtt_put_empty(&writer, DR_MQTT_PINGREQ);
    session->pinging = true;
    session->since_ms = time_ms;
    return queue(session, &writer);
}

/* Everything that can be done without waiting. DR_E_AGAIN: nothing could be. */
static enum dr_status advance(struct dr_mqtt_session *session)
{
    enum dr_status status = DR_OK;
    uint32_t steps = 0;
    while (status == DR_OK && steps < session->config.steps_max &&
           session->phase != DR_MQTT_PHASE_DOWN) {
        status = step(session);
        steps++;
    }
    if (session->phase == DR_MQTT_PHASE_DOWN) {
        return DR_OK; /* an event ended it */
    }
    if ((status != DR_OK && status != DR_E_AGAIN) || watch(session) != DR_OK) {
        fail(session);
        return DR_E_CLOSED;
    }
    if (!session->config.at_once) {
        DR_IGNORE(flush(session) != DR_OK); /* what fails here, fails in the next step */
    }
    return steps > 1 ? DR_OK : status;
}

static uint32_t wants(const struct dr_mqtt_session *session)
{
    if (session->phase <= DR_MQTT_PHASE_OPENING) {
        return 0;
    }
    return DR_MQTT_WAIT_READ | (session->queued > 0 ? DR_MQTT_WAIT_WRITE : 0);
}

static enum dr_status poll_session(void *context, uint32_t timeout_ms)
{
    struct dr_mqtt_session *session = context;
    enum dr_status status = session->phase == DR_MQTT_PHASE_DOWN ? DR_E_AGAIN : advance(session);
    if (status == DR_E_AGAIN && timeout_ms > 0 && wait(session, wants(session), timeout_ms)) {
        status = advance(session);
    }
    return status == DR_E_AGAIN ? DR_OK : status;
}

static void listen_to(void *context, dr_link_sink sink, void *sink_context)
{
    struct dr_mqtt_session *session = context;
    session->sink = sink;
    session->sink_context = sink_context;
}

static enum dr_status copy_text(char *out, size_t capacity_bytes, const char *text)
{
    size_t len = strlen(text);
    if (len >= capacity_bytes) {
        return DR_E_SPACE;
    }
    memcpy(out, text, len + 1u);
    return DR_OK;
}

static enum dr_status keep(
    struct dr_mqtt_session *session, const char *client_id,
    const struct dr_link_subscription *subscriptions, size_t count)
{
    if (count > DR_LINK_SUBSCRIPTIONS_MAX) {
        return DR_E_SPACE;
    }
    DR_TRY(copy_text(session->client_id, sizeof(session->client_id), client_id));
    for (size_t i = 0; i < count; i++) {
        char *filter = session->filters[i].filter;
        DR_TRY(copy_text(filter, sizeof(session->filters[i].filter), subscriptions[i].filter));
        session->filters[i].qos = subscriptions[i].qos;
    }
    session->filter_count = (uint8_t)count;
    return DR_OK;
}

static enum dr_status connect_to(
    void *context, const struct dr_link_identity *identity,
    const struct dr_link_subscription *subscriptions, size_t count)
{
    struct dr_mqtt_session *session = context;
    const struct dr_link_stream *stream = session->config.stream;
    if (session->phase != DR_MQTT_PHASE_DOWN) {
        return DR_E_STATE;
    }
    DR_TRY(keep(session, identity->client_id, subscriptions, count));
    enum dr_status status = stream->open(stream->context, identity);
    session->attempt++;
    DR_TRY(status);
    session->phase = DR_MQTT_PHASE_OPENING;
    session->since_ms = now_ms(session);
    session->refusal = DR_LINK_FAULT_NONE;
    session->pinging = false;
    session->received = 0;
    session->skip = 0;
    session->queued = 0;
    session->pending = 0;
    return DR_OK;
}

static enum dr_status
publish(void *context, const char *topic, const uint8_t *payload, size_t size_bytes, uint8_t qos)
{
    struct dr_mqtt_session *session = context;
    if (session->phase != DR_MQTT_PHASE_UP) {
        return DR_E_STATE;
    }
    const struct dr_mqtt_message message = {
        .topic = topic,
        .payload = payload,
        .size_bytes = size_bytes,
        .packet_id = qos > 0 ? next_id(session) : 0,
        .qos = qos,
    };
    struct dr_writer writer = writer_of(session);
    dr_mqtt_put_publish(&writer, &message);
    return queue(session, &writer);
}

static enum dr_status subscribe(void *context, const char *filter, uint8_t qos)
{
    struct dr_mqtt_session *session = context;
    return session->phase == DR_MQTT_PHASE_UP ? subscribe_now(session, filter, qos) : DR_E_STATE;
}

static enum dr_status unsubscribe(void *context, const char *filter)
{
    struct dr_mqtt_session *session = context;
    if (session->phase != DR_MQTT_PHASE_UP) {
        return DR_E_STATE;
    }
    struct dr_writer writer = writer_of(session);
    dr_mqtt_put_unsubscribe(&writer, next_id(session), filter);
    return queue(session, &writer);
}

/* Is there anything that closing the stream would lose? */
static bool leaving(struct dr_mqtt_session *session)
{
    const struct dr_mqtt_port *port = session->config.port;
    enum dr_status status = flush(session);
    if (status == DR_OK) {
        return port->sending != NULL && port->sending(session->config.context);
    }
    return status == DR_E_AGAIN;
}

static void disconnect(void *context, uint32_t linger_ms)
{
    struct dr_mqtt_session *session = context;
    if (session->phase == DR_MQTT_PHASE_UP) {
        struct dr_writer writer = writer_of(session);
        dr_mqtt_put_empty(&writer, DR_MQTT_DISCONNECT);
        DR_IGNORE(queue(session, &writer) != DR_OK); /* the other side will notice anyway */
        const uint64_t until_ms = now_ms(session) + linger_ms;
        while (leaving(session) && now_ms(session) < until_ms) { /* bound: linger_ms */
            DR_IGNORE(wait(session, DR_MQTT_WAIT_WRITE, LINGER_STEP_MS));
        }
    }
    if (session->phase != DR_MQTT_PHASE_DOWN) {
        drop(session);
    }
}

static enum dr_status join(void *context, const uint8_t *credentials, size_t size_bytes)
{
    const struct dr_mqtt_network *network = &((struct dr_mqtt_session *)context)->config.network;
    return network->join(network->context, credentials, size_bytes);
}

static enum dr_status leave(void *context)
{
    const struct dr_mqtt_network *network = &((struct dr_mqtt_session *)context)->config.network;
    return network->leave(network->context);
}

static enum dr_status
offered(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    const struct dr_mqtt_network *network = &((struct dr_mqtt_session *)context)->config.network;
    return network->offered(network->context, out, capacity_bytes, ret_size_bytes);
}

void dr_mqtt_session_init(
    struct dr_mqtt_session *session, const struct dr_mqtt_session_config *config,
    struct dr_link *ret_link)
{
    memset(session, 0, sizeof(*session));
    session->config = *config;
    *ret_link = (struct dr_link){
        .context = session,
        .listen = listen_to,
        .connect = connect_to,
        .publish = publish,
        .subscribe = subscribe,
        .unsubscribe = unsubscribe,
        .poll = poll_session,
        .disconnect = disconnect,
        .join = config->network.join != NULL ? join : NULL,
        .leave = config->network.leave != NULL ? leave : NULL,
        .offered = config->network.offered != NULL ? offered : NULL,
    };
}

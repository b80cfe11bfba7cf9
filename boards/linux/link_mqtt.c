/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/link_mqtt.h"

#include "boards/mqtt.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#define KEEP_ALIVE_S 30u
#define ANSWER_MS 15000u
#define STEPS_PER_POLL 4096u
#define WAIT_MS_MAX 60000u

static uint64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static void tell(struct dr_link_mqtt *link, enum dr_link_event_kind kind, enum dr_link_fault fault)
{
    struct dr_link_event event = {.kind = kind, .fault = fault, .until_s = link->tls.tls.until_s};
    link->sink(link->sink_context, &event);
}

static void drop(struct dr_link_mqtt *link)
{
    link->stream.close(link->stream.context);
    link->phase = DR_LINK_PHASE_DOWN;
    link->session++;
}

/* The session is over: find out why, tell once. */
static void fail(struct dr_link_mqtt *link)
{
    enum dr_link_fault fault = DR_LINK_FAULT_NETWORK;
    if (link->tls.tls.fault != DR_LINK_FAULT_NONE) { /* found in the server's certificate */
        fault = link->tls.tls.fault;
    } else if (link->refusal != DR_LINK_FAULT_NONE) {
        fault = link->refusal;
    }
    drop(link);
    tell(link, DR_LINK_DOWN, fault);
}

static struct dr_writer writer_of(struct dr_link_mqtt *link)
{
    struct dr_writer writer;
    dr_writer_init(&writer, link->send + link->queued, sizeof(link->send) - link->queued);
    return writer;
}

/* Push the queue out. DR_E_AGAIN: some of it has to wait. */
static enum dr_status flush(struct dr_link_mqtt *link)
{
    while (link->queued > 0) { /* bound: every turn sends something */
        size_t moved = 0;
        DR_TRY(link->stream.write(link->stream.context, link->send, link->queued, &moved));
        link->queued -= moved;
        memmove(link->send, link->send + moved, link->queued);
    }
    return DR_OK;
}

/* What was written joins the queue, if all of it fitted, and goes out as far as it can. */
static enum dr_status queue(struct dr_link_mqtt *link, const struct dr_writer *writer)
{
    if (writer->status != DR_OK) {
        return DR_E_BUSY;
    }
    link->queued += writer->size_bytes;
    link->sent_ms = now_ms();
    DR_IGNORE(flush(link) != DR_OK); /* what fails here, fails again where it can be told */
    return DR_OK;
}

static uint16_t next_id(struct dr_link_mqtt *link)
{
    link->packet_id = link->packet_id == UINT16_MAX ? 1u : (uint16_t)(link->packet_id + 1u);
    return link->packet_id;
}

static enum dr_status subscribe_now(struct dr_link_mqtt *link, const char *filter, uint8_t qos)
{
    struct dr_writer writer = writer_of(link);
    dr_mqtt_put_subscribe(&writer, next_id(link), filter, qos);
    return queue(link, &writer);
}

static void come_up(struct dr_link_mqtt *link)
{
    link->phase = DR_LINK_PHASE_UP;
    tell(link, DR_LINK_UP, DR_LINK_FAULT_NONE);
}

static enum dr_status take_connack(struct dr_link_mqtt *link, const uint8_t *body, size_t size)
{
    if (link->phase != DR_LINK_PHASE_CONNECTING || size != 2u) {
        return DR_E_FORMAT;
    }
    if (body[1] != 0) {
        link->refusal = DR_LINK_FAULT_REFUSED;
        return DR_E_DENIED;
    }
    link->phase = DR_LINK_PHASE_SUBSCRIBING;
    link->unacknowledged = (uint32_t)link->filter_count;
    for (size_t i = 0; i < link->filter_count; i++) {
        DR_TRY(subscribe_now(link, link->filters[i].filter, link->filters[i].qos));
    }
    if (link->unacknowledged == 0) {
        come_up(link);
    }
    return DR_OK;
}

static enum dr_status
take_publish(struct dr_link_mqtt *link, uint8_t first, uint8_t *body, size_t size)
{
    struct dr_mqtt_message message;
    DR_TRY(dr_mqtt_take_publish(first, body, size, &message));
    if (message.qos > 0) {
        struct dr_writer writer = writer_of(link);
        dr_mqtt_put_puback(&writer, message.packet_id);
        DR_TRY(queue(link, &writer));
    }
    if (link->phase == DR_LINK_PHASE_UP) {
        const struct dr_link_event event = {
            .kind = DR_LINK_MESSAGE,
            .topic = message.topic,
            .payload = message.payload,
            .size_bytes = message.size_bytes,
        };
        link->sink(link->sink_context, &event);
    }
    return DR_OK;
}

/* One whole packet. A refused subscription counts as answered: the agent asks by itself. */
static enum dr_status
take_packet(struct dr_link_mqtt *link, uint8_t first, uint8_t *body, size_t size)
{
    switch (first >> 4) { /* data from outside */
    case DR_MQTT_CONNACK:
        return take_connack(link, body, size);
    case DR_MQTT_PUBLISH:
        return take_publish(link, first, body, size);
    case DR_MQTT_SUBACK:
        if (link->phase == DR_LINK_PHASE_SUBSCRIBING && --link->unacknowledged == 0) {
            come_up(link);
        }
        return DR_OK;
    case DR_MQTT_PINGRESP:
        link->pinging = false;
        return DR_OK;
    case DR_MQTT_PUBACK:
    case DR_MQTT_UNSUBACK:
        return DR_OK;
    default:
        return DR_E_FORMAT;
    }
}

/* Whole packets at the front of the buffer. Stops when an event ended the session. */
static enum dr_status take_packets(struct dr_link_mqtt *link)
{
    size_t at = 0;
    const uint32_t session = link->session;
    enum dr_status status = DR_OK;
    while (at < link->received) { /* bound: every packet has a header */
        size_t header = 0;
        size_t body = 0;
        uint8_t *packet = link->receive + at;
        size_t left = link->received - at;
        status = dr_mqtt_header(packet, left, &header, &body);
        if (status != DR_OK) {
            break;
        }
        if (header + body > sizeof(link->receive)) {
            link->skip = header + body - left;
            at = link->received;
            break;
        }
        if (left < header + body) {
            break;
        }
        status = take_packet(link, packet[0], packet + header, body);
        if (status != DR_OK || link->session != session) {
            return status;
        }
        at += header + body;
    }
    link->received -= at;
    memmove(link->receive, link->receive + at, link->received);
    return status == DR_E_AGAIN ? DR_OK : status;
}

/* Bytes in, packets out. DR_E_AGAIN: nothing came. */
static enum dr_status pull(struct dr_link_mqtt *link)
{
    size_t moved = 0;
    size_t room = sizeof(link->receive) - link->received;
    if (link->skip > 0 && link->skip < room) {
        room = link->skip;
    }
    DR_TRY(link->stream.read(link->stream.context, link->receive + link->received, room, &moved));
    link->heard_ms = now_ms();
    if (link->skip > 0) {
        link->skip -= moved;
        return DR_OK;
    }
    link->received += moved;
    return take_packets(link);
}

static enum dr_status step_tls(struct dr_link_mqtt *link)
{
    DR_TRY(link->stream.state(link->stream.context));
    link->phase = DR_LINK_PHASE_CONNECTING;
    struct dr_writer writer = writer_of(link);
    dr_mqtt_put_connect(&writer, link->client_id, KEEP_ALIVE_S);
    return queue(link, &writer);
}

/* One step of whatever comes next. DR_E_AGAIN: it has to wait for the network. */
static enum dr_status step(struct dr_link_mqtt *link)
{
    if (link->phase == DR_LINK_PHASE_TLS) {
        return step_tls(link);
    }
    enum dr_status status = flush(link);
    return status == DR_OK || status == DR_E_AGAIN ? pull(link) : status;
}

/* A silent session is asked for a sign of life, once, and given up without one. Silent is who says
 * nothing to us as well: a network that went away is noticed because nothing comes any more. */
static enum dr_status watch(struct dr_link_mqtt *link)
{
    uint64_t time_ms = now_ms();
    if (link->phase != DR_LINK_PHASE_UP) {
        return DR_OK; /* the agent is patient with a session that opens */
    }
    if (link->pinging) {
        return time_ms < link->answer_by_ms ? DR_OK : DR_E_TIMEOUT;
    }
    if (time_ms < link->sent_ms + 1000u * KEEP_ALIVE_S &&
        time_ms < link->heard_ms + 1000u * KEEP_ALIVE_S) {
        return DR_OK;
    }
    struct dr_writer writer = writer_of(link);
    dr_mqtt_put_empty(&writer, DR_MQTT_PINGREQ);
    link->pinging = true;
    link->answer_by_ms = time_ms + ANSWER_MS;
    return queue(link, &writer);
}

/* Everything that can be done without waiting. DR_E_AGAIN: nothing could be. */
static enum dr_status advance(struct dr_link_mqtt *link)
{
    enum dr_status status = DR_OK;
    uint32_t steps = 0;
    while (status == DR_OK && steps < STEPS_PER_POLL && link->phase != DR_LINK_PHASE_DOWN) {
        status = step(link);
        steps++;
    }
    if (link->phase == DR_LINK_PHASE_DOWN) {
        return DR_OK; /* an event ended it */
    }
    if ((status != DR_OK && status != DR_E_AGAIN) || watch(link) != DR_OK) {
        fail(link);
        return DR_E_CLOSED;
    }
    return steps > 1 ? DR_OK : status;
}

static void idle(uint32_t wait_ms)
{
    struct timespec pause = {
        .tv_sec = (time_t)(wait_ms / 1000u), .tv_nsec = (long)(wait_ms % 1000u) * 1000000L};
    (void)nanosleep(&pause, NULL);
}

/* What the session waits for, or what happens beside. */
static bool wait_for_it(const struct dr_link_mqtt *link, const struct pollfd *beside, int wait_ms)
{
    struct pollfd fds[2] = {link->tls.wait, {.fd = -1}};
    if (beside != NULL) {
        fds[1] = *beside;
    }
    if (link->phase > DR_LINK_PHASE_TLS) { /* the last call said less than the queue knows */
        fds[0].events = (short)(POLLIN | (link->queued > 0 ? POLLOUT : 0));
    }
    return poll(fds, 2, wait_ms) > 0 && fds[0].revents != 0;
}

static enum dr_status poll_link(void *context, uint32_t timeout_ms)
{
    struct dr_link_mqtt *link = context;
    if (link->phase == DR_LINK_PHASE_DOWN) {
        idle(timeout_ms);
        return DR_OK;
    }
    enum dr_status status = advance(link);
    if (status != DR_E_AGAIN) {
        return status;
    }
    int wait_ms = (int)(timeout_ms < WAIT_MS_MAX ? timeout_ms : WAIT_MS_MAX);
    if (!wait_for_it(link, link->config.beside, wait_ms)) {
        return DR_OK;
    }
    status = advance(link);
    return status == DR_E_AGAIN ? DR_OK : status;
}

static void listen_to(void *context, dr_link_sink sink, void *sink_context)
{
    struct dr_link_mqtt *link = context;
    link->sink = sink;
    link->sink_context = sink_context;
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
    struct dr_link_mqtt *link, const char *client_id,
    const struct dr_link_subscription *subscriptions, size_t count)
{
    if (count > DR_LINK_SUBSCRIPTIONS_MAX) {
        return DR_E_SPACE;
    }
    DR_TRY(copy_text(link->client_id, sizeof(link->client_id), client_id));
    for (size_t i = 0; i < count; i++) {
        DR_TRY(copy_text(
            link->filters[i].filter, sizeof(link->filters[i].filter), subscriptions[i].filter));
        link->filters[i].qos = subscriptions[i].qos;
    }
    link->filter_count = count;
    return DR_OK;
}

static enum dr_status connect_to(
    void *context, const struct dr_link_identity *identity,
    const struct dr_link_subscription *subscriptions, size_t count)
{
    struct dr_link_mqtt *link = context;
    if (link->phase != DR_LINK_PHASE_DOWN) {
        return DR_E_STATE;
    }
    DR_TRY(keep(link, identity->client_id, subscriptions, count));
    DR_TRY(link->stream.open(link->stream.context, identity));
    link->phase = DR_LINK_PHASE_TLS;
    link->refusal = DR_LINK_FAULT_NONE;
    link->pinging = false;
    link->received = 0;
    link->skip = 0;
    link->queued = 0;
    return DR_OK;
}

static enum dr_status
publish(void *context, const char *topic, const uint8_t *payload, size_t size_bytes, uint8_t qos)
{
    struct dr_link_mqtt *link = context;
    if (link->phase != DR_LINK_PHASE_UP) {
        return DR_E_STATE;
    }
    const struct dr_mqtt_message message = {
        .topic = topic,
        .payload = payload,
        .size_bytes = size_bytes,
        .packet_id = qos > 0 ? next_id(link) : 0,
        .qos = qos,
    };
    struct dr_writer writer = writer_of(link);
    dr_mqtt_put_publish(&writer, &message);
    return queue(link, &writer);
}

static enum dr_status subscribe(void *context, const char *filter, uint8_t qos)
{
    struct dr_link_mqtt *link = context;
    return link->phase == DR_LINK_PHASE_UP ? subscribe_now(link, filter, qos) : DR_E_STATE;
}

static enum dr_status unsubscribe(void *context, const char *filter)
{
    struct dr_link_mqtt *link = context;
    if (link->phase != DR_LINK_PHASE_UP) {
        return DR_E_STATE;
    }
    struct dr_writer writer = writer_of(link);
    dr_mqtt_put_unsubscribe(&writer, next_id(link), filter);
    return queue(link, &writer);
}

static void disconnect(void *context, uint32_t linger_ms)
{
    struct dr_link_mqtt *link = context;
    if (link->phase == DR_LINK_PHASE_UP) {
        struct dr_writer writer = writer_of(link);
        dr_mqtt_put_empty(&writer, DR_MQTT_DISCONNECT);
        DR_IGNORE(queue(link, &writer) != DR_OK); /* the other side will notice anyway */
        const uint64_t until_ms = now_ms() + linger_ms;
        while (flush(link) == DR_E_AGAIN && now_ms() < until_ms) { /* bound: linger_ms */
            DR_IGNORE(wait_for_it(link, NULL, 10));
        }
    }
    if (link->phase != DR_LINK_PHASE_DOWN) {
        drop(link);
    }
}

static enum dr_status join(void *context, const uint8_t *credentials, size_t size_bytes)
{
    const struct dr_link_mqtt *link = context;
    return link->config.join(link->config.stream.context, credentials, size_bytes);
}

static enum dr_status leave(void *context)
{
    const struct dr_link_mqtt *link = context;
    return link->config.leave(link->config.stream.context);
}

static enum dr_status
offered(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    const struct dr_link_mqtt *link = context;
    return link->config.offered(link->config.stream.context, out, capacity_bytes, ret_size_bytes);
}

void dr_link_mqtt_init(
    struct dr_link_mqtt *link, const struct dr_link_mqtt_config *config, struct dr_link *ret_link)
{
    memset(link, 0, sizeof(*link));
    link->config = *config;
    dr_tls_stream_init(&link->tls, &config->stream, &link->stream);
    *ret_link = (struct dr_link){
        .context = link,
        .listen = listen_to,
        .connect = connect_to,
        .publish = publish,
        .subscribe = subscribe,
        .unsubscribe = unsubscribe,
        .poll = poll_link,
        .disconnect = disconnect,
        .join = config->join != NULL ? join : NULL,
        .leave = config->leave != NULL ? leave : NULL,
        .offered = config->offered != NULL ? offered : NULL,
    };
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/port/link_lwip.h"

#include "boards/mps2_an385/port/uptime.h"
#include "boards/mqtt.h"

#include <FreeRTOS.h>
#include <task.h>

#include <string.h>

#define KEEP_ALIVE_S 30u
#define ANSWER_MS 15000u
#define OPEN_MS 25000u /* from the first SYN to the last SUBACK */
#define MS_PER_TICK (1000u / configTICK_RATE_HZ)
#define STEPS_PER_POLL 4u /* the owner has other things to do: a block takes a slow part 100 ms */

static void tell(struct dr_link_lwip *link, enum dr_link_event_kind kind, enum dr_link_fault fault)
{
    struct dr_link_event event = {
        .kind = kind, .fault = fault, .until_s = dr_tls_until_s(link->tls)};
    link->sink(link->sink_context, &event);
}

static void drop(struct dr_link_lwip *link)
{
    dr_tls_close(link->tls);
    dr_stream_close(&link->stream);
    link->phase = DR_LINK_PHASE_DOWN;
    link->session++;
}

static void fail(struct dr_link_lwip *link, enum dr_link_fault fault)
{
    drop(link);
    tell(link, DR_LINK_DOWN, fault);
}

static struct dr_writer writer_of(struct dr_link_lwip *link)
{
    struct dr_writer writer;
    dr_writer_init(&writer, link->send + link->queued, sizeof(link->send) - link->queued);
    return writer;
}

/* What was written joins the queue, if all of it fitted. */
static enum dr_status queue(struct dr_link_lwip *link, const struct dr_writer *writer)
{
    if (writer->status != DR_OK) {
        return DR_E_BUSY;
    }
    link->queued += writer->size_bytes;
    link->sent_ms = dr_mps2_uptime_ms();
    return DR_OK;
}

static uint16_t next_id(struct dr_link_lwip *link)
{
    link->packet_id = (uint16_t)(link->packet_id + 1u);
    if (link->packet_id == 0) {
        link->packet_id = 1;
    }
    return link->packet_id;
}

/* Push the queue out. DR_E_AGAIN: some of it has to wait. */
static enum dr_status flush(struct dr_link_lwip *link)
{
    while (link->queued > 0) { /* bound: every turn sends something */
        size_t moved = 0;
        if (link->offered == 0) {
            link->offered = link->queued;
        }
        DR_TRY(dr_tls_write(link->tls, link->send, link->offered, &moved));
        link->offered -= moved;
        link->queued -= moved;
        memmove(link->send, link->send + moved, link->queued);
    }
    return DR_OK;
}

static enum dr_status subscribe_now(struct dr_link_lwip *link, const char *filter, uint8_t qos)
{
    struct dr_writer writer = writer_of(link);
    dr_mqtt_put_subscribe(&writer, next_id(link), filter, qos);
    return queue(link, &writer);
}

static void come_up(struct dr_link_lwip *link)
{
    link->phase = DR_LINK_PHASE_UP;
    link->attempt = 0;
    link->opening_ms = (uint32_t)(dr_mps2_uptime_ms() + OPEN_MS - link->deadline_ms);
    tell(link, DR_LINK_UP, DR_LINK_FAULT_NONE);
}

static enum dr_status take_connack(struct dr_link_lwip *link, const uint8_t *body, size_t size)
{
    if (link->phase != DR_LINK_PHASE_CONNECTING || size != 2u) {
        return DR_E_FORMAT;
    }
    if (body[1] != 0) {
        link->refusal = DR_LINK_FAULT_REFUSED;
        return DR_E_DENIED;
    }
    link->phase = DR_LINK_PHASE_SUBSCRIBING;
    link->unacknowledged = link->filter_count;
    for (uint8_t i = 0; i < link->filter_count; i++) {
        DR_TRY(subscribe_now(link, link->filters[i].filter, link->filters[i].qos));
    }
    if (link->unacknowledged == 0) {
        come_up(link);
    }
    return DR_OK;
}

static enum dr_status
take_publish(struct dr_link_lwip *link, uint8_t first, uint8_t *body, size_t size)
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
take_packet(struct dr_link_lwip *link, uint8_t first, uint8_t *body, size_t size)
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
static enum dr_status take_packets(struct dr_link_lwip *link)
{
    size_t at = 0;
    uint32_t session = link->session;
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
static enum dr_status pull(struct dr_link_lwip *link)
{
    size_t moved = 0;
    size_t room = sizeof(link->receive) - link->received;
    if (link->skip > 0 && link->skip < room) {
        room = link->skip;
    }
    DR_TRY(dr_tls_read(link->tls, link->receive + link->received, room, &moved));
    link->heard_ms = dr_mps2_uptime_ms();
    if (link->skip > 0) {
        link->skip -= moved;
        return DR_OK;
    }
    link->received += moved;
    return take_packets(link);
}

static enum dr_status step_tcp(struct dr_link_lwip *link)
{
    DR_TRY(dr_stream_state(&link->stream));
    link->phase = DR_LINK_PHASE_TLS;
    return DR_OK;
}

static enum dr_status step_tls(struct dr_link_lwip *link)
{
    DR_TRY(dr_tls_handshake(link->tls));
    struct dr_writer writer = writer_of(link);
    dr_mqtt_put_connect(&writer, link->client_id, KEEP_ALIVE_S);
    DR_TRY(queue(link, &writer));
    link->phase = DR_LINK_PHASE_CONNECTING;
    return DR_OK;
}

/* Keep-alive, and the patience with a session that does not open. Who only sends learns nothing: a
 * network that went away is noticed because nothing comes any more. */
static enum dr_status watch(struct dr_link_lwip *link)
{
    uint64_t now_ms = dr_mps2_uptime_ms();
    if (link->phase != DR_LINK_PHASE_UP || link->pinging) {
        return now_ms < link->deadline_ms ? DR_OK : DR_E_TIMEOUT;
    }
    if (now_ms >= link->sent_ms + 1000u * KEEP_ALIVE_S ||
        now_ms >= link->heard_ms + 1000u * KEEP_ALIVE_S) {
        struct dr_writer writer = writer_of(link);
        dr_mqtt_put_empty(&writer, DR_MQTT_PINGREQ);
        DR_TRY(queue(link, &writer));
        link->pinging = true;
        link->deadline_ms = now_ms + ANSWER_MS;
    }
    return DR_OK;
}

/* One step of whatever comes next. DR_E_AGAIN: it has to wait for the network. */
static enum dr_status step(struct dr_link_lwip *link)
{
    switch (link->phase) {
    case DR_LINK_PHASE_DOWN:
        return DR_E_AGAIN;
    case DR_LINK_PHASE_TCP:
        return step_tcp(link);
    case DR_LINK_PHASE_TLS:
        return step_tls(link);
    case DR_LINK_PHASE_CONNECTING:
    case DR_LINK_PHASE_SUBSCRIBING:
    case DR_LINK_PHASE_UP:
        break;
    }
    enum dr_status status = flush(link);
    if (status != DR_OK && status != DR_E_AGAIN) {
        return status;
    }
    return pull(link);
}

static enum dr_link_fault fault_now(const struct dr_link_lwip *link)
{
    if (link->refusal != DR_LINK_FAULT_NONE) {
        return link->refusal;
    }
    return link->phase >= DR_LINK_PHASE_TLS && dr_tls_fault(link->tls) != DR_LINK_FAULT_NONE
               ? dr_tls_fault(link->tls)
               : DR_LINK_FAULT_NETWORK;
}

/* Everything that can be done without waiting. */
static enum dr_status advance(struct dr_link_lwip *link)
{
    for (uint32_t i = 0; i < STEPS_PER_POLL && link->phase != DR_LINK_PHASE_DOWN; i++) {
        enum dr_status status = step(link);
        if (status == DR_OK && link->phase != DR_LINK_PHASE_DOWN) {
            continue;
        }
        if (status == DR_OK || status == DR_E_AGAIN) {
            break;
        }
        fail(link, fault_now(link));
        return DR_E_CLOSED;
    }
    if (link->phase == DR_LINK_PHASE_DOWN) {
        return DR_OK;
    }
    if (watch(link) != DR_OK) {
        fail(link, DR_LINK_FAULT_NETWORK);
        return DR_E_CLOSED;
    }
    if (link->phase >= DR_LINK_PHASE_CONNECTING) {
        DR_IGNORE(flush(link) == DR_OK); /* what fails here, fails in the next step */
    }
    return DR_OK;
}

static void wait(uint32_t timeout_ms)
{
    (void)ulTaskNotifyTake(pdTRUE, timeout_ms / MS_PER_TICK + (timeout_ms % MS_PER_TICK != 0));
}

static enum dr_status poll_link(void *context, uint32_t timeout_ms)
{
    struct dr_link_lwip *link = context;
    DR_TRY(advance(link));
    if (timeout_ms > 0) {
        wait(timeout_ms);
        return advance(link);
    }
    return DR_OK;
}

static void listen_to(void *context, dr_link_sink sink, void *sink_context)
{
    struct dr_link_lwip *link = context;
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
    struct dr_link_lwip *link, const char *client_id,
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
    link->filter_count = (uint8_t)count;
    return DR_OK;
}

static enum dr_status connect_to(
    void *context, const struct dr_link_identity *identity,
    const struct dr_link_subscription *subscriptions, size_t count)
{
    struct dr_link_lwip *link = context;
    uint8_t address[4];
    uint16_t port = 0;
    if (link->phase != DR_LINK_PHASE_DOWN) {
        return DR_E_STATE;
    }
    DR_TRY(keep(link, identity->client_id, subscriptions, count));
    DR_TRY(link->config.resolve(
        link->config.context, identity->host, link->attempt++, address, &port));
    DR_TRY(dr_tls_open(link->tls, &link->config.tls, identity, &link->stream));
    enum dr_status status =
        dr_stream_open(&link->stream, address, port != 0 ? port : identity->port);
    if (status != DR_OK) {
        drop(link);
        return status;
    }
    link->phase = DR_LINK_PHASE_TCP;
    link->refusal = DR_LINK_FAULT_NONE;
    link->deadline_ms = dr_mps2_uptime_ms() + OPEN_MS;
    link->pinging = false;
    link->received = 0;
    link->skip = 0;
    link->queued = 0;
    link->offered = 0;
    return DR_OK;
}

static enum dr_status
publish(void *context, const char *topic, const uint8_t *payload, size_t size_bytes, uint8_t qos)
{
    struct dr_link_lwip *link = context;
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
    struct dr_link_lwip *link = context;
    return link->phase == DR_LINK_PHASE_UP ? subscribe_now(link, filter, qos) : DR_E_STATE;
}

static enum dr_status unsubscribe(void *context, const char *filter)
{
    struct dr_link_lwip *link = context;
    if (link->phase != DR_LINK_PHASE_UP) {
        return DR_E_STATE;
    }
    struct dr_writer writer = writer_of(link);
    dr_mqtt_put_unsubscribe(&writer, next_id(link), filter);
    return queue(link, &writer);
}

static void disconnect(void *context, uint32_t linger_ms)
{
    struct dr_link_lwip *link = context;
    if (link->phase == DR_LINK_PHASE_DOWN) {
        return;
    }
    if (link->phase == DR_LINK_PHASE_UP) {
        struct dr_writer writer = writer_of(link);
        dr_mqtt_put_empty(&writer, DR_MQTT_DISCONNECT);
        DR_IGNORE(queue(link, &writer) != DR_OK); /* the other side will notice anyway */
        uint64_t until_ms = dr_mps2_uptime_ms() + linger_ms;
        /* bound: linger_ms */
        for (;;) {
            enum dr_status status = flush(link);
            bool over =
                status != DR_E_AGAIN && (status != DR_OK || !dr_stream_sending(&link->stream));
            if (over || dr_mps2_uptime_ms() >= until_ms) {
                break;
            }
            wait(MS_PER_TICK);
        }
    }
    drop(link);
}

static enum dr_status join(void *context, const uint8_t *credentials, size_t size_bytes)
{
    const struct dr_link_lwip *link = context;
    return link->config.join(link->config.context, credentials, size_bytes);
}

static enum dr_status leave(void *context)
{
    const struct dr_link_lwip *link = context;
    return link->config.leave(link->config.context);
}

static enum dr_status
offered(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    const struct dr_link_lwip *link = context;
    return link->config.offered(link->config.context, out, capacity_bytes, ret_size_bytes);
}

void dr_link_lwip_init(
    struct dr_link_lwip *link, const struct dr_link_lwip_config *config, struct dr_link *ret_link)
{
    memset(link, 0, sizeof(*link));
    link->config = *config;
    link->tls = dr_tls_session(DR_TLS_MQTT);
    *ret_link = (struct dr_link){
        .context = link,
        .listen = listen_to,
        .connect = connect_to,
        .publish = publish,
        .subscribe = subscribe,
        .unsubscribe = unsubscribe,
        .poll = poll_link,
        .disconnect = disconnect,
        .join = join,
        .leave = leave,
        .offered = offered,
    };
}

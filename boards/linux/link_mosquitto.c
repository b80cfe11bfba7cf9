/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/link_mosquitto.h"

#include <mosquitto.h>

#include <poll.h>
#include <string.h>
#include <time.h>

#define KEEP_ALIVE_S 30
#define MESSAGES_PER_POLL 1024u

static void tell(struct dr_link_mosquitto *link, enum dr_link_event_kind kind, enum dr_link_fault f)
{
    struct dr_link_event event = {.kind = kind, .fault = f, .until_s = link->tls.until_s};
    link->sink(link->sink_context, &event);
}

/* Forget the session. Never from within one of its callbacks. */
static void drop(struct dr_link_mosquitto *link)
{
    mosquitto_destroy(link->session);
    dr_link_tls_close(&link->tls);
    link->session = NULL;
    link->phase = DR_LINK_PHASE_DOWN;
}

/* The session is over: find out why, tell once. */
static void fail(struct dr_link_mosquitto *link)
{
    enum dr_link_fault fault = DR_LINK_FAULT_NETWORK;
    if (link->tls.fault != DR_LINK_FAULT_NONE) {
        fault = link->tls.fault;
    } else if (link->refusal != DR_LINK_FAULT_NONE) {
        fault = link->refusal;
    }
    drop(link);
    tell(link, DR_LINK_DOWN, fault);
}

static void subscribe_all(struct dr_link_mosquitto *link)
{
    link->phase = DR_LINK_PHASE_SUBSCRIBING;
    link->unacknowledged = 0;
    for (size_t i = 0; i < link->filter_count; i++) {
        if (mosquitto_subscribe(
                link->session, NULL, link->filters[i].filter, link->filters[i].qos) ==
            MOSQ_ERR_SUCCESS) {
            link->unacknowledged++;
        }
    }
    if (link->unacknowledged == 0) {
        link->phase = DR_LINK_PHASE_UP;
        tell(link, DR_LINK_UP, DR_LINK_FAULT_NONE);
    }
}

static void on_connect(struct mosquitto *session, void *context, int code)
{
    (void)session;
    struct dr_link_mosquitto *link = context;
    if (code != 0) {
        link->refusal = DR_LINK_FAULT_REFUSED;
        return; /* libmosquitto closes the session */
    }
    link->attempt = 0;
    subscribe_all(link);
}

/* A subscription that is refused counts as answered: the agent asks by itself now and then. */
static void
on_subscribe(struct mosquitto *session, void *context, int mid, int count, const int *granted)
{
    (void)session;
    (void)mid;
    (void)count;
    (void)granted;
    struct dr_link_mosquitto *link = context;
    if (link->phase == DR_LINK_PHASE_SUBSCRIBING && --link->unacknowledged == 0) {
        link->phase = DR_LINK_PHASE_UP;
        tell(link, DR_LINK_UP, DR_LINK_FAULT_NONE);
    }
}

static void
on_message(struct mosquitto *session, void *context, const struct mosquitto_message *message)
{
    (void)session;
    struct dr_link_mosquitto *link = context;
    struct dr_link_event event = {
        .kind = DR_LINK_MESSAGE,
        .topic = message->topic,
        .payload = message->payload,
        .size_bytes = message->payloadlen > 0 ? (size_t)message->payloadlen : 0,
    };
    if (link->phase == DR_LINK_PHASE_UP) {
        link->sink(link->sink_context, &event);
    }
}

static void listen_to(void *context, dr_link_sink sink, void *sink_context)
{
    struct dr_link_mosquitto *link = context;
    link->sink = sink;
    link->sink_context = sink_context;
}

static enum dr_status keep_filters(
    struct dr_link_mosquitto *link, const struct dr_link_subscription *subscriptions, size_t count)
{
    if (count > DR_LINK_SUBSCRIPTIONS_MAX) {
        return DR_E_SPACE;
    }
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(subscriptions[i].filter);
        if (len >= sizeof(link->filters[i].filter)) {
            return DR_E_SPACE;
        }
        memcpy(link->filters[i].filter, subscriptions[i].filter, len + 1u);
        link->filters[i].qos = subscriptions[i].qos;
    }
    link->filter_count = count;
    return DR_OK;
}

static enum dr_status make_session(struct dr_link_mosquitto *link, const char *client_id)
{
    link->session = mosquitto_new(client_id, true, link);
    if (link->session == NULL ||
        mosquitto_int_option(link->session, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311) != 0 ||
        mosquitto_int_option(link->session, MOSQ_OPT_TCP_NODELAY, 1) != 0 ||
        mosquitto_int_option(link->session, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) != 0 ||
        mosquitto_void_option(link->session, MOSQ_OPT_SSL_CTX, link->tls.context) != 0) {
        return DR_E_INTERNAL;
    }
    mosquitto_connect_callback_set(link->session, on_connect);
    mosquitto_subscribe_callback_set(link->session, on_subscribe);
    mosquitto_message_callback_set(link->session, on_message);
    return DR_OK;
}

static enum dr_status begin(struct dr_link_mosquitto *link, const struct dr_link_identity *identity)
{
    struct dr_link_address address;
    DR_TRY(link->config.resolve(link->config.context, identity->host, link->attempt++, &address));
    uint16_t port = address.port != 0 ? address.port : identity->port;
    DR_TRY(dr_link_tls_open(&link->tls, identity, link->config.anchor));
    DR_TRY(make_session(link, identity->client_id));
    link->phase = DR_LINK_PHASE_TCP;
    link->refusal = DR_LINK_FAULT_NONE;
    int code = mosquitto_connect_async(link->session, address.text, port, KEEP_ALIVE_S);
    return code == MOSQ_ERR_SUCCESS ? DR_OK : DR_E_IO;
}

static enum dr_status connect_to(
    void *context, const struct dr_link_identity *identity,
    const struct dr_link_subscription *subscriptions, size_t count)
{
    struct dr_link_mosquitto *link = context;
    if (link->phase != DR_LINK_PHASE_DOWN) {
        return DR_E_STATE;
    }
    DR_TRY(keep_filters(link, subscriptions, count));
    enum dr_status status = begin(link, identity);
    if (status != DR_OK) {
        drop(link);
    }
    return status;
}

static enum dr_status
publish(void *context, const char *topic, const uint8_t *payload, size_t size_bytes, uint8_t qos)
{
    struct dr_link_mosquitto *link = context;
    if (link->phase != DR_LINK_PHASE_UP) {
        return DR_E_STATE;
    }
    int code = mosquitto_publish(link->session, NULL, topic, (int)size_bytes, payload, qos, false);
    return code == MOSQ_ERR_SUCCESS ? DR_OK : DR_E_IO;
}

static enum dr_status subscribe(void *context, const char *filter, uint8_t qos)
{
    struct dr_link_mosquitto *link = context;
    if (link->phase != DR_LINK_PHASE_UP) {
        return DR_E_STATE;
    }
    return mosquitto_subscribe(link->session, NULL, filter, qos) == MOSQ_ERR_SUCCESS ? DR_OK
                                                                                     : DR_E_IO;
}

static enum dr_status unsubscribe(void *context, const char *filter)
{
    struct dr_link_mosquitto *link = context;
    if (link->phase != DR_LINK_PHASE_UP) {
        return DR_E_STATE;
    }
    return mosquitto_unsubscribe(link->session, NULL, filter) == MOSQ_ERR_SUCCESS ? DR_OK : DR_E_IO;
}

/* One message in, whatever can leave out. DR_E_AGAIN: nothing happened within timeout_ms.
 * DR_E_CLOSED: the session is over. */
static enum dr_status move(struct dr_link_mosquitto *link, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = mosquitto_socket(link->session), .events = POLLIN}, {.fd = -1}};
    struct pollfd *fd = &fds[0];
    if (link->config.beside != NULL) {
        fds[1] = *link->config.beside;
    }
    /* While TCP connects, "writable" is the news; libmosquitto waits for no such thing. */
    if (link->phase == DR_LINK_PHASE_TCP || mosquitto_want_write(link->session)) {
        fd->events |= POLLOUT;
    }
    if (poll(fds, 2, timeout_ms) <= 0 || fd->revents == 0) {
        return DR_E_AGAIN; /* what happened beside is its owner's */
    }
    if (link->phase == DR_LINK_PHASE_TCP) {
        link->phase = DR_LINK_PHASE_TLS;
    }
    if (mosquitto_loop_read(link->session, 1) != MOSQ_ERR_SUCCESS ||
        (mosquitto_want_write(link->session) &&
         mosquitto_loop_write(link->session, 1) != MOSQ_ERR_SUCCESS) ||
        link->refusal != DR_LINK_FAULT_NONE) {
        return DR_E_CLOSED;
    }
    /* Until TLS stands libmosquitto takes a dead socket for one that is still connecting. */
    bool dead = (fd->revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    return dead && link->phase == DR_LINK_PHASE_TLS ? DR_E_CLOSED : DR_OK;
}

static void idle(uint32_t wait_ms)
{
    struct timespec pause = {
        .tv_sec = (time_t)(wait_ms / 1000u), .tv_nsec = (long)(wait_ms % 1000u) * 1000000L};
    (void)nanosleep(&pause, NULL);
}

static enum dr_status poll_link(void *context, uint32_t timeout_ms)
{
    struct dr_link_mosquitto *link = context;
    if (link->phase == DR_LINK_PHASE_DOWN) {
        idle(timeout_ms);
        return DR_OK;
    }
    int wait_ms = timeout_ms > 60000u ? 60000 : (int)timeout_ms;
    enum dr_status status = DR_OK;
    for (uint32_t i = 0; i < MESSAGES_PER_POLL && status == DR_OK; i++) {
        status = move(link, wait_ms);
        wait_ms = 0;
    }
    if (status == DR_E_CLOSED) {
        fail(link);
        return DR_E_CLOSED;
    }
    if (mosquitto_loop_misc(link->session) != MOSQ_ERR_SUCCESS) {
        fail(link);
        return DR_E_CLOSED;
    }
    return DR_OK;
}

static void disconnect(void *context, uint32_t linger_ms)
{
    struct dr_link_mosquitto *link = context;
    if (link->phase == DR_LINK_PHASE_DOWN) {
        return;
    }
    if (link->phase == DR_LINK_PHASE_UP) {
        /* bound: each turn waits for the socket, or ends the loop */
        for (uint32_t waited_ms = 0; waited_ms < linger_ms && mosquitto_want_write(link->session);
             waited_ms += 10u) {
            struct pollfd fd = {.fd = mosquitto_socket(link->session), .events = POLLOUT};
            (void)poll(&fd, 1, 10);
            if (mosquitto_loop_write(link->session, 1) != MOSQ_ERR_SUCCESS) {
                break;
            }
        }
        (void)mosquitto_disconnect(link->session);
    }
    drop(link);
}

enum dr_status dr_link_mosquitto_init(
    struct dr_link_mosquitto *link, const struct dr_link_mosquitto_config *config,
    struct dr_link *ret_link)
{
    memset(link, 0, sizeof(*link));
    link->config = *config;
    if (mosquitto_lib_init() != MOSQ_ERR_SUCCESS) {
        return DR_E_INTERNAL;
    }
    *ret_link = (struct dr_link){
        .context = link,
        .listen = listen_to,
        .connect = connect_to,
        .publish = publish,
        .subscribe = subscribe,
        .unsubscribe = unsubscribe,
        .poll = poll_link,
        .disconnect = disconnect,
        .join = NULL,
        .leave = NULL,
    };
    return DR_OK;
}

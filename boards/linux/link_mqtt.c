/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/link_mqtt.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#define STEPS_PER_POLL 4096u
#define WAIT_MS_MAX 60000u

static uint64_t now_ms(void *context)
{
    struct timespec now = {0};
    (void)context;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* A goodbye waits for its own stream only, every other wait ends with what happens beside. */
static bool wait_for_it(void *context, uint32_t wants, uint32_t timeout_ms)
{
    const struct dr_link_mqtt *link = context;
    struct pollfd fds[2] = {link->tls.wait, {.fd = -1}};
    if (wants != 0) { /* the stream's last call said less than the session knows */
        int read = (wants & DR_MQTT_WAIT_READ) != 0 ? POLLIN : 0;
        int write = (wants & DR_MQTT_WAIT_WRITE) != 0 ? POLLOUT : 0;
        fds[0].events = (short)(read | write);
    }
    if (link->config.beside != NULL && wants != DR_MQTT_WAIT_WRITE) {
        fds[1] = *link->config.beside;
    }
    int wait_ms = (int)(timeout_ms < WAIT_MS_MAX ? timeout_ms : WAIT_MS_MAX);
    return poll(fds, 2, wait_ms) > 0 && fds[0].revents != 0;
}

static uint64_t until_s(void *context)
{
    const struct dr_link_mqtt *link = context;
    return link->tls.tls.until_s;
}

static enum dr_status
resolve(void *context, const char *host, uint32_t attempt, struct dr_link_address *ret_address)
{
    const struct dr_link_mqtt *link = context;
    const struct dr_tls_stream_config *config = &link->config.stream;
    (void)attempt; /* an address whose broker refuses us is no better than one without TLS */
    return config->resolve(config->context, host, link->session.attempt, ret_address);
}

void dr_link_mqtt_init(
    struct dr_link_mqtt *link, const struct dr_link_mqtt_config *config, struct dr_link *ret_link)
{
    static const struct dr_mqtt_port port = {
        .now_ms = now_ms, .wait = wait_for_it, .until_s = until_s};
    memset(link, 0, sizeof(*link));
    link->config = *config;
    const struct dr_tls_stream_config stream = {
        .anchor = config->stream.anchor, .context = link, .resolve = resolve};
    dr_tls_stream_init(&link->tls, &stream, &link->stream);
    const struct dr_mqtt_session_config session = {
        .port = &port,
        .context = link,
        .stream = &link->stream,
        .network = config->network,
        .receive = link->receive,
        .receive_bytes = sizeof(link->receive),
        .send = link->send,
        .send_bytes = sizeof(link->send),
        .open_ms = 0, /* the agent is patient with a session that opens */
        .steps_max = STEPS_PER_POLL,
        .at_once = true, /* the answer is on its way while a block is written */
    };
    dr_mqtt_session_init(&link->session, &session, ret_link);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/port/link_lwip.h"

#include "boards/mps2_an385/port/uptime.h"

#include <FreeRTOS.h>
#include <task.h>

#include <string.h>

#define OPEN_MS 25000u /* from the first SYN to the last SUBACK */
#define MS_PER_TICK (1000u / configTICK_RATE_HZ)
#define STEPS_PER_POLL 4u /* the owner has other things to do: a block takes a slow part 100 ms */

static uint64_t now_ms(void *context)
{
    (void)context;
    return dr_mps2_uptime_ms();
}

/* Whatever the network does, on either stream, wakes the task. */
static bool wait_for_it(void *context, uint32_t wants, uint32_t timeout_ms)
{
    (void)context;
    (void)wants;
    (void)ulTaskNotifyTake(pdTRUE, timeout_ms / MS_PER_TICK + (timeout_ms % MS_PER_TICK != 0));
    return true;
}

static uint64_t until_s(void *context)
{
    const struct dr_link_lwip *link = context;
    return dr_tls_until_s(link->tls.tls);
}

/* After a goodbye comes a reset, which lwIP's queue does not outlive. */
static bool sending(void *context)
{
    const struct dr_link_lwip *link = context;
    return dr_stream_sending(&link->tls.tcp);
}

static enum dr_status resolve(
    void *context, const char *host, uint32_t attempt, uint8_t ret_address[4], uint16_t *ret_port)
{
    const struct dr_link_lwip *link = context;
    const struct dr_tls_stream_config *config = &link->config.stream;
    (void)attempt; /* an address whose broker refuses us is no better than one without TLS */
    return config->resolve(config->context, host, link->session.attempt, ret_address, ret_port);
}

void dr_link_lwip_init(
    struct dr_link_lwip *link, const struct dr_link_lwip_config *config, struct dr_link *ret_link)
{
    static const struct dr_mqtt_port port = {
        .now_ms = now_ms, .wait = wait_for_it, .until_s = until_s, .sending = sending};
    memset(link, 0, sizeof(*link));
    link->config = *config;
    const struct dr_tls_stream_config stream = {
        .use = DR_TLS_MQTT, .tls = config->stream.tls, .context = link, .resolve = resolve};
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
        .open_ms = OPEN_MS,
        .steps_max = STEPS_PER_POLL,
        .at_once = false, /* several requests in one TLS record */
    };
    dr_mqtt_session_init(&link->session, &session, ret_link);
}

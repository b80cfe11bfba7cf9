/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Between the link and the agent. */
#include "base/check.h"
#include "base/cursor.h"
#include "device/client/client_priv.h"

#include <string.h>

enum dr_reason dr_client_reason_of(enum dr_link_fault fault)
{
    switch (fault) {
    case DR_LINK_FAULT_TLS_UNTRUSTED:
        return DR_REASON_TLS_UNTRUSTED;
    case DR_LINK_FAULT_TLS_NAME:
        return DR_REASON_TLS_NAME;
    case DR_LINK_FAULT_TLS_EXPIRED:
        return DR_REASON_TLS_EXPIRED;
    case DR_LINK_FAULT_TLS_OTHER:
    case DR_LINK_FAULT_LOCAL:
        return DR_REASON_TLS_OTHER;
    case DR_LINK_FAULT_NONE:
    case DR_LINK_FAULT_NETWORK:
    case DR_LINK_FAULT_REFUSED:
        return DR_REASON_NONE;
    }
    return DR_REASON_NONE;
}

/* Whole seconds without a 64-bit division: 1024 ms are 1 s and 24 ms more. */
static uint32_t seconds(uint64_t ms)
{
    uint32_t total_s = 0;
    while (ms >= 1024u) { /* bound: each turn leaves less than a fortieth */
        uint32_t chunks = (uint32_t)(ms >> 10);
        total_s += chunks;
        ms = (ms & 1023u) + (uint64_t)chunks * 24u;
    }
    return total_s + (ms >= 1000u ? 1u : 0u);
}

/* What is not sent to this connection directly. */
static const struct {
    const char *ends;
    bool stream; /* in one of two dialects; at QoS 0: blocks heal by themselves */
} filters[] = {
    {"/jobs/notify-next", false},
    {"/streams/+/data", true},
    {"/streams/+/rejected", true},
};

static enum dr_status
make_filter(const struct dr_client *client, size_t number, char out[DR_TOPIC_BYTES_MAX])
{
    const struct dr_client_dialect *streams = client->config.streams;
    struct dr_writer writer;
    dr_writer_init(&writer, (uint8_t *)out, DR_TOPIC_BYTES_MAX);
    dr_write_text(&writer, "$aws/things/");
    dr_write_text(&writer, client->endpoint.thing);
    dr_write_text(&writer, filters[number].ends);
    if (filters[number].stream) {
        dr_write_text(&writer, streams != NULL ? streams->ending : "/cbor");
    }
    dr_write_u8(&writer, 0);
    return writer.status;
}

enum dr_status dr_client_trust(struct dr_client *client, struct dr_link_identity *ret_identity)
{
    const struct dr_client_clock *clock = &client->clock;
    bool recovery = client->config.info->mode == DR_MODE_RECOVERY;
    char *ca = client->workspace.pem.ca;
    char *certificate = client->workspace.pem.certificate;
    DR_TRY(dr_identity_certificates(&client->vault, recovery, ca, certificate));
    uint64_t since_ms = dr_client_now(client) - clock->told_ms;
    *ret_identity = (struct dr_link_identity){
        .host = client->endpoint.host,
        .port = client->endpoint.port,
        .client_id = client->endpoint.thing,
        .ca_pem = ca,
        .certificate_pem = certificate,
        .key = recovery ? DR_ANCHOR_IDENTITY_RECOVERY : DR_ANCHOR_IDENTITY_NORMAL,
        .floor_s = dr_client_floor_s(client),
        .now_s = clock->told_s == 0 ? 0 : clock->told_s + seconds(since_ms),
    };
    return DR_OK;
}

enum dr_status dr_client_connect(struct dr_client *client)
{
    char texts[DR_ARRAY_COUNT(filters)][DR_TOPIC_BYTES_MAX];
    struct dr_link_subscription subscriptions[DR_ARRAY_COUNT(filters)];
    struct dr_link_identity identity;
    DR_TRY(dr_client_join(client));
    DR_TRY(dr_client_trust(client, &identity));
    for (size_t i = 0; i < DR_ARRAY_COUNT(filters); i++) {
        DR_TRY(make_filter(client, i, texts[i]));
        subscriptions[i].filter = texts[i];
        subscriptions[i].qos = filters[i].stream ? 0 : 1;
    }
    const struct dr_link *link = client->config.link;
    return link->connect(link->context, &identity, subscriptions, DR_ARRAY_COUNT(filters));
}

static enum dr_status compose(struct dr_client *client, const struct dr_agent_action *action)
{
    const struct dr_client_dialect *streams = client->config.streams;
    if (action->send.message == DR_SEND_BLOCKS && streams != NULL) {
        return streams->ask(client, &action->send.blocks, &client->letter);
    }
    return dr_agent_compose(&client->agent, action, &client->self, &client->letter);
}

void dr_client_send(struct dr_client *client, const struct dr_agent_action *action)
{
    const struct dr_link *link = client->config.link;
    const struct dr_client_path *path = client->config.path;
    struct dr_letter *letter = &client->letter;
    if (action->send.message == DR_SEND_BLOCKS && path != NULL &&
        path->request(client, &action->send.blocks)) {
        return;
    }
    enum dr_status status = compose(client, action);
    if (status == DR_OK) {
        status = link->publish(
            link->context, letter->topic, letter->payload, letter->size_bytes, letter->qos);
    }
    if (status != DR_OK) {
        /* The agent's timers say it again. */
        dr_client_log(client, "not sent", dr_status_text(status));
    }
}

/* What a message says, into client->heard. */
static enum dr_status understand(struct dr_client *client, const struct dr_link_event *event)
{
    const struct dr_client_dialect *streams = client->config.streams;
    struct dr_heard *heard = &client->heard;
    enum dr_status status = DR_E_NOT_FOUND;
    if (streams != NULL) {
        status = streams->hear(client, event, heard);
    }
    if (status == DR_E_NOT_FOUND) {
        status =
            dr_agent_hear(&client->agent, event->topic, event->payload, event->size_bytes, heard);
    }
    return status;
}

static void hear(struct dr_client *client, const struct dr_link_event *event)
{
    struct dr_heard *heard = &client->heard;
    if (understand(client, event) != DR_OK) {
        return;
    }
    if (heard->time_s != 0) {
        dr_client_clock_tell(client, heard->time_s);
    }
    if (client->config.path != NULL) {
        client->config.path->hear(client, heard);
    }
    if (heard->job.command != 0 && client->config.commands != NULL) {
        heard->job.fault =
            client->config.commands->judge(client->config.crypto, client->config.info, heard);
    }
    if (heard->event.kind == DR_EVENT_JOB) {
        dr_client_bundle_hear(client, heard->event.job->ref.id, event->payload, event->size_bytes);
    }
    dr_client_event(client, &heard->event);
}

void dr_client_sink(void *context, const struct dr_link_event *event)
{
    struct dr_client *client = context;
    struct dr_agent_event agent_event = {0};
    if (event->kind == DR_LINK_MESSAGE) {
        hear(client, event);
        return;
    }
    if (event->kind == DR_LINK_UP) {
        agent_event.kind = DR_EVENT_LINK_UP;
        client->clock.until_s = event->until_s;
        dr_client_log(client, "connected", client->endpoint.host);
    } else {
        agent_event.kind = DR_EVENT_LINK_DOWN;
        agent_event.reason = dr_client_reason_of(event->fault);
        dr_client_log(
            client, "disconnected",
            agent_event.reason != DR_REASON_NONE ? dr_reason_word(agent_event.reason) : "network");
    }
    dr_client_event(client, &agent_event);
}

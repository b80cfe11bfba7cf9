/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "network.h"

#include "format/json.h"
#include "format/stream_service.h"

#include <stdio.h>
#include <string.h>

#define PLACES 16u

/* Answers wait here until poll hands them out. */
static struct {
    dr_link_sink sink;
    void *sink_context;
    const uint8_t *image;
    uint32_t image_bytes;
    bool up;
    bool tell_up;
    enum dr_reason refusal;
    unsigned first;
    unsigned count;
    struct {
        char topic[192];
        uint8_t payload[6144];
        size_t size;
    } answers[PLACES];
} net;

static void answer(const char *topic, const char *end, const void *payload, size_t size)
{
    if (net.count == PLACES || size > sizeof(net.answers[0].payload)) {
        return; /* lost, as on any network: the agent asks again */
    }
    unsigned at = (net.first + net.count++) % PLACES;
    snprintf(net.answers[at].topic, sizeof(net.answers[at].topic), "%s%s", topic, end);
    memcpy(net.answers[at].payload, payload, size);
    net.answers[at].size = size;
}

/* "clientToken":"…", of what our own agent wrote. */
static void token_of(const char *json, char out[65])
{
    const char *found = strstr(json, "\"clientToken\":\"");
    out[0] = '\0';
    if (found != NULL) {
        sscanf(found + 15, "%64[^\"]", out);
    }
}

static void answer_json(const char *topic, const char *request, const char *rest)
{
    char token[65];
    char text[1024];
    token_of(request, token);
    int size = snprintf(
        text, sizeof(text), "{\"clientToken\":\"%s\",\"timestamp\":1700000000%s}", token, rest);
    answer(topic, "/accepted", text, (size_t)size);
}

static void offer_job(const char *topic, const char *request)
{
    char job[768];
    snprintf(
        job, sizeof(job),
        ",\"execution\":{\"jobId\":\"up-1\",\"status\":\"QUEUED\",\"versionNumber\":1,"
        "\"executionNumber\":1,"
        "\"queuedAt\":1,\"lastUpdatedAt\":1,\"jobDocument\":{\"afr_ota\":{\"protocols\":[\"MQTT\"],"
        "\"streamname\":\"s-1\",\"files\":[{\"filepath\":\"firmware\",\"filesize\":%u,\"fileid\":0,"
        "\"certfile\":\"product\",\"sig-sha256-ecdsa\":\"AA==\"}]}}}",
        net.image_bytes);
    answer_json(topic, request, job);
}

/* The device ends the job as failed or rejected, and says why: {"status":"FAILED",
 * "statusDetails":{"reason":"image_key",…},…}. A real service keeps it for its operators. */
static void note_refusal(const char *text, size_t size)
{
    struct dr_json message;
    char word[64];
    if (dr_json_check_object(text, size, &message) != DR_OK) {
        return;
    }
    struct dr_json status = dr_json_member(message, "status");
    struct dr_json reason = dr_json_member(dr_json_member(message, "statusDetails"), "reason");
    if ((dr_json_is(status, "FAILED") || dr_json_is(status, "REJECTED")) &&
        dr_json_string(reason, word, sizeof(word)) == DR_OK) {
        net.refusal = dr_reason_from_word(word, strlen(word));
    }
}

enum dr_reason my_network_refusal(void)
{
    return net.refusal;
}

static void send_blocks(const char *topic, const uint8_t *message, size_t size)
{
    static struct dr_stream_request request;
    enum dr_stream_error error;
    const char *text = NULL;
    char data[192];
    uint32_t index = 0;
    uint32_t block_bytes = 0;
    if (dr_stream_parse_request(
            DR_TOPIC_STREAM_GET, DR_DIALECT_CBOR, message, size, &request, &error, &text) !=
        DR_OK) {
        return;
    }
    snprintf(data, sizeof(data), "%.*s", (int)(strstr(topic, "/get/cbor") - topic), topic);
    struct dr_stream_selection selection = dr_stream_select(&request, net.image_bytes);
    while (dr_stream_select_next(&selection, &index, &block_bytes)) {
        const struct dr_stream_block block = {
            .index = index,
            .size_bytes = block_bytes,
            .payload = net.image + (size_t)index * request.block_size_bytes,
        };
        uint8_t bytes[6144];
        size_t written = 0;
        if (dr_stream_write_block(DR_DIALECT_CBOR, "", &block, bytes, sizeof(bytes), &written) ==
            DR_OK) {
            answer(data, "/data/cbor", bytes, written);
        }
    }
}

/* What the service does with what the device says. */
static enum dr_status
publish(void *context, const char *topic, const uint8_t *payload, size_t size, uint8_t qos)
{
    char text[2048] = {0};
    (void)context;
    (void)qos;
    if (!net.up) {
        return DR_E_STATE;
    }
    memcpy(text, payload, size < sizeof(text) ? size : sizeof(text) - 1u);
    if (strstr(topic, "/streams/") != NULL) {
        send_blocks(topic, payload, size);
    } else if (strstr(topic, "/$next/get") != NULL) {
        offer_job(topic, text);
    } else if (strstr(topic, "/update") != NULL) {
        note_refusal(text, strlen(text));
        answer_json(topic, text, "");
    } else if (strstr(topic, "/report") != NULL) {
        answer_json(topic, text, "");
    }
    return DR_OK;
}

static void listen_to(void *context, dr_link_sink sink, void *sink_context)
{
    (void)context;
    net.sink = sink;
    net.sink_context = sink_context;
}

static enum dr_status open_session(
    void *context, const struct dr_link_identity *identity,
    const struct dr_link_subscription *subscriptions, size_t count)
{
    (void)context;
    (void)subscriptions;
    (void)count;
    printf(
        "connect to %s:%u as %s\n", identity->host, (unsigned)identity->port, identity->client_id);
    net.up = true;
    net.tell_up = true;
    return DR_OK;
}

static enum dr_status subscribe(void *context, const char *filter, uint8_t qos)
{
    (void)context;
    (void)filter;
    (void)qos;
    return DR_OK;
}

static enum dr_status unsubscribe(void *context, const char *filter)
{
    return subscribe(context, filter, 0);
}

static enum dr_status poll_once(void *context, uint32_t timeout_ms)
{
    (void)context;
    (void)timeout_ms; /* a real link waits here for the network, at most so long */
    if (net.tell_up) {
        const struct dr_link_event up = {.kind = DR_LINK_UP};
        net.tell_up = false;
        net.sink(net.sink_context, &up);
    }
    if (net.count > 0) {
        unsigned at = net.first;
        net.first = (net.first + 1u) % PLACES;
        net.count--;
        const struct dr_link_event event = {
            .kind = DR_LINK_MESSAGE,
            .topic = net.answers[at].topic,
            .payload = net.answers[at].payload,
            .size_bytes = net.answers[at].size,
        };
        net.sink(net.sink_context, &event);
    }
    return DR_OK;
}

static void close_session(void *context, uint32_t linger_ms)
{
    (void)context;
    (void)linger_ms;
    net.up = false;
    net.count = 0;
}

void my_network(const uint8_t *image, uint32_t image_bytes, struct dr_link *ret_link)
{
    net.image = image;
    net.image_bytes = image_bytes;
    *ret_link = (struct dr_link){
        .listen = listen_to,
        .connect = open_session,
        .publish = publish,
        .subscribe = subscribe,
        .unsubscribe = unsubscribe,
        .poll = poll_once,
        .disconnect = close_session,
    };
}

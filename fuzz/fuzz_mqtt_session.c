/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A hostile broker: the first byte cuts the rest into reads and says what the sink does, the rest
 * is what the broker sends. */
#include "boards/mqtt_session.h"
#include "fuzz/fuzz.h"

#include <string.h>

#define RECEIVE_BYTES 96u
#define SEND_BYTES 64u
#define SINK_ANSWERS 0x40u
#define SINK_LEAVES 0x80u

static struct {
    const uint8_t *data;
    size_t left;
    size_t piece;
    uint8_t sink;
    bool open; /* the stream */
    bool up;   /* as far as the sink was told */
    uint64_t now_ms;
} broker;

static struct dr_mqtt_session session;
static struct dr_link link;
static uint8_t receive_buffer[RECEIVE_BYTES];
static uint8_t send_buffer[SEND_BYTES];

static enum dr_status stream_open(void *context, const struct dr_link_identity *identity)
{
    (void)context;
    FUZZ(!broker.open && identity->host[0] != '\0');
    broker.open = true;
    return DR_OK;
}

static enum dr_status stream_state(void *context)
{
    (void)context;
    FUZZ(broker.open);
    return DR_OK;
}

static enum dr_status
stream_write(void *context, const uint8_t *data, size_t size_bytes, size_t *ret_bytes)
{
    (void)context;
    FUZZ(broker.open && size_bytes > 0 && size_bytes <= SEND_BYTES);
    volatile uint8_t last = data[size_bytes - 1u]; /* readable to the end */
    (void)last;
    *ret_bytes = size_bytes < broker.piece ? size_bytes : broker.piece;
    return DR_OK;
}

static enum dr_status
stream_read(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_bytes)
{
    (void)context;
    FUZZ(broker.open && capacity_bytes > 0 && capacity_bytes <= RECEIVE_BYTES);
    size_t size = broker.left < broker.piece ? broker.left : broker.piece;
    size = size < capacity_bytes ? size : capacity_bytes;
    if (size == 0) {
        return DR_E_CLOSED;
    }
    memcpy(out, broker.data, size);
    broker.data += size;
    broker.left -= size;
    *ret_bytes = size;
    return DR_OK;
}

static enum dr_link_fault stream_fault(void *context)
{
    (void)context;
    return DR_LINK_FAULT_NETWORK;
}

static void stream_close(void *context)
{
    (void)context;
    FUZZ(broker.open);
    broker.open = false;
}

static uint64_t now_ms(void *context)
{
    (void)context;
    return broker.now_ms++;
}

static bool wait_for_it(void *context, uint32_t wants, uint32_t timeout_ms)
{
    (void)context;
    (void)wants;
    broker.now_ms += timeout_ms;
    return true;
}

static uint64_t until_s(void *context)
{
    (void)context;
    return 0;
}

static void sink(void *context, const struct dr_link_event *event)
{
    (void)context;
    if (event->kind != DR_LINK_MESSAGE) {
        FUZZ((event->kind == DR_LINK_UP) ? !broker.up : !broker.open);
        broker.up = event->kind == DR_LINK_UP;
        return;
    }
    FUZZ(broker.up && broker.open);
    FUZZ(event->topic[0] != '\0' && strlen(event->topic) < RECEIVE_BYTES);
    FUZZ(event->payload >= receive_buffer);
    FUZZ(event->payload + event->size_bytes <= receive_buffer + RECEIVE_BYTES);
    if ((broker.sink & SINK_ANSWERS) != 0) { /* the queue may be full */
        (void)link.publish(link.context, "t", event->payload, event->size_bytes, 1);
    }
    if ((broker.sink & SINK_LEAVES) != 0) {
        link.disconnect(link.context, 10);
        FUZZ(!broker.open);
        broker.up = false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const struct dr_mqtt_port port = {
        .now_ms = now_ms, .wait = wait_for_it, .until_s = until_s};
    static const struct dr_link_stream stream = {
        NULL, stream_open, stream_state, stream_write, stream_read, stream_fault, stream_close};
    static const struct dr_link_identity identity = {.host = "broker", .client_id = "d"};
    static const struct dr_link_subscription one[] = {{"a", 1}};
    if (size_bytes == 0) {
        return 0;
    }
    memset(&broker, 0, sizeof broker);
    broker.data = data + 1;
    broker.left = size_bytes - 1u;
    broker.piece = (size_t)(data[0] & 0x3fu) + 1u;
    broker.sink = data[0];
    const struct dr_mqtt_session_config config = {
        .port = &port,
        .stream = &stream,
        .receive = receive_buffer,
        .receive_bytes = sizeof receive_buffer,
        .send = send_buffer,
        .send_bytes = sizeof send_buffer,
        .steps_max = 4,
        .at_once = (data[0] & 1u) != 0,
    };
    dr_mqtt_session_init(&session, &config, &link);
    link.listen(link.context, sink, NULL);
    for (size_t turn = 0; turn < 2u * size_bytes && broker.left > 0; turn++) {
        if (!broker.open) {
            FUZZ(link.connect(link.context, &identity, one, turn & 1u) == DR_OK);
        }
        enum dr_status status = link.poll(link.context, 100);
        FUZZ(status == DR_OK || (status == DR_E_CLOSED && !broker.open));
    }
    FUZZ(broker.left == 0); /* every turn takes something, or ends in one that does */
    link.disconnect(link.context, 0);
    FUZZ(!broker.open);
    return 0;
}

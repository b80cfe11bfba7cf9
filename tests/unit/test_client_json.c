/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A product that names JSON: what is subscribed to and asked for, what is heard, what is left to
 * the agent's own reader. A whole update over it: tests/system/test_json_streams.py. */
#include "device/client/client_priv.h"
#include "device/client/json.h"
#include "tests/unit/check.h"

#include <string.h>

static struct dr_client client;
static struct dr_heard heard;
static uint8_t room[16];
static const struct dr_client_json_state state = {room, sizeof(room)};
static char topic_told[DR_TOPIC_BYTES_MAX];
static char payload_told[512];
static uint8_t qos_told;

static enum dr_status
publish(void *context, const char *topic, const uint8_t *payload, size_t size_bytes, uint8_t qos)
{
    (void)context;
    snprintf(topic_told, sizeof(topic_told), "%s", topic);
    snprintf(payload_told, sizeof(payload_told), "%.*s", (int)size_bytes, (const char *)payload);
    qos_told = qos;
    return DR_OK;
}

static const struct dr_link sending = {.publish = publish};

static void begin(const struct dr_client_dialect *streams)
{
    memset(&client, 0, sizeof(client));
    client.config.link = &sending;
    client.config.streams = streams;
    client.config.json = &state;
    strcpy(client.endpoint.thing, "lamp");
    strcpy(client.self.thing, "lamp");
    strcpy(client.agent.job.stream, "s-1");
    client.agent.job.file = 2;
    client.agent.window.block_bytes = 4096;
}

static void test_asked(void)
{
    struct dr_agent_action action = {.act = DR_ACT_SEND};
    action.send.message = DR_SEND_BLOCKS;
    action.send.blocks = (struct dr_block_range){40, 0x80000005u};
    begin(&dr_client_json);
    dr_client_send(&client, &action);
    EXPECT_STR(topic_told, "$aws/things/lamp/streams/s-1/get/json");
    EXPECT_STR(payload_told, "{\"f\":2,\"l\":4096,\"o\":40,\"n\":3,\"b\":\"05000080\"}");
    EXPECT_EQ(qos_told, 0);

    action.send.message = DR_SEND_ASK; /* only streams have two dialects */
    dr_client_send(&client, &action);
    EXPECT_STR(topic_told, "$aws/things/lamp/jobs/$next/get");

    action.send.message = DR_SEND_BLOCKS;
    begin(NULL);
    dr_client_send(&client, &action);
    EXPECT_STR(topic_told, "$aws/things/lamp/streams/s-1/get/cbor");
}

static enum dr_status hear(const char *topic, const char *payload)
{
    const struct dr_link_event event = {
        .kind = DR_LINK_MESSAGE,
        .topic = topic,
        .payload = (const uint8_t *)payload,
        .size_bytes = strlen(payload)};
    memset(&heard, 0xee, sizeof(heard));
    return dr_client_json.hear(&client, &event, &heard);
}

#define STREAMS "$aws/things/lamp/streams/"
#define BLOCK "{\"f\":2,\"i\":7,\"l\":3,\"p\":\"YWJj\"}"

static void test_heard(void)
{
    begin(&dr_client_json);
    REQUIRE(hear(STREAMS "s-1/data/json", BLOCK) == DR_OK);
    EXPECT_EQ(heard.event.kind, DR_EVENT_BLOCK);
    EXPECT_EQ(heard.event.block.file, 2);
    EXPECT_EQ(heard.event.block.index, 7);
    EXPECT_EQ(heard.event.block.size_bytes, 3);
    EXPECT(heard.event.block.data == room && memcmp(room, "abc", 3) == 0);
    EXPECT_EQ(heard.time_s, 0);
    EXPECT_EQ(heard.job.command, 0);

    /* Not the agent's to read any more, and not a block. */
    EXPECT_EQ(hear(STREAMS "s-1/data/json", "{}"), DR_E_FORMAT);
    EXPECT_EQ(
        hear(STREAMS "s-1/data/json", "{\"f\":256,\"i\":7,\"l\":3,\"p\":\"YWJj\"}"), DR_E_FORMAT);
    EXPECT_EQ(
        hear(
            STREAMS "s-1/data/json",
            "{\"f\":2,\"i\":7,\"l\":18,\"p\":\"YWJjYWJjYWJjYWJjYWJjYWJj\"}"),
        DR_E_SPACE);

    REQUIRE(hear(STREAMS "s-1/rejected/json", "{\"o\":\"ResourceNotFound\"}") == DR_OK);
    EXPECT_EQ(heard.event.kind, DR_EVENT_STREAM_REFUSED);
    EXPECT_EQ(heard.event.stream.code, DR_CODE_STREAM_FINAL);
    EXPECT(heard.event.stream.detail == NULL);
    REQUIRE(hear(STREAMS "s-1/rejected/json", "{\"o\":\"RequestThrottled\"}") == DR_OK);
    EXPECT_EQ(heard.event.stream.code, DR_CODE_OTHER);
    EXPECT_EQ(hear(STREAMS "s-1/rejected/json", "no"), DR_E_FORMAT);
}

static void test_left_to_the_agent(void)
{
    static const char *const topics[] = {
        STREAMS "s-2/data/json",        STREAMS "s-12/data/json",
        STREAMS "s-1/description/json", STREAMS "s-1/data/cbor",
        STREAMS "s-1/rejected/cbor",    "$aws/things/lamp/jobs/$next/get/accepted",
        "$aws/things/lamp/shadow/get"};
    begin(&dr_client_json);
    for (size_t i = 0; i < DR_ARRAY_COUNT(topics); i++) {
        EXPECT_EQ(hear(topics[i], BLOCK), DR_E_NOT_FOUND);
    }
}

/* The client asks the dialect first, and has none by itself. */
static void test_through_the_client(void)
{
    const struct dr_link_event event = {
        .kind = DR_LINK_MESSAGE,
        .topic = STREAMS "s-1/data/json",
        .payload = (const uint8_t *)BLOCK,
        .size_bytes = strlen(BLOCK)};
    begin(&dr_client_json);
    client.busy = true; /* the agent is not asked */
    dr_client_sink(&client, &event);
    EXPECT_EQ(client.heard.event.kind, DR_EVENT_BLOCK);
    begin(NULL);
    client.busy = true;
    dr_client_sink(&client, &event);
    EXPECT(client.heard.event.kind != DR_EVENT_BLOCK);
}

DR_TEST_MAIN(test_asked, test_heard, test_left_to_the_agent, test_through_the_client)

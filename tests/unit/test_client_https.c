/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Which way blocks take: the document's list, the product's wish, what is refused. The ways under
 * fire are tested with a board: tests/system/test_https_device.py, demo scenario 18. */
#include "device/client/https.h"
#include "format/job.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

static struct dr_client client;
static struct dr_client_https_state state;
static struct dr_heard heard;

static void closed(void *context)
{
    (void)context;
}

static const struct dr_link_stream stream = {.close = closed};

static void begin(enum dr_client_prefer prefer)
{
    memset(&client, 0, sizeof client);
    memset(&state, 0, sizeof state);
    state.stream = &stream;
    state.prefer = prefer;
    client.config.path = &dr_client_https;
    client.config.https = &state;
    dr_client_https.start(&client);
}

/* A job is offered; the fault that it is handed on with. */
static enum dr_reason offer(const char *id, const char *protocols, const char *url)
{
    static char text[512];
    snprintf(
        text, sizeof text,
        "{\"afr_ota\":{\"protocols\":%s,\"files\":[{\"filesize\":9,\"fileid\":0%s%s%s}]}}",
        protocols, url[0] != '\0' ? ",\"update_data_url\":\"" : "", url,
        url[0] != '\0' ? "\"" : "");
    memset(&heard, 0, sizeof heard);
    heard.event.kind = DR_EVENT_JOB;
    heard.event.job = &heard.job;
    snprintf(heard.job.ref.id, sizeof heard.job.ref.id, "%s", id);
    EXPECT_EQ(dr_json_check_object(text, strlen(text), &heard.document), DR_OK);
    dr_client_https.hear(&client, &heard);
    return heard.job.fault;
}

static bool by_https(void)
{
    const struct dr_block_range blocks = {0, 1};
    return dr_client_https.request(&client, &blocks);
}

#define URL "https://files.example/b/k?X=1"

static void the_way_that_is_chosen(void)
{
    static const struct {
        enum dr_client_prefer prefer;
        const char *protocols;
        const char *url;
        bool https;
        enum dr_reason fault;
    } rows[] = {
        {DR_PREFER_DOCUMENT, "[\"MQTT\"]", "", false, DR_REASON_NONE},
        {DR_PREFER_DOCUMENT, "[\"HTTP\"]", URL, true, DR_REASON_NONE},
        {DR_PREFER_DOCUMENT, "[\"HTTP\",\"MQTT\"]", URL, true, DR_REASON_NONE},
        {DR_PREFER_DOCUMENT, "[\"MQTT\",\"HTTP\"]", URL, false, DR_REASON_NONE},
        {DR_PREFER_HTTPS, "[\"MQTT\",\"HTTP\"]", URL, true, DR_REASON_NONE},
        {DR_PREFER_MQTT, "[\"HTTP\",\"MQTT\"]", URL, false, DR_REASON_NONE},
        {DR_PREFER_MQTT, "[\"HTTP\"]", URL, true, DR_REASON_NONE},
        {DR_PREFER_HTTPS, "[\"MQTT\"]", URL, false, DR_REASON_NONE},
        {DR_PREFER_HTTPS, "[\"HTTP\",\"MQTT\"]", "", false, DR_REASON_NONE},
        {DR_PREFER_HTTPS, "[\"HTTP\",\"MQTT\"]", "http://plain/x", false, DR_REASON_NONE},
        {DR_PREFER_DOCUMENT, "[\"HTTP\"]", "", false, DR_REASON_DOCUMENT},
        {DR_PREFER_DOCUMENT, "[\"HTTP\"]", "ftp://a/b", false, DR_REASON_DOCUMENT},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        begin(rows[i].prefer);
        EXPECT_EQ(offer("j", rows[i].protocols, rows[i].url), rows[i].fault);
        EXPECT_EQ(by_https(), rows[i].https);
        EXPECT(rows[i].fault != DR_REASON_NONE || client.self.path != NULL);
    }
}

/* Only a final refusal of the stream is the end of MQTT, and only where there is another way. */
static void a_refused_stream(void)
{
    begin(DR_PREFER_DOCUMENT);
    EXPECT_EQ(offer("j", "[\"MQTT\",\"HTTP\"]", URL), DR_REASON_NONE);
    heard.event.kind = DR_EVENT_STREAM_REFUSED;
    heard.event.stream.code = DR_CODE_OTHER;
    dr_client_https.hear(&client, &heard);
    EXPECT(!by_https());
    heard.event.stream.code = DR_CODE_STREAM_FINAL;
    dr_client_https.hear(&client, &heard);
    EXPECT_EQ(heard.event.stream.code, DR_CODE_OTHER);
    EXPECT(by_https());
    EXPECT_STR(client.self.path, "https");
    /* What the stream says afterwards is about requests of before. */
    heard.event.kind = DR_EVENT_STREAM_REFUSED;
    heard.event.stream.code = DR_CODE_STREAM_FINAL;
    dr_client_https.hear(&client, &heard);
    EXPECT_EQ(heard.event.kind, DR_EVENT_TICK);

    begin(DR_PREFER_DOCUMENT);
    EXPECT_EQ(offer("j", "[\"MQTT\"]", ""), DR_REASON_NONE);
    heard.event.kind = DR_EVENT_STREAM_REFUSED;
    heard.event.stream.code = DR_CODE_STREAM_FINAL;
    dr_client_https.hear(&client, &heard);
    EXPECT_EQ(heard.event.stream.code, DR_CODE_STREAM_FINAL);
    EXPECT(!by_https());
}

/* The same job with another URL keeps its way; another job chooses anew. */
static void the_way_belongs_to_the_job(void)
{
    begin(DR_PREFER_DOCUMENT);
    EXPECT_EQ(offer("one", "[\"MQTT\",\"HTTP\"]", URL), DR_REASON_NONE);
    heard.event.kind = DR_EVENT_STREAM_REFUSED;
    heard.event.stream.code = DR_CODE_STREAM_FINAL;
    dr_client_https.hear(&client, &heard);
    EXPECT_EQ(offer("one", "[\"MQTT\",\"HTTP\"]", URL "2"), DR_REASON_NONE);
    EXPECT(by_https());
    EXPECT_EQ(offer("two", "[\"MQTT\",\"HTTP\"]", URL), DR_REASON_NONE);
    EXPECT(!by_https());
}

/* The same job comes again without a URL that could be one: blocks must not wait for it. */
static void a_url_that_is_gone(void)
{
    begin(DR_PREFER_DOCUMENT);
    EXPECT_EQ(offer("j", "[\"HTTP\",\"MQTT\"]", URL), DR_REASON_NONE);
    EXPECT(by_https());
    EXPECT_EQ(offer("j", "[\"HTTP\",\"MQTT\"]", "${aws:x}"), DR_REASON_NONE);
    EXPECT(!by_https());
    EXPECT_STR(client.self.path, "mqtt");
    EXPECT_EQ(offer("j", "[\"HTTP\",\"MQTT\"]", URL), DR_REASON_NONE);
}

static uint64_t at_once(void *context)
{
    (void)context;
    return 1;
}

/* A server that sends a byte now and then: nothing ends, and no block comes. */
static void a_server_that_trickles(void)
{
    begin(DR_PREFER_DOCUMENT);
    client.config.board.now_ms = at_once;
    client.agent.window.file_bytes = 8192;
    client.agent.window.block_bytes = 4096;
    EXPECT_EQ(dr_http_set_file(&state.http, 8192, 4096), DR_OK);
    EXPECT_EQ(offer("j", "[\"HTTP\",\"MQTT\"]", URL), DR_REASON_NONE);
    for (unsigned i = 0; i < DR_CLIENT_HTTPS_FAULTS; i++) {
        EXPECT(by_https());
        state.http.open = true;
        client.agent.state = DR_AGENT_ASKING; /* job.c: no block for STALL_MS */
        EXPECT(!dr_client_https.turn(&client));
        EXPECT(!dr_http_is_open(&state.http));
    }
    EXPECT(!by_https());
}

DR_TEST_MAIN(
    the_way_that_is_chosen, a_refused_stream, the_way_belongs_to_the_job, a_url_that_is_gone,
    a_server_that_trickles)

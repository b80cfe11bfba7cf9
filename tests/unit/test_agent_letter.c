/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the agent says and hears, in bytes: every message it sends, the answers AWS's documents
 * show, and things that are not for it. */
#include "device/agent/letter.h"
#include "tests/unit/check.h"

static struct dr_agent agent;
static struct dr_agent_facts facts;
static struct dr_agent_self self;
static struct dr_letter letter;
static struct dr_heard heard;

static void set_up(void)
{
    memset(&facts, 0, sizeof(facts));
    facts.block_bytes = 16384;
    facts.window_bytes = 262144;
    dr_agent_init(&agent, &facts, NULL);
    agent.now_ms = 0x1234abcd;
    agent.question = 0x12345679;
    agent.base_s = 100;
    agent.total_s = 142;
    strcpy(agent.job.ref.id, "AFR_OTA-1");
    strcpy(agent.job.stream, "AFR_OTA-s1");
    agent.job.ref.execution = 2;
    agent.job.size_bytes = 100000;
    EXPECT(dr_window_init(&agent.window, 100000, 16384, 262144));
    memset(&self, 0, sizeof(self));
    strcpy(self.thing, "door");
    self.report.version = (struct dr_version){1, 2, 3, 0};
    self.report.slot = DR_REPORT_SLOT_A;
    self.report.state = DR_REPORT_CANDIDATE;
    self.report.mode = DR_REPORT_NORMAL;
}

static const char *compose(enum dr_agent_message message, struct dr_block_range blocks)
{
    struct dr_agent_action action = {.act = DR_ACT_SEND};
    action.send.message = message;
    action.send.blocks = blocks;
    memset(&letter, 0, sizeof(letter));
    EXPECT_EQ(dr_agent_compose(&agent, &action, &self, &letter), DR_OK);
    EXPECT(letter.size_bytes < sizeof(letter.payload));
    return (const char *)letter.payload;
}

static bool says(const char *text)
{
    if (strstr((const char *)letter.payload, text) == NULL) {
        fprintf(stderr, "    %s is not in %s\n", text, (const char *)letter.payload);
        return false;
    }
    return true;
}

static void test_questions_and_blocks(void)
{
    const struct dr_block_range blocks = {5, 0x80000005u};
    set_up();
    EXPECT_STR(
        compose(DR_SEND_ASK, (struct dr_block_range){0, 0}), "{\"clientToken\":\"p12345679\"}");
    EXPECT_STR(letter.topic, "$aws/things/door/jobs/$next/get");
    EXPECT_EQ(letter.qos, 1);
    (void)compose(DR_SEND_BLOCKS, blocks);
    EXPECT_STR(letter.topic, "$aws/things/door/streams/AFR_OTA-s1/get/cbor");
    EXPECT_EQ(letter.qos, 0);
    /* f, l, o, n, b in any order: n = 3 blocks, bitmap of 4 bytes, least significant bit first. */
    static const uint8_t bitmap[] = {0x61, 'b', 0x44, 0x05, 0x00, 0x00, 0x80};
    static const uint8_t count[] = {0x61, 'n', 0x03};
    static const uint8_t offset[] = {0x61, 'o', 0x05};
    static const uint8_t size[] = {0x61, 'l', 0x19, 0x40, 0x00};
    EXPECT(memmem(letter.payload, letter.size_bytes, bitmap, sizeof(bitmap)) != NULL);
    EXPECT(memmem(letter.payload, letter.size_bytes, count, sizeof(count)) != NULL);
    EXPECT(memmem(letter.payload, letter.size_bytes, offset, sizeof(offset)) != NULL);
    EXPECT(memmem(letter.payload, letter.size_bytes, size, sizeof(size)) != NULL);
}

static void test_updates(void)
{
    const struct dr_block_range none = {0, 0};
    set_up();
    (void)compose(DR_SEND_PROGRESS, none);
    EXPECT_STR(letter.topic, "$aws/things/door/jobs/AFR_OTA-1/update");
    EXPECT(says("\"status\":\"IN_PROGRESS\""));
    EXPECT(says("\"executionNumber\":2"));
    EXPECT(strstr((const char *)letter.payload, "progress") == NULL); /* nothing to count yet */
    agent.admitted = true;
    agent.window.missing_count = 3;
    (void)compose(DR_SEND_PROGRESS, none);
    EXPECT(says("\"progress\":\"4/7\""));

    agent.record.installing.state = DR_OUTCOME_INSTALLING;
    agent.record.installing.job = agent.job.ref;
    (void)compose(DR_SEND_READY, none);
    EXPECT(says("\"self_test\":\"ready\""));
    EXPECT(says("\"updatedBy\":\"0x01020003\""));
    EXPECT(says("\"slot\":\"A\""));
    (void)compose(DR_SEND_ACTIVE, none);
    EXPECT(says("\"self_test\":\"active\""));

    agent.record.outcome.state = DR_OUTCOME_SUCCEEDED;
    agent.record.outcome.job = agent.job.ref;
    agent.record.outcome.job.version = 7;
    (void)compose(DR_SEND_OUTCOME, none);
    EXPECT(says("\"status\":\"SUCCEEDED\""));
    EXPECT(says("\"expectedVersion\":"));
    EXPECT(says("\"self_test\":\"accepted\""));
    EXPECT(says("\"clientToken\":\"o1234abcd\""));
    agent.record.outcome.state = DR_OUTCOME_FAILED;
    agent.record.outcome.reason = DR_REASON_HANG;
    agent.record.outcome.tries = 3;
    strcpy(agent.record.outcome.detail, "a \"quoted\" word");
    (void)compose(DR_SEND_OUTCOME, none);
    EXPECT(says("\"status\":\"FAILED\""));
    EXPECT(says("\"reason\":\"hang\""));
    EXPECT(says("\"tries\":\"3\""));
    EXPECT(says("\"detail\":\"a \\\"quoted\\\" word\""));
    EXPECT(strstr((const char *)letter.payload, "self_test") == NULL);
    agent.record.outcome.state = DR_OUTCOME_REJECTED;
    (void)compose(DR_SEND_OUTCOME, none);
    EXPECT(says("\"status\":\"REJECTED\""));
}

static void test_report(void)
{
    const struct dr_block_range none = {0, 0};
    set_up();
    (void)compose(DR_SEND_REPORT, none);
    EXPECT_STR(letter.topic, "$aws/things/door/daruma/report");
    EXPECT(says("\"version\":\"1.2.3\""));
    EXPECT(says("\"uptime\":42"));
    EXPECT(says("\"state\":\"candidate\""));
    agent.health.confirm_written = true;
    EXPECT(dr_agent_note(&agent.record, DR_REASON_TLS_NAME, "here", 120));
    (void)compose(DR_SEND_REPORT, none);
    EXPECT(says("\"state\":\"confirmed\""));
    EXPECT(says("tls_wrong_name"));
    EXPECT(says("\"here\""));
    for (int i = 0; i < 10; i++) { /* the longest one fits */
        (void)dr_agent_note(
            &agent.record, (enum dr_reason)(20 + i), "0123456789012345678901234567890", UINT32_MAX);
    }
    memset(self.thing, 't', DR_THING_NAME_LEN_MAX);
    (void)compose(DR_SEND_REPORT, none);
}

static enum dr_status hear(const char *topic, const char *payload)
{
    return dr_agent_hear(&agent, topic, (const uint8_t *)payload, strlen(payload), &heard);
}

#define DOCUMENT                                                                                   \
    "\"jobDocument\":{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"s-9\",\"files\":["    \
    "{\"filepath\":\"/d\",\"filesize\":70000,\"fileid\":4,\"certfile\":\"c\","                     \
    "\"sig-sha256-ecdsa\":\"AA==\"}]}}"
#define EXECUTION                                                                                  \
    "\"execution\":{\"jobId\":\"J-1\",\"status\":\"%s\",\"queuedAt\":1,\"lastUpdatedAt\":2,"       \
    "\"versionNumber\":3,\"executionNumber\":4,%s}"

static const char *offer(const char *status, const char *document)
{
    static char text[1024];
    snprintf(
        text, sizeof(text),
        "{\"clientToken\":\"p12345679\",\"timestamp\":1700000000," EXECUTION "}", status, document);
    return text;
}

static void test_offers(void)
{
    const char *topic = "$aws/things/door/jobs/$next/get/accepted";
    set_up();
    EXPECT_EQ(hear(topic, "{\"clientToken\":\"p12345679\",\"timestamp\":1700000000}"), DR_OK);
    EXPECT_EQ(heard.event.kind, DR_EVENT_NO_JOB);
    EXPECT_EQ(heard.time_s, 1700000000);

    EXPECT_EQ(hear(topic, offer("QUEUED", DOCUMENT)), DR_OK);
    EXPECT_EQ(heard.event.kind, DR_EVENT_JOB);
    const struct dr_agent_job *job = heard.event.job;
    EXPECT_STR(job->ref.id, "J-1");
    EXPECT_EQ(job->ref.version, 3);
    EXPECT_EQ(job->ref.execution, 4);
    EXPECT_STR(job->stream, "s-9");
    EXPECT_EQ(job->size_bytes, 70000);
    EXPECT_EQ(job->file, 4);
    EXPECT(!job->started);
    EXPECT_EQ(job->fault, DR_REASON_NONE);

    EXPECT_EQ(hear(topic, offer("IN_PROGRESS", DOCUMENT)), DR_OK);
    EXPECT(heard.event.job->started);
    EXPECT_EQ(hear(topic, offer("CANCELED", DOCUMENT)), DR_OK);
    EXPECT_EQ(heard.event.kind, DR_EVENT_NO_JOB);
    EXPECT_EQ(hear(topic, offer("QUEUED", "\"jobDocument\":{\"other\":1}")), DR_OK);
    EXPECT_EQ(heard.event.job->fault, DR_REASON_DOCUMENT);
    EXPECT_EQ(
        hear(
            topic, offer(
                       "QUEUED",
                       "\"jobDocument\":{\"afr_ota\":{\"protocols\":[\"HTTP\"],\"streamname\":\"\","
                       "\"files\":[{\"filesize\":7,\"fileid\":0,\"update_data_url\":\"u\"}]}}")),
        DR_OK);
    EXPECT(heard.event.job->fault != DR_REASON_NONE);

    EXPECT_EQ(hear("$aws/things/door/jobs/notify-next", "{\"timestamp\":1}"), DR_OK);
    EXPECT_EQ(heard.event.kind, DR_EVENT_NOTIFIED);
    EXPECT_EQ(
        hear("$aws/things/door/jobs/$next/get/rejected", "{\"code\":\"InternalError\"}"), DR_OK);
    EXPECT_EQ(heard.event.kind, DR_EVENT_ASK_REFUSED);
}

/* What the next job is, or that there is none, counts when it was asked for: not without a token,
 * not with another's, and once. */
static void test_only_answers(void)
{
    static const char topic[] = "$aws/things/door/jobs/$next/get/accepted";
    static const char *const tokens[] = {
        "",
        "\"clientToken\":\"\",",
        "\"clientToken\":\"p\",",
        "\"clientToken\":\"p1234abcd\",",
        "\"clientToken\":\"o12345679\",",
        "\"clientToken\":\"p123456790\","};
    char text[1024];
    struct dr_agent_actions actions;
    set_up();
    for (size_t i = 0; i < DR_ARRAY_COUNT(tokens); i++) {
        snprintf(text, sizeof(text), "{%s\"timestamp\":1700000000}", tokens[i]);
        EXPECT_EQ(hear(topic, text), DR_E_NOT_FOUND);
        snprintf(text, sizeof(text), "{%s" EXECUTION "}", tokens[i], "QUEUED", DOCUMENT);
        EXPECT_EQ(hear(topic, text), DR_E_NOT_FOUND);
    }
    for (int job = 0; job < 2; job++) {
        set_up();
        agent.state = DR_AGENT_ASKING;
        agent.link_up = true;
        agent.question = 0;
        struct dr_agent_event notified = {.kind = DR_EVENT_NOTIFIED};
        dr_agent_step(&agent, &notified, 0x100000000u, &actions); /* time 0, modulo 2^32 */
        EXPECT(agent.question != 0);
        snprintf(text, sizeof(text), "%s", compose(DR_SEND_ASK, (struct dr_block_range){0, 0}));
        char *end = text + strlen(text) - 1;
        snprintf(
            end, sizeof(text) - strlen(text), job != 0 ? "," EXECUTION "}" : "}", "QUEUED",
            DOCUMENT);
        EXPECT_EQ(hear(topic, text), DR_OK);
        EXPECT_EQ(heard.event.kind, job != 0 ? DR_EVENT_JOB : DR_EVENT_NO_JOB);
        dr_agent_step(&agent, &heard.event, agent.now_ms + 10u, &actions);
        EXPECT_EQ(hear(topic, text), DR_E_NOT_FOUND);
    }
}

static void test_answers_to_updates(void)
{
    static const struct {
        const char *code;
        enum dr_agent_code wanted;
    } rows[] = {
        {"InvalidRequest", DR_CODE_INVALID_REQUEST},
        {"InvalidJson", DR_CODE_INVALID_REQUEST},
        {"InvalidTopic", DR_CODE_INVALID_REQUEST},
        {"InvalidStateTransition", DR_CODE_GONE},
        {"ResourceNotFound", DR_CODE_GONE},
        {"TerminalStateReached", DR_CODE_GONE},
        {"VersionMismatch", DR_CODE_VERSION_MISMATCH},
        {"RequestThrottled", DR_CODE_OTHER},
        {"InternalError", DR_CODE_OTHER},
        {"SomethingNew", DR_CODE_OTHER},
    };
    set_up();
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        char text[256];
        snprintf(
            text, sizeof(text),
            "{\"clientToken\":\"%s1\",\"timestamp\":5,\"code\":\"%s\",\"message\":\"m\","
            "\"executionState\":{\"status\":\"%s\",\"versionNumber\":9}}",
            i % 2 != 0 ? "o" : "p", rows[i].code, i % 3 == 0 ? "CANCELED" : "TIMED_OUT");
        EXPECT_EQ(hear("$aws/things/door/jobs/J-7/update/rejected", text), DR_OK);
        EXPECT_EQ(heard.event.kind, DR_EVENT_UPDATE_REFUSED);
        EXPECT_EQ(heard.event.update.code, rows[i].wanted);
        EXPECT_EQ(heard.event.update.version, 9);
        EXPECT_EQ(heard.event.update.outcome, i % 2 != 0);
        EXPECT_EQ(heard.event.update.canceled, i % 3 == 0);
        EXPECT_STR(heard.event.update.job_id, "J-7");
    }
    EXPECT_EQ(
        hear(
            "$aws/things/door/jobs/J-7/update/accepted",
            "{\"clientToken\":\"o1\",\"timestamp\":5}"),
        DR_OK);
    EXPECT_EQ(heard.event.kind, DR_EVENT_UPDATE_ACCEPTED);
    EXPECT(heard.event.update.outcome);
    EXPECT_EQ(
        hear(
            "$aws/things/door/daruma/report/accepted",
            "{\"clientToken\":\"p1\",\"timestamp\":1700000001}"),
        DR_OK);
    EXPECT_EQ(heard.event.kind, DR_EVENT_REPORT_ACCEPTED);
    EXPECT_EQ(heard.time_s, 1700000001);
}

static enum dr_status hear_bytes(const char *topic, const uint8_t *payload, size_t size_bytes)
{
    return dr_agent_hear(&agent, topic, payload, size_bytes, &heard);
}

static void test_streams(void)
{
    /* As AWS sends it: a map without a length. */
    static const uint8_t block[] = {0xbf, 0x61, 'c',  0x63, 'r',  'd',  'y', 0x61,
                                    'f',  0x00, 0x61, 'l',  0x03, 0x61, 'i', 0x18,
                                    0x20, 0x61, 'p',  0x43, 1,    2,    3,   0xff};
    static const uint8_t gone[] = "\xbf\x61o\x70ResourceNotFound\xff";
    static const uint8_t busy[] = "\xa1\x64"
                                  "code\x70RequestThrottled";
    set_up();
    EXPECT_EQ(
        hear_bytes("$aws/things/door/streams/AFR_OTA-s1/data/cbor", block, sizeof(block)), DR_OK);
    EXPECT_EQ(heard.event.kind, DR_EVENT_BLOCK);
    EXPECT_EQ(heard.event.block.index, 32);
    EXPECT_EQ(heard.event.block.size_bytes, 3);
    EXPECT_EQ(heard.event.block.data[2], 3);
    /* A late block of an earlier job's stream is for nobody. */
    EXPECT_EQ(
        hear_bytes("$aws/things/door/streams/AFR_OTA-s0/data/cbor", block, sizeof(block)),
        DR_E_NOT_FOUND);
    EXPECT_EQ(
        hear_bytes("$aws/things/door/streams/AFR_OTA-s1/rejected/cbor", gone, sizeof(gone) - 1),
        DR_OK);
    EXPECT_EQ(heard.event.kind, DR_EVENT_STREAM_REFUSED);
    EXPECT_EQ(heard.event.code, DR_CODE_STREAM_FINAL);
    EXPECT_EQ(
        hear_bytes("$aws/things/door/streams/AFR_OTA-s1/rejected/cbor", busy, sizeof(busy) - 1),
        DR_OK);
    EXPECT_EQ(heard.event.code, DR_CODE_OTHER);
}

/* A document that can be read and not carried out. */
static void test_unusable_documents(void)
{
    static const struct {
        const char *stream;
        const char *more; /* of the file */
        enum dr_reason fault;
    } rows[] = {
        {"s-9", "\"filesize\":70000", DR_REASON_NONE},
        {"s-9", "\"filesize\":70000,\"fileType\":0", DR_REASON_NONE},
        {"s-9", "\"filesize\":70000,\"fileType\":101", DR_REASON_DOCUMENT},
        {"s-9", "\"filesize\":0", DR_REASON_DOCUMENT},
        {"0123456789012345678901234567890123456789012345678901234567890123", "\"filesize\":70000",
         DR_REASON_NONE},
        {"01234567890123456789012345678901234567890123456789012345678901234", "\"filesize\":70000",
         DR_REASON_DOCUMENT},
    };
    set_up();
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        char document[512];
        snprintf(
            document, sizeof(document),
            "\"jobDocument\":{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"%s\","
            "\"files\":[{\"filepath\":\"/d\",%s,\"fileid\":4,\"certfile\":\"c\","
            "\"sig-sha256-ecdsa\":\"AA==\"}]}}",
            rows[i].stream, rows[i].more);
        EXPECT_EQ(
            hear("$aws/things/door/jobs/$next/get/accepted", offer("QUEUED", document)), DR_OK);
        EXPECT_EQ(heard.event.kind, DR_EVENT_JOB);
        EXPECT_EQ(heard.event.job->fault, rows[i].fault);
    }
}

/* A block of a file whose number no job can name; a stream with a longer name than ours. */
static void test_blocks_of_others(void)
{
    static const uint8_t block[] = {0xa4, 0x61, 'f', 0x19, 0x01, 0x00, 0x61, 'l',
                                    0x01, 0x61, 'i', 0x00, 0x61, 'p',  0x41, 7};
    set_up();
    EXPECT_EQ(
        hear_bytes("$aws/things/door/streams/AFR_OTA-s1/data/cbor", block, sizeof(block)),
        DR_E_NOT_FOUND);
    EXPECT_EQ(
        hear_bytes("$aws/things/door/streams/AFR_OTA-s12/data/cbor", block, sizeof(block)),
        DR_E_NOT_FOUND);
}

/* A device without a name says nothing. */
static void test_no_name(void)
{
    struct dr_agent_action action = {.act = DR_ACT_SEND};
    action.send.message = DR_SEND_ASK;
    set_up();
    EXPECT_EQ(dr_agent_compose(&agent, &action, &self, &letter), DR_OK);
    self.thing[0] = '\0';
    EXPECT(dr_agent_compose(&agent, &action, &self, &letter) != DR_OK);
}

static void test_not_for_us(void)
{
    static const char *const topics[] = {
        "",
        "dt/door/telemetry",
        "$aws/things/door",
        "$aws/things/door/jobs/get/accepted",
        "$aws/things/door/jobs/$next/get",
        "$aws/things/door/jobs/J/update",
        "$aws/things/door/jobs/J/update/accepted",
        "$aws/things/door/jobs/J/update/rejected",
        "$aws/things/door/jobs//update/rejected",
        "$aws/things/door/jobs/$next/get/accepted",
        "$aws/things/door/shadow/get/accepted",
        "$aws/things/door/streams/AFR_OTA-s1/data/cbor",
        "$aws/things/door/streams/AFR_OTA-s1/data/json",
        "$aws/things/door/streams/AFR_OTA-s1/rejected/cbor",
        "$aws/things/door/daruma/report",
        "$aws/things/door/daruma/report/accepted",
    };
    static const char *const payloads[] = {
        "", "{", "null", "[]", "\"x\"", "{\"execution\":7}", "\xff\xff", "\xa1\x61"};
    set_up();
    for (size_t i = 0; i < DR_ARRAY_COUNT(topics); i++) {
        for (size_t k = 0; k < DR_ARRAY_COUNT(payloads); k++) {
            EXPECT(hear(topics[i], payloads[k]) != DR_OK);
        }
    }
    /* Whatever comes, nothing is read beyond its end (the sanitizers watch). */
    uint32_t random = 1;
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[64];
        size_t size_bytes = random % sizeof(bytes);
        for (size_t k = 0; k < size_bytes; k++) {
            random = random * 1664525u + 1013904223u;
            bytes[k] = (uint8_t)(random >> 24);
        }
        random = random * 1664525u + 1013904223u;
        const char *topic = topics[(random >> 8) % DR_ARRAY_COUNT(topics)];
        DR_IGNORE(hear_bytes(topic, bytes, size_bytes) != DR_OK);
    }
}

DR_TEST_MAIN(
    test_questions_and_blocks, test_updates, test_report, test_offers, test_only_answers,
    test_answers_to_updates, test_streams, test_unusable_documents, test_blocks_of_others,
    test_no_name, test_not_for_us)

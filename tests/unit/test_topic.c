/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/topic.h"
#include "tests/unit/check.h"

static const struct row {
    const char *text;
    enum dr_topic_kind kind;
    enum dr_topic_answer answer;
    enum dr_dialect dialect;
    const char *id;
    enum dr_topic_family family;
} rows[] = {
    {"jobs/get", DR_TOPIC_JOBS_GET, DR_TOPIC_REQUEST, 0, NULL, DR_TOPIC_FAMILY_JOBS},
    {"jobs/get/accepted", DR_TOPIC_JOBS_GET, DR_TOPIC_ACCEPTED, 0, NULL, DR_TOPIC_FAMILY_JOBS},
    {"jobs/start-next", DR_TOPIC_START_NEXT, DR_TOPIC_REQUEST, 0, NULL, DR_TOPIC_FAMILY_JOBS},
    {"jobs/start-next/rejected", DR_TOPIC_START_NEXT, DR_TOPIC_REJECTED, 0, NULL,
     DR_TOPIC_FAMILY_JOBS},
    {"jobs/$next/get", DR_TOPIC_JOB_GET, DR_TOPIC_REQUEST, 0, "$next", DR_TOPIC_FAMILY_JOBS},
    {"jobs/$next/get/accepted", DR_TOPIC_JOB_GET, DR_TOPIC_ACCEPTED, 0, "$next",
     DR_TOPIC_FAMILY_JOBS},
    {"jobs/AFR_OTA-1/get", DR_TOPIC_JOB_GET, DR_TOPIC_REQUEST, 0, "AFR_OTA-1",
     DR_TOPIC_FAMILY_JOBS},
    {"jobs/get/get", DR_TOPIC_JOB_GET, DR_TOPIC_REQUEST, 0, "get", DR_TOPIC_FAMILY_JOBS},
    {"jobs/AFR_OTA-1/update/rejected", DR_TOPIC_JOB_UPDATE, DR_TOPIC_REJECTED, 0, "AFR_OTA-1",
     DR_TOPIC_FAMILY_JOBS},
    {"jobs/notify", DR_TOPIC_NOTIFY, DR_TOPIC_REQUEST, 0, NULL, DR_TOPIC_FAMILY_JOBS},
    {"jobs/notify-next", DR_TOPIC_NOTIFY_NEXT, DR_TOPIC_REQUEST, 0, NULL, DR_TOPIC_FAMILY_JOBS},
    {"streams/s_1/get/cbor", DR_TOPIC_STREAM_GET, 0, DR_DIALECT_CBOR, "s_1",
     DR_TOPIC_FAMILY_STREAMS},
    {"streams/s_1/get/json", DR_TOPIC_STREAM_GET, 0, DR_DIALECT_JSON, "s_1",
     DR_TOPIC_FAMILY_STREAMS},
    {"streams/s_1/describe/json", DR_TOPIC_STREAM_DESCRIBE, 0, DR_DIALECT_JSON, "s_1",
     DR_TOPIC_FAMILY_STREAMS},
    {"streams/s_1/description/cbor", DR_TOPIC_STREAM_DESCRIPTION, 0, DR_DIALECT_CBOR, "s_1",
     DR_TOPIC_FAMILY_STREAMS},
    {"streams/s_1/data/cbor", DR_TOPIC_STREAM_DATA, 0, DR_DIALECT_CBOR, "s_1",
     DR_TOPIC_FAMILY_STREAMS},
    {"streams/s_1/rejected/cbor", DR_TOPIC_STREAM_REJECTED, 0, DR_DIALECT_CBOR, "s_1",
     DR_TOPIC_FAMILY_STREAMS},
    {"daruma/report", DR_TOPIC_REPORT, DR_TOPIC_REQUEST, 0, NULL, DR_TOPIC_FAMILY_DARUMA},
    {"daruma/report/accepted", DR_TOPIC_REPORT, DR_TOPIC_ACCEPTED, 0, NULL, DR_TOPIC_FAMILY_DARUMA},
};

#define PREFIX "$aws/things/lock:7_a-B/"

static void test_both_ways(void)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        char text[128];
        char built[DR_TOPIC_BYTES_MAX];
        size_t len = 0;
        struct dr_topic topic;
        snprintf(text, sizeof(text), PREFIX "%s", rows[i].text);
        EXPECT_EQ(dr_topic_parse(text, strlen(text), &topic), DR_OK);
        EXPECT_EQ(topic.kind, rows[i].kind);
        EXPECT_EQ(topic.answer, rows[i].answer);
        EXPECT_EQ(topic.dialect, rows[i].dialect);
        EXPECT_EQ(dr_topic_family(&topic), rows[i].family);
        EXPECT(topic.thing_len == 10 && memcmp(topic.thing, "lock:7_a-B", 10) == 0);
        EXPECT_EQ(topic.id_len, rows[i].id == NULL ? 0 : strlen(rows[i].id));
        EXPECT(rows[i].id == NULL || memcmp(topic.id, rows[i].id, topic.id_len) == 0);
        EXPECT_EQ(dr_topic_build(&topic, built, sizeof(built), &len), DR_OK);
        EXPECT_STR(built, text);
        EXPECT_EQ(len, strlen(text));
        EXPECT_EQ(dr_topic_build(&topic, built, len, &len), DR_E_SPACE);
    }
}

static void test_unknown_operations(void)
{
    static const char *const texts[] = {
        "jobs/",
        "jobs//update",
        "jobs/$next/update",
        "jobs/J/update/",
        "jobs/J/get/accepted/x",
        "jobs/J/delete",
        "jobs/notify/accepted",
        "jobs/J J/get",
        "jobs/getx",
        "jobs/J/getx",
        "streams//get/cbor",
        "streams/S/get",
        "streams/S/get/xml",
        "streams/S/get/cbor/accepted",
        "streams/S/data/accepted",
        "streams/$next/get/cbor",
        "shadow/update",
        "daruma/report/cbor",
        "daruma",
        "",
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(texts); i++) {
        char text[128];
        struct dr_topic topic;
        snprintf(text, sizeof(text), PREFIX "%s", texts[i]);
        EXPECT_EQ(dr_topic_parse(text, strlen(text), &topic), DR_E_NOT_FOUND);
        EXPECT_EQ(topic.kind, DR_TOPIC_NONE);
        EXPECT_EQ(topic.thing_len, 10);
        EXPECT_EQ(topic.operation_len, strlen(texts[i]));
    }
}

static void test_not_ours(void)
{
    static const char *const texts[] = {
        "",
        "$aws/things/",
        "$aws/things//jobs/get",
        "$aws/things/T",
        "$aws/things/T$/jobs/get",
        "$aws/thing/T/jobs/get",
        "aws/things/T/jobs/get",
        "$aws/events/presence/connected/T",
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(texts); i++) {
        struct dr_topic topic;
        EXPECT_EQ(dr_topic_parse(texts[i], strlen(texts[i]), &topic), DR_E_FORMAT);
    }
}

static void test_lengths(void)
{
    char name[200];
    char text[DR_TOPIC_BYTES_MAX];
    size_t len = 0;
    memset(name, 'a', sizeof(name));
    EXPECT(dr_thing_name_valid(name, 128) && !dr_thing_name_valid(name, 129));
    EXPECT(dr_job_id_valid(name, 64) && !dr_job_id_valid(name, 65));
    EXPECT(dr_stream_id_valid(name, 128) && !dr_stream_id_valid(name, 129));
    EXPECT(!dr_thing_name_valid("", 0) && !dr_job_id_valid("a:b", 3));
    EXPECT(dr_thing_name_valid("a:b", 3) && !dr_thing_name_valid("a/b", 3));
    struct dr_topic topic = {.kind = DR_TOPIC_STREAM_DESCRIPTION, .dialect = DR_DIALECT_JSON};
    topic.thing = name;
    topic.thing_len = 128;
    topic.id = name;
    topic.id_len = 128;
    EXPECT_EQ(dr_topic_build(&topic, text, sizeof(text), &len), DR_OK); /* the longest of all */
    topic.id_len = 129;
    EXPECT_EQ(dr_topic_build(&topic, text, sizeof(text), &len), DR_E_ARGUMENT);
    topic.id = NULL;
    EXPECT_EQ(dr_topic_build(&topic, text, sizeof(text), &len), DR_E_ARGUMENT);
    topic.kind = DR_TOPIC_NOTIFY;
    EXPECT_EQ(dr_topic_build(&topic, text, sizeof(text), &len), DR_OK);
    topic.answer = DR_TOPIC_ACCEPTED;
    EXPECT_EQ(dr_topic_build(&topic, text, sizeof(text), &len), DR_E_ARGUMENT);
    topic.kind = DR_TOPIC_NONE;
    EXPECT_EQ(dr_topic_build(&topic, text, sizeof(text), &len), DR_E_ARGUMENT);
}

static void test_every_truncation(void)
{
    static const char text[] = PREFIX "jobs/AFR_OTA-1/update/accepted";
    for (size_t len = 0; len < strlen(text); len++) {
        char *copy = malloc(len + 1); /* exact size: a sanitizer sees a read past the end */
        struct dr_topic topic;
        REQUIRE(copy != NULL);
        memcpy(copy, text, len);
        bool whole = len == strlen(PREFIX "jobs/AFR_OTA-1/update");
        EXPECT_EQ(dr_topic_parse(copy, len, &topic) == DR_OK, whole);
        free(copy);
    }
}

DR_TEST_MAIN(
    test_both_ways, test_unknown_operations, test_not_ours, test_lengths, test_every_truncation)

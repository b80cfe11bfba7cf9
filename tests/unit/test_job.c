/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Both halves of the jobs protocol, against each other and against messages of AWS's agents. */
#include "format/job_service.h"
#include "tests/unit/check.h"

static char out[8192];
static size_t out_len;

static const char *text_of(enum dr_status status)
{
    EXPECT_EQ(status, DR_OK);
    out[status == DR_OK ? out_len : 0] = '\0';
    return out;
}

static struct dr_json parsed(const char *text)
{
    struct dr_json value = {NULL, 0};
    EXPECT_EQ(dr_json_check(text, strlen(text), &value), DR_OK);
    return value;
}

static void test_words(void)
{
    EXPECT_STR(dr_job_status_word(DR_JOB_QUEUED), "QUEUED");
    EXPECT_STR(dr_job_status_word(DR_JOB_CANCELED), "CANCELED");
    EXPECT_STR(dr_job_status_word(DR_JOB_NO_STATUS), "");
    EXPECT_STR(dr_job_status_word((enum dr_job_status)99), "");
    EXPECT_EQ(dr_job_status_from(parsed("\"TIMED_OUT\"")), DR_JOB_TIMED_OUT);
    EXPECT_EQ(dr_job_status_from(parsed("\"timed_out\"")), DR_JOB_NO_STATUS);
    EXPECT_EQ(dr_job_status_from(parsed("\"\"")), DR_JOB_NO_STATUS);
    EXPECT_EQ(dr_job_status_from(parsed("3")), DR_JOB_NO_STATUS);
    EXPECT_STR(dr_job_error_word(DR_JOB_ERROR_TERMINAL), "TerminalStateReached");
    EXPECT_EQ(dr_job_error_from(parsed("\"VersionMismatch\"")), DR_JOB_ERROR_VERSION);
    for (unsigned reason = 0; reason <= DR_REASON_TLV_ENTRY; reason++) {
        const char *word = dr_reason_word((enum dr_reason)reason);
        EXPECT_EQ(dr_reason_from_word(word, strlen(word)), reason);
        EXPECT(strlen(dr_reason_text((enum dr_reason)reason)) > 3);
    }
    EXPECT_STR(dr_reason_word(DR_REASON_NONE), "none");
    EXPECT_STR(dr_reason_word((enum dr_reason)200), "unknown");
    EXPECT_EQ(dr_reason_from_word("imag", 4), DR_REASON_NONE);
}

static void test_offer_from_aws(void)
{
    /* The shape that AWS sends on $next/get/accepted, seen live. */
    static const char message[] =
        "{\"clientToken\":\"0:thing\",\"timestamp\":1690000000,\"execution\":{\"jobId\":"
        "\"AFR_OTA-x_1\",\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"self_test\":\"ready\","
        "\"updatedBy\":\"0x00090002\"},\"queuedAt\":1690000000,\"lastUpdatedAt\":1690000005,"
        "\"versionNumber\":3,\"executionNumber\":1,\"jobDocument\":{\"afr_ota\":{}}}}";
    struct dr_job_message offer;
    REQUIRE(dr_job_parse_message(message, strlen(message), &offer) == DR_OK);
    EXPECT_STR(offer.client_token, "0:thing");
    EXPECT_EQ(offer.timestamp_s, 1690000000);
    REQUIRE(offer.has_execution);
    EXPECT_STR(offer.execution.job_id, "AFR_OTA-x_1");
    EXPECT_EQ(offer.execution.status, DR_JOB_IN_PROGRESS);
    EXPECT_EQ(offer.execution.version_number, 3);
    EXPECT_EQ(offer.execution.execution_number, 1);
    EXPECT(dr_json_is(dr_json_member(offer.execution.status_details, "self_test"), "ready"));
    EXPECT_EQ(dr_json_kind(dr_json_member(offer.execution.document, "afr_ota")), DR_JSON_OBJECT);
    for (size_t len = 0; len < strlen(message); len++) {
        EXPECT(dr_job_parse_message(message, len, &offer) != DR_OK);
    }
}

static void test_offers(void)
{
    static const struct {
        const char *message;
        enum dr_status status;
        bool has_execution;
    } rows[] = {
        {"{\"timestamp\":1}", DR_OK, false},
        {"{\"clientToken\":\"a\",\"timestamp\":1}", DR_OK, false},
        {"{\"timestamp\":1,\"execution\":{}}", DR_OK, false},
        {"{\"timestamp\":1,\"execution\":null}", DR_OK, false},
        {"{}", DR_OK, false},
        {"{\"execution\":{\"jobId\":\"J\"}}", DR_OK, true},
        {"{\"execution\":{\"jobId\":\"J/../x\"}}", DR_E_FORMAT, false},
        {"{\"execution\":{\"jobId\":\"\"}}", DR_E_FORMAT, false},
        {"{\"execution\":{\"jobId\":7}}", DR_E_FORMAT, false},
        {"{\"execution\":{\"status\":\"QUEUED\"}}", DR_E_FORMAT, false},
        {"{\"execution\":{\"jobId\":\"J\",\"status\":\"\\u0051\"}}", DR_OK, true},
        {"{\"timestamp\":4294967296}", DR_E_RANGE, false},
        {"{\"execution\":[]}", DR_E_FORMAT, false},
        {"{\"execution\":{\"jobId\":\"J\",\"versionNumber\":-1}}", DR_E_RANGE, false},
        {"{\"execution\":{\"jobId\":\"J\",\"statusDetails\":\"x\"}}", DR_E_FORMAT, false},
        {"{\"timestamp\":\"x\"}", DR_E_FORMAT, false},
        {"[]", DR_E_FORMAT, false},
        {"", DR_E_FORMAT, false},
        {"{\"execution\":{\"jobId\":\"12345678901234567890123456789012345678901234567890123456789"
         "012345\"}}",
         DR_E_SPACE, false},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_job_message offer = {.has_execution = false};
        EXPECT_EQ(
            dr_job_parse_message(rows[i].message, strlen(rows[i].message), &offer), rows[i].status);
        EXPECT_EQ(offer.has_execution, rows[i].has_execution);
    }
}

static void test_device_requests(void)
{
    const struct dr_version version = {0, 9, 2, 7};
    struct dr_job_details details = {
        .reason = DR_REASON_SELF_TEST,
        .detail = "led \"3\"",
        .progress_done = 25,
        .progress_total = 1000,
        .self_test = DR_JOB_SELF_TEST_READY,
        .updated_by = &version,
        .slot = "B",
        .tries = 3,
    };
    struct dr_job_update update = {
        .status = DR_JOB_FAILED,
        .expected_version = 4,
        .execution_number = 1,
        .client_token = "7-lock",
        .details = &details,
    };
    EXPECT_STR(
        text_of(dr_job_write_update(&update, out, sizeof(out), &out_len)),
        "{\"clientToken\":\"7-lock\",\"status\":\"FAILED\",\"expectedVersion\":4,"
        "\"executionNumber\":1,\"statusDetails\":{\"reason\":\"self_test\","
        "\"detail\":\"led \\\"3\\\"\",\"progress\":\"25/1000\",\"self_test\":\"ready\","
        "\"updatedBy\":\"0x00090002\",\"tries\":\"3\",\"slot\":\"B\"}}");

    /* The service understands it. */
    struct dr_job_request request;
    enum dr_job_error error = DR_JOB_ERROR_NONE;
    const char *text = NULL;
    REQUIRE(
        dr_job_parse_request(DR_TOPIC_JOB_UPDATE, out, out_len, &request, &error, &text) == DR_OK);
    EXPECT_EQ(request.status, DR_JOB_FAILED);
    EXPECT(request.has_expected_version);
    EXPECT_EQ(request.expected_version, 4);
    EXPECT_EQ(request.execution_number, 1);
    EXPECT_STR(request.client_token, "7-lock");
    EXPECT(dr_json_is(dr_json_member(request.status_details, "reason"), "self_test"));

    update = (struct dr_job_update){.status = DR_JOB_SUCCEEDED, .client_token = "t"};
    EXPECT_STR(
        text_of(dr_job_write_update(&update, out, sizeof(out), &out_len)),
        "{\"clientToken\":\"t\",\"status\":\"SUCCEEDED\"}");
    EXPECT_STR(
        text_of(dr_job_write_get("t", out, sizeof(out), &out_len)), "{\"clientToken\":\"t\"}");
    EXPECT_EQ(dr_job_write_get("t", out, 5, &out_len), DR_E_SPACE);
}

static void test_update_requests(void)
{
    static const struct {
        const char *message;
        enum dr_job_error error; /* NONE: accepted */
    } rows[] = {
        {"{\"status\":\"IN_PROGRESS\"}", DR_JOB_ERROR_NONE},
        {"{\"status\":\"SUCCEEDED\",\"expectedVersion\":\"2\"}", DR_JOB_ERROR_NONE},
        {"{\"status\":\"SUCCEEDED\",\"expectedVersion\":2}", DR_JOB_ERROR_NONE},
        {"{\"status\":\"SUCCEEDED\",\"clientToken\":null}", DR_JOB_ERROR_NONE},
        {"{\"status\":\"IN_PROGRESS\",\"statusDetails\":{}}", DR_JOB_ERROR_NONE},
        {"{\"status\":\"IN_PROGRESS\",\"stepTimeoutInMinutes\":-1}", DR_JOB_ERROR_NONE},
        {"{\"status\":\"IN_PROGRESS\",\"stepTimeoutInMinutes\":10080}", DR_JOB_ERROR_NONE},
        {"{\"status\":\"IN_PROGRESS\",\"unknown\":[1]}", DR_JOB_ERROR_NONE},
        {"{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"a:B_-9\":\"\\u20ac\"}}",
         DR_JOB_ERROR_NONE},
        {"", DR_JOB_ERROR_JSON},
        {"[]", DR_JOB_ERROR_JSON},
        {"{\"status\":\"SUCCEEDED\"", DR_JOB_ERROR_JSON},
        {"{\"status\":\"\xff\"}", DR_JOB_ERROR_JSON},
        {"{}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"CANCELED\"}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"QUEUED\"}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"TIMED_OUT\"}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":1}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"FAILED\",\"expectedVersion\":\"x\"}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"FAILED\",\"expectedVersion\":1.5}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"FAILED\",\"executionNumber\":{}}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"FAILED\",\"includeJobExecutionState\":1}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"FAILED\",\"includeJobDocument\":\"true\"}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"IN_PROGRESS\",\"stepTimeoutInMinutes\":0}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"IN_PROGRESS\",\"stepTimeoutInMinutes\":10081}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"IN_PROGRESS\",\"statusDetails\":[]}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"a\":1}}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"a\":\"\"}}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"a b\":\"x\"}}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"\":\"x\"}}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"a\":\"\\n\"}}", DR_JOB_ERROR_REQUEST},
        {"{\"status\":\"IN_PROGRESS\",\"clientToken\":"
         "\"12345678901234567890123456789012345678901234567890123456789012345\"}",
         DR_JOB_ERROR_REQUEST},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_job_request request;
        enum dr_job_error error = DR_JOB_ERROR_NONE;
        const char *text = NULL;
        enum dr_status status = dr_job_parse_request(
            DR_TOPIC_JOB_UPDATE, rows[i].message, strlen(rows[i].message), &request, &error, &text);
        EXPECT_EQ(status == DR_OK, rows[i].error == DR_JOB_ERROR_NONE);
        EXPECT_EQ(error, rows[i].error);
        EXPECT_EQ(text != NULL, rows[i].error != DR_JOB_ERROR_NONE);
    }
}

static void test_other_requests(void)
{
    struct dr_job_request request;
    enum dr_job_error error = DR_JOB_ERROR_NONE;
    const char *text = NULL;
    EXPECT_EQ(dr_job_parse_request(DR_TOPIC_JOB_GET, "", 0, &request, &error, &text), DR_OK);
    EXPECT(request.include_document);
    static const char describe[] =
        "{\"clientToken\":\"\\u0041\",\"executionNumber\":2,\"includeJobDocument\":false}";
    EXPECT_EQ(
        dr_job_parse_request(DR_TOPIC_JOB_GET, describe, strlen(describe), &request, &error, &text),
        DR_OK);
    EXPECT(!request.include_document);
    EXPECT_EQ(request.execution_number, 2);
    EXPECT_STR(request.client_token, "A");
    static const char start[] =
        "{\"statusDetails\":{\"by\":\"me\"},\"stepTimeoutInMinutes\":5,\"clientToken\":\"t\"}";
    EXPECT_EQ(
        dr_job_parse_request(DR_TOPIC_START_NEXT, start, strlen(start), &request, &error, &text),
        DR_OK);
    EXPECT(request.has_step_timeout && !request.clear_step_timeout);
    EXPECT_EQ(request.step_timeout_minutes, 5);
    EXPECT(request.status_details.len > 0);
    EXPECT_EQ(dr_job_parse_request(DR_TOPIC_JOBS_GET, "{}", 2, &request, &error, &text), DR_OK);
    EXPECT(!request.include_document);
    /* The token of a refused request is still there to be echoed. */
    static const char bad[] = "{\"status\":\"NO\",\"clientToken\":\"echo\"}";
    EXPECT_EQ(
        dr_job_parse_request(DR_TOPIC_JOB_UPDATE, bad, strlen(bad), &request, &error, &text),
        DR_E_FORMAT);
    EXPECT_STR(request.client_token, "echo");
}

static void test_answers(void)
{
    struct dr_job_execution_out execution = {
        .job_id = "AFR_OTA-1",
        .status = DR_JOB_QUEUED,
        .queued_at_s = 100,
        .last_updated_at_s = 101,
        .version_number = 1,
        .execution_number = 1,
        .document = parsed("{\"a\":1}"),
    };
    EXPECT_STR(
        text_of(dr_job_write_offer("t", 105, &execution, out, sizeof(out), &out_len)),
        "{\"clientToken\":\"t\",\"timestamp\":105,\"execution\":{\"jobId\":\"AFR_OTA-1\","
        "\"status\":\"QUEUED\",\"queuedAt\":100,\"lastUpdatedAt\":101,\"versionNumber\":1,"
        "\"executionNumber\":1,\"jobDocument\":{\"a\":1}}}");
    struct dr_job_message offer;
    EXPECT_EQ(dr_job_parse_message(out, out_len, &offer), DR_OK);
    EXPECT(offer.has_execution);
    EXPECT_STR(
        text_of(dr_job_write_offer("t", 105, NULL, out, sizeof(out), &out_len)),
        "{\"clientToken\":\"t\",\"timestamp\":105}");
    EXPECT_STR(
        text_of(dr_job_write_notify_next(105, NULL, out, sizeof(out), &out_len)),
        "{\"timestamp\":105}");

    struct dr_job_execution_out list_of[2] = {execution, execution};
    list_of[0].status = DR_JOB_IN_PROGRESS;
    list_of[0].job_id = "J0";
    list_of[0].started_at_s = 99;
    list_of[0].status_details = parsed("{\"x\":\"y\"}");
    const struct dr_job_list list = {list_of, 2};
    EXPECT_STR(
        text_of(dr_job_write_list("t", 1, &list, out, sizeof(out), &out_len)),
        "{\"clientToken\":\"t\",\"timestamp\":1,\"inProgressJobs\":[{\"jobId\":\"J0\","
        "\"queuedAt\":100,\"startedAt\":99,\"lastUpdatedAt\":101,\"versionNumber\":1,"
        "\"executionNumber\":1}],\"queuedJobs\":[{\"jobId\":\"AFR_OTA-1\",\"queuedAt\":100,"
        "\"lastUpdatedAt\":101,\"versionNumber\":1,\"executionNumber\":1}]}");
    const struct dr_job_list queued = {list_of + 1, 1};
    EXPECT_STR(
        text_of(dr_job_write_notify(7, &queued, out, sizeof(out), &out_len)),
        "{\"timestamp\":7,\"jobs\":{\"QUEUED\":[{\"jobId\":\"AFR_OTA-1\",\"queuedAt\":100,"
        "\"lastUpdatedAt\":101,\"versionNumber\":1,\"executionNumber\":1}]}}");
    const struct dr_job_list none = {NULL, 0};
    EXPECT_STR(
        text_of(dr_job_write_notify(7, &none, out, sizeof(out), &out_len)),
        "{\"timestamp\":7,\"jobs\":{}}");
}

static void test_verdicts(void)
{
    struct dr_job_verdict verdict = {.client_token = "t", .timestamp_s = 9};
    EXPECT_STR(
        text_of(dr_job_write_verdict(&verdict, out, sizeof(out), &out_len)),
        "{\"clientToken\":\"t\",\"timestamp\":9}");
    verdict.error = DR_JOB_ERROR_VERSION;
    verdict.message = "expected 2, is 3";
    verdict.has_state = true;
    verdict.state_status = DR_JOB_IN_PROGRESS;
    verdict.state_version = 3;
    verdict.state_details = parsed("{}");
    EXPECT_STR(
        text_of(dr_job_write_verdict(&verdict, out, sizeof(out), &out_len)),
        "{\"clientToken\":\"t\",\"code\":\"VersionMismatch\",\"message\":\"expected 2, is 3\","
        "\"timestamp\":9,\"executionState\":{\"status\":\"IN_PROGRESS\",\"versionNumber\":3}}");
    struct dr_job_message answer;
    REQUIRE(dr_job_parse_message(out, out_len, &answer) == DR_OK);
    EXPECT_EQ(answer.error, DR_JOB_ERROR_VERSION);
    EXPECT_EQ(answer.execution.status, DR_JOB_IN_PROGRESS);
    EXPECT_EQ(answer.execution.version_number, 3);
    EXPECT_EQ(answer.timestamp_s, 9);
    EXPECT_STR(answer.client_token, "t");
    EXPECT_EQ(dr_job_parse_message("{}", 2, &answer), DR_OK);
    EXPECT_EQ(answer.error, DR_JOB_ERROR_NONE);
    EXPECT_EQ(dr_job_parse_message("{\"code\":5}", 10, &answer), DR_E_FORMAT);
}

static void test_document(void)
{
    static uint8_t digest[32] = {0xab, 1};
    const struct dr_job_document_out document = {
        .stream = "daruma-1",
        .protocols = DR_JOB_PROTOCOL_MQTT,
        .file_size_bytes = 50675,
        .certfile = "/cert",
        .signature_base64 = "MEUCIQ==",
        .digest = digest,
        .order = {.has_sequence = true, .sequence = 7, .version = {1, 2, 3, 4}},
        .has_counter = true,
        .counter = 5,
        .product = "demo-lock",
    };
    const char *text = text_of(dr_job_write_document(&document, out, sizeof(out), &out_len));
    EXPECT_STR(
        text,
        "{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"daruma-1\",\"files\":[{"
        "\"filepath\":\"/\",\"filesize\":50675,\"fileid\":0,\"fileType\":0,\"certfile\":\"/cert\","
        "\"sig-sha256-ecdsa\":\"MEUCIQ==\"}]},\"daruma\":{\"digest\":"
        "\"ab01000000000000000000000000000000000000000000000000000000000000\","
        "\"version\":\"1.2.3+4\",\"sequence\":7,\"counter\":5,\"product\":\"demo-lock\","
        "\"size\":50675}}");
    struct dr_job_document read;
    REQUIRE(dr_job_parse_document(parsed(text), &read) == DR_OK);
    EXPECT_EQ(read.action, DR_JOB_ACTION_UPDATE);
    EXPECT_EQ(read.protocols, DR_JOB_PROTOCOL_MQTT);
    EXPECT_STR(read.stream, "daruma-1");
    EXPECT_EQ(read.file_size_bytes, 50675);
    EXPECT(read.has_digest && memcmp(read.digest, digest, 32) == 0);
    EXPECT(dr_json_is(dr_json_member(read.daruma, "version"), "1.2.3+4"));
    EXPECT(dr_json_is(dr_json_member(read.daruma, "product"), "demo-lock"));
    EXPECT(dr_json_is(dr_json_member(read.file, "sig-sha256-ecdsa"), "MEUCIQ=="));
}

static void test_documents(void)
{
#define FILE_OK "{\"filesize\":1,\"fileid\":0}"
#define AFR(files)                                                                                 \
    "{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"s\",\"files\":" files "}}"
    static const struct {
        const char *text;
        enum dr_status status;
    } rows[] = {
        {AFR("[" FILE_OK "]"), DR_OK},
        {AFR("[{\"filesize\":\"12\",\"fileid\":\"3\",\"unknown\":{}}]"), DR_OK},
        {"{\"afr_ota\":{\"protocols\":[\"HTTP\"],\"files\":[{\"filesize\":1,\"fileid\":0,"
         "\"update_data_url\":\"https://h/x?a=b&c\"}]}}",
         DR_OK},
        {"{\"afr_ota\":{\"protocols\":[],\"files\":[" FILE_OK "]}}", DR_OK},
        {AFR("[]"), DR_E_FORMAT},
        {AFR("{}"), DR_E_FORMAT},
        {AFR("[1]"), DR_E_FORMAT},
        {AFR("[" FILE_OK "," FILE_OK "]"), DR_E_FORMAT},
        {AFR("[{\"filesize\":0,\"fileid\":0}]"), DR_E_FORMAT},
        {AFR("[{\"fileid\":0}]"), DR_E_FORMAT},
        {AFR("[{\"filesize\":1}]"), DR_E_FORMAT},
        {AFR("[{\"filesize\":1,\"fileid\":256}]"), DR_E_RANGE},
        {AFR("[{\"filesize\":4294967296,\"fileid\":0}]"), DR_E_RANGE},
        {AFR("[{\"filesize\":1,\"fileid\":0,\"fileType\":-1}]"), DR_E_RANGE},
        {"{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"files\":[" FILE_OK "]}}", DR_E_FORMAT},
        {"{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"a/b\",\"files\":[" FILE_OK "]}}",
         DR_E_FORMAT},
        {"{\"afr_ota\":{\"streamname\":\"s\",\"files\":[" FILE_OK "]}}", DR_E_FORMAT},
        {"{\"afr_ota\":{}}", DR_E_FORMAT},
        {"{\"afr_ota\":[]}", DR_E_FORMAT},
        {"{}", DR_E_UNSUPPORTED},
        {"{\"reboot\":true}", DR_E_UNSUPPORTED},
        {"{\"daruma\":{}}", DR_E_UNSUPPORTED},
        {"{\"daruma\":{\"command\":\"erase\"}}", DR_E_UNSUPPORTED},
        {"{\"daruma\":{\"command\":\"update\"}}", DR_E_UNSUPPORTED},
        {"{\"daruma\":{\"command\":\"revert\"}}", DR_OK},
        {"{\"daruma\":{\"command\":\"revert\"},\"afr_ota\":{}}", DR_E_UNSUPPORTED},
        {"{\"daruma\":{\"command\":\"revert\",\"digest\":7}}", DR_E_FORMAT},
        {"{\"daruma\":{\"digest\":\"ab\"},\"afr_ota\":{\"protocols\":[],\"files\":[" FILE_OK "]}}",
         DR_E_FORMAT},
        {"{\"daruma\":{\"size\":2},\"afr_ota\":{\"protocols\":[],\"files\":[" FILE_OK "]}}",
         DR_E_FORMAT},
        {"{\"daruma\":{\"size\":1},\"afr_ota\":{\"protocols\":[],\"files\":[" FILE_OK "]}}", DR_OK},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_job_document document;
        enum dr_status status = dr_job_parse_document(parsed(rows[i].text), &document);
        if (status != rows[i].status) {
            fprintf(stderr, "%s\n", rows[i].text);
        }
        EXPECT_EQ(status, rows[i].status);
    }
}

static void test_commands(void)
{
    static const uint8_t digest[32] = {1, 2, 3};
    const char *text = text_of(dr_job_write_command_document(
        DR_JOB_ACTION_REVERT, "demo-lock", digest, "MEUC", out, sizeof(out), &out_len));
    struct dr_job_document document;
    REQUIRE(dr_job_parse_document(parsed(text), &document) == DR_OK);
    EXPECT_EQ(document.action, DR_JOB_ACTION_REVERT);
    EXPECT(document.has_digest && memcmp(document.digest, digest, 32) == 0);
    EXPECT(dr_json_is(dr_json_member(document.daruma, "signature"), "MEUC"));
    EXPECT_EQ(
        dr_job_write_command_document(
            DR_JOB_ACTION_UPDATE, "p", digest, "s", out, sizeof(out), &out_len),
        DR_E_ARGUMENT);

    uint8_t bytes[DR_JOB_COMMAND_BYTES_MAX];
    struct dr_writer writer;
    dr_writer_init(&writer, bytes, sizeof(bytes));
    dr_job_write_command(
        &writer, DR_JOB_ACTION_FACTORY, "12345678901234567890123456789012", digest);
    EXPECT_EQ(writer.status, DR_OK); /* the longest of all */
    EXPECT_EQ(writer.size_bytes, sizeof(bytes));
    EXPECT(memcmp(bytes, "daruma-cmd-1\0factory\0", 21) == 0);
}

static void test_postponed(void)
{
    const struct dr_job_postponed postponed = {
        .client_token = "p", .execution_number = 3, .why = "quiet-hours", .deadline_s = 86400};
    EXPECT_STR(
        text_of(dr_job_write_postponed(&postponed, out, sizeof(out), &out_len)),
        "{\"clientToken\":\"p\",\"status\":\"IN_PROGRESS\",\"executionNumber\":3,"
        "\"statusDetails\":{\"reason\":\"postponed\",\"detail\":\"quiet-hours\","
        "\"deadline\":\"86400\"}}");
    EXPECT_EQ(dr_job_write_postponed(&postponed, out, 40, &out_len), DR_E_SPACE);
}

DR_TEST_MAIN(
    test_words, test_offer_from_aws, test_offers, test_device_requests, test_update_requests,
    test_other_requests, test_answers, test_verdicts, test_document, test_documents, test_commands,
    test_postponed)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* From an uploaded image to the device's last word, and what happens on the way. */
#include "tests/unit/cloud_world.h"

#include "cloud/model/job.h"
#include "format/cbor.h"
#include "format/stream.h"

static uint8_t image[WORLD_IMAGE_MAX];
static uint8_t fetched[WORLD_IMAGE_MAX];

/* Fetch blocks as an agent does; returns the bytes placed. */
static size_t fetch(const char *stream, uint32_t first, uint32_t count, uint32_t block_size)
{
    uint8_t request[64];
    char rest[128];
    size_t size = 0;
    size_t placed = 0;
    struct dr_stream_get get = {.block_size_bytes = block_size, .offset = first, .count = count};
    EXPECT_EQ(dr_stream_write_get(&get, request, sizeof request, &size), DR_OK);
    snprintf(rest, sizeof rest, "streams/%s/get/cbor", stream);
    world_forget();
    world_send_raw("doll", rest, request, size, 0);
    for (size_t i = 0; i < w.sent_count; i++) {
        struct dr_stream_block block;
        if (dr_stream_parse_block(w.sent[i].payload, w.sent[i].size, &block) == DR_OK) {
            memcpy(fetched + (size_t)block.index * block_size, block.payload, block.size_bytes);
            placed += block.size_bytes;
        }
    }
    return placed;
}

/* The update is made, and the thing is told; both notices were committed with the job. */
static void create_and_tell(void)
{
    REQUIRE(world_update("u1", "doll", "fw") == DR_OK);
    EXPECT_STR(world_text(w.body, "awsIotJobId"), "AFR_OTA-u1");
    EXPECT_STR(world_text(w.body, "otaUpdateArn"), "arn:aws:iot:local:000000000000:otaupdate/u1");
    EXPECT_STR(world_text(w.body, "otaUpdateStatus"), "CREATE_COMPLETE");

    world_forget();
    world_settle();
    EXPECT_EQ(world_count("$aws/things/doll/jobs/notify"), 1);
    EXPECT_EQ(world_count("$aws/things/doll/jobs/notify-next"), 1);
    EXPECT(world_heard("notify-next")->to_subscribers);
    json_t *body = world_hear("notify");
    EXPECT_STR(world_text(body, "jobs.QUEUED.0.jobId"), "AFR_OTA-u1");
}

/* The document comes to who asks, unsubscribed. */
static void ask_for_document(size_t size, char stream[64])
{
    world_say("doll", "jobs/$next/get", "{\"clientToken\":\"0:doll\"}");
    EXPECT_EQ(w.sent_count, 1);
    EXPECT_EQ(w.sent[0].session, 42);
    EXPECT(!w.sent[0].from_outbox);
    json_t *body = world_hear("jobs/$next/get/accepted");
    EXPECT_STR(world_text(body, "clientToken"), "0:doll");
    EXPECT_EQ(world_number(body, "timestamp"), w.now_ms / 1000);
    EXPECT_STR(world_text(body, "execution.status"), "QUEUED");
    EXPECT_EQ(world_number(body, "execution.versionNumber"), 1);
    EXPECT_EQ(world_number(body, "execution.executionNumber"), 1);
    EXPECT(world_at(body, "execution.statusDetails") == NULL);
    EXPECT(world_at(body, "execution.startedAt") == NULL);
    json_t *document = world_at(body, "execution.jobDocument");
    EXPECT(json_is_object(document));
    EXPECT_EQ(world_number(document, "afr_ota.files.0.filesize"), size);
    EXPECT_STR(world_text(document, "afr_ota.files.0.filepath"), "fw");
    EXPECT_STR(world_text(document, "daruma.product"), "doll");
    EXPECT_EQ(world_number(document, "daruma.sequence"), 9);
    EXPECT_EQ(world_number(document, "daruma.counter"), 3);
    snprintf(stream, 64, "%s", world_text(document, "afr_ota.streamname"));
}

/* Progress, the self-test handshake, success. */
static void report_to_the_end(void)
{
    world_say(
        "doll", "jobs/AFR_OTA-u1/update",
        "{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"receive\":\"5/5\"}}");
    EXPECT_EQ(w.sent_count, 1); /* accepted and nothing else: the head only started */
    EXPECT(world_heard("update/accepted")->from_outbox);
    EXPECT_EQ(w.sent[0].session, 42);
    world_say(
        "doll", "jobs/AFR_OTA-u1/update",
        "{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"self_test\":\"ready\","
        "\"updatedBy\":\"0x01000000\"},\"includeJobExecutionState\":true}");
    json_t *body = world_hear("update/accepted");
    EXPECT_EQ(world_number(body, "executionState.versionNumber"), 3);
    world_say("doll", "jobs/$next/get", "");
    body = world_hear("get/accepted");
    EXPECT_STR(world_text(body, "execution.status"), "IN_PROGRESS");
    EXPECT_STR(world_text(body, "execution.statusDetails.self_test"), "ready");
    EXPECT(world_at(body, "execution.statusDetails.receive") == NULL); /* replaced, not merged */
    w.now_ms += 5000;
    world_say(
        "doll", "jobs/AFR_OTA-u1/update",
        "{\"status\":\"SUCCEEDED\",\"expectedVersion\":\"3\",\"clientToken\":\"t\"}");
    EXPECT_STR(world_text(world_hear("update/accepted"), "clientToken"), "t");
    EXPECT_EQ(world_count("jobs/notify"), 1);
    body = world_hear("jobs/notify-next");
    EXPECT_EQ(json_object_size(body), 1); /* only the timestamp */
    EXPECT_EQ(world_count("$aws/events/jobExecution/AFR_OTA-u1/succeeded"), 1);
    EXPECT_EQ(world_count("$aws/events/job/AFR_OTA-u1/completed"), 1);
}

static void operator_sees_success(const char *stream)
{
    REQUIRE(dr_service_describe_job(world_call(), "AFR_OTA-u1", world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "job.status"), "COMPLETED");
    EXPECT_EQ(world_number(w.body, "job.jobProcessDetails.numberOfSucceededThings"), 1);
    REQUIRE(
        dr_service_describe_execution(world_call(), "doll", "AFR_OTA-u1", 0, world_body()) ==
        DR_OK);
    EXPECT_STR(world_text(w.body, "execution.status"), "SUCCEEDED");
    EXPECT_STR(world_text(w.body, "execution.statusDetails.detailsMap.self_test"), "ready");
    EXPECT_EQ(world_number(w.body, "execution.versionNumber"), 4);
    REQUIRE(dr_service_get_ota_update(world_call(), "u1", world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "otaUpdateInfo.otaUpdateStatus"), "CREATE_COMPLETE");
    EXPECT_STR(
        world_text(w.body, "otaUpdateInfo.otaUpdateFiles.0.fileLocation.stream.streamId"), stream);
}

static void whole_update(void)
{
    char stream[64] = "";
    REQUIRE(world_begin());
    size_t size = world_ready(image);
    REQUIRE(size != 0);
    create_and_tell();
    ask_for_document(size, stream);

    /* Blocks: all of them, byte for byte, the last one short. */
    EXPECT_EQ(fetch(stream, 0, 3, 4096), 3 * 4096);
    EXPECT_EQ(fetch(stream, 3, 100, 4096), size - 3 * 4096);
    EXPECT(memcmp(image, fetched, size) == 0);

    report_to_the_end();
    operator_sees_success(stream);
    world_say("doll", "jobs/$next/get", "{\"clientToken\":\"last\"}");
    EXPECT_EQ(json_object_size(world_hear("get/accepted")), 2);
    world_end();
}

struct refused {
    const char *rest;
    const char *payload;
    const char *code;
    bool with_state;
};

static const struct refused refusals[] = {
    {"jobs/AFR_OTA-u1/update", "{", "InvalidJson", false},
    {"jobs/AFR_OTA-u1/update", "{\"status\":\"\xff\"}", "InvalidJson", false},
    {"jobs/AFR_OTA-u1/update", "{}", "InvalidRequest", false},
    {"jobs/AFR_OTA-u1/update", "{\"status\":\"CANCELED\"}", "InvalidRequest", false},
    {"jobs/AFR_OTA-u1/update", "{\"status\":\"TIMED_OUT\"}", "InvalidRequest", false},
    {"jobs/AFR_OTA-u1/update", "{\"status\":\"DONE\"}", "InvalidRequest", false},
    {"jobs/AFR_OTA-u1/update", "{\"status\":\"FAILED\",\"statusDetails\":{\"a b\":\"c\"}}",
     "InvalidRequest", false},
    {"jobs/AFR_OTA-u1/update", "{\"status\":\"FAILED\",\"statusDetails\":{\"a\":1}}",
     "InvalidRequest", false},
    {"jobs/AFR_OTA-u1/update", "{\"status\":\"IN_PROGRESS\",\"expectedVersion\":7}",
     "VersionMismatch", true},
    {"jobs/AFR_OTA-u1/update", "{\"status\":\"IN_PROGRESS\",\"expectedVersion\":\"7\"}",
     "VersionMismatch", true},
    {"jobs/nothing/update", "{\"status\":\"SUCCEEDED\"}", "ResourceNotFound", false},
    {"jobs/AFR_OTA-u1/update", "{\"status\":\"SUCCEEDED\",\"executionNumber\":2}",
     "ResourceNotFound", false},
    {"jobs/nothing/get", "{}", "ResourceNotFound", false},
    {"jobs/x/y/z", "{}", "InvalidTopic", false},
    {"jobs//update", "{\"status\":\"FAILED\"}", "InvalidTopic", false},
};

static void refused_updates(void)
{
    REQUIRE(world_begin());
    REQUIRE(world_ready(image) != 0);
    REQUIRE(world_update("u1", "doll", "fw") == DR_OK);
    world_settle();
    for (size_t i = 0; i < DR_ARRAY_COUNT(refusals); i++) {
        world_say("doll", refusals[i].rest, refusals[i].payload);
        EXPECT_EQ(w.sent_count, 1);
        json_t *body = world_hear("/rejected");
        EXPECT_STR(world_text(body, "code"), refusals[i].code);
        EXPECT(world_text(body, "message")[0] != '\0');
        EXPECT_EQ(world_number(body, "timestamp"), w.now_ms / 1000);
        EXPECT((world_at(body, "executionState") != NULL) == refusals[i].with_state);
        EXPECT_EQ(w.last_done, DR_OK);
    }
    /* Nothing of it changed anything. */
    world_say("doll", "jobs/$next/get", "{}");
    EXPECT_EQ(world_number(world_hear("accepted"), "execution.versionNumber"), 1);
    /* Out of a terminal state. */
    world_say("doll", "jobs/AFR_OTA-u1/update", "{\"status\":\"FAILED\"}");
    EXPECT_EQ(world_count("update/accepted"), 1);
    world_say("doll", "jobs/AFR_OTA-u1/update", "{\"status\":\"IN_PROGRESS\"}");
    json_t *body = world_hear("rejected");
    EXPECT_STR(world_text(body, "code"), "InvalidStateTransition");
    EXPECT_STR(world_text(body, "executionState.status"), "FAILED");
    world_say("doll", "jobs/AFR_OTA-u1/get", "{}");
    EXPECT_STR(world_text(world_hear("rejected"), "code"), "TerminalStateReached");
    world_end();
}

static void start_next(void)
{
    REQUIRE(world_begin());
    REQUIRE(world_ready(image) != 0);
    world_say("doll", "jobs/start-next", "{\"clientToken\":\"x\"}");
    EXPECT_EQ(json_object_size(world_hear("start-next/accepted")), 2);
    REQUIRE(world_update("u1", "doll", "fw") == DR_OK);
    world_settle();
    w.now_ms += 1000;
    world_say(
        "doll", "jobs/start-next",
        "{\"statusDetails\":{\"step\":\"one\"},\"stepTimeoutInMinutes\":5}");
    EXPECT_EQ(w.sent_count, 1);
    json_t *body = world_hear("start-next/accepted");
    EXPECT_STR(world_text(body, "execution.status"), "IN_PROGRESS");
    EXPECT_EQ(world_number(body, "execution.versionNumber"), 2);
    EXPECT_EQ(world_number(body, "execution.startedAt"), w.now_ms / 1000);
    EXPECT_EQ(world_number(body, "execution.approximateSecondsBeforeTimedOut"), 300);
    EXPECT(json_is_object(world_at(body, "execution.jobDocument")));
    world_say("doll", "jobs/start-next", "{\"statusDetails\":{\"step\":\"two\"}}");
    body = world_hear("start-next/accepted");
    EXPECT_EQ(world_number(body, "execution.versionNumber"), 2); /* it was in progress already */
    EXPECT_STR(world_text(body, "execution.statusDetails.step"), "one");
    world_say(
        "doll", "jobs/AFR_OTA-u1/update", "{\"status\":\"SUCCEEDED\",\"expectedVersion\":\"2\"}");
    EXPECT_EQ(world_count("update/accepted"), 1);
    world_end();
}

/* The guide's series, over the wire: what is told when. */
static void notifications(void)
{
    REQUIRE(world_begin());
    REQUIRE(world_ready(image) != 0);
    REQUIRE(world_update("a", "doll", "fw") == DR_OK);
    w.now_ms += 1000;
    world_settle();
    world_forget();
    REQUIRE(world_update("b", "doll", "fw") == DR_OK);
    world_settle();
    EXPECT_EQ(world_count("/notify"), 1);
    EXPECT_EQ(world_count("/notify-next"), 0);
    /* Not the head, but the first to start: it becomes the head. */
    world_say("doll", "jobs/AFR_OTA-b/update", "{\"status\":\"IN_PROGRESS\"}");
    EXPECT_EQ(world_count("/notify"), 0);
    EXPECT_EQ(world_count("/notify-next"), 1);
    EXPECT_STR(world_text(world_hear("/notify-next"), "execution.jobId"), "AFR_OTA-b");
    EXPECT_STR(w.sent[0].topic, "$aws/things/doll/jobs/AFR_OTA-b/update/accepted");
    world_say("doll", "jobs/get", "{\"clientToken\":\"p\"}");
    json_t *body = world_hear("jobs/get/accepted");
    EXPECT_STR(world_text(body, "inProgressJobs.0.jobId"), "AFR_OTA-b");
    EXPECT_STR(world_text(body, "queuedJobs.0.jobId"), "AFR_OTA-a");
    /* Another one in the list ends. */
    world_say("doll", "jobs/AFR_OTA-a/update", "{\"status\":\"REJECTED\"}");
    EXPECT_EQ(world_count("/notify"), 1);
    EXPECT_EQ(world_count("/notify-next"), 0);
    /* Forced cancel of the head. */
    world_forget();
    json_t *reason = world_json("{\"reasonCode\":\"BAD\",\"comment\":\"no\"}");
    EXPECT_EQ(dr_service_cancel_job(world_call(), "AFR_OTA-b", false, NULL, world_body()), DR_OK);
    world_settle();
    EXPECT_EQ(world_count("/notify"), 0); /* in progress: left alone */
    EXPECT_EQ(
        dr_service_cancel_job(world_call(), "AFR_OTA-b", true, reason, world_body()),
        DR_E_STATE); /* canceled already */
    json_decref(reason);
    json_t *none = NULL;
    EXPECT_EQ(
        dr_service_cancel_execution(world_call(), "doll", "AFR_OTA-b", false, none), DR_E_STATE);
    EXPECT_STR(w.call.code, "InvalidStateTransitionException");
    EXPECT_EQ(dr_service_cancel_execution(world_call(), "doll", "AFR_OTA-b", true, none), DR_OK);
    world_settle();
    EXPECT_EQ(world_count("/notify"), 1);
    EXPECT_EQ(world_count("/notify-next"), 1);
    EXPECT_EQ(world_count("$aws/events/jobExecution/AFR_OTA-b/canceled"), 1);
    REQUIRE(
        dr_service_describe_execution(world_call(), "doll", "AFR_OTA-b", 0, world_body()) == DR_OK);
    EXPECT(json_is_true(world_at(w.body, "execution.forceCanceled")));
    EXPECT(json_is_object(world_at(w.body, "execution.statusDetails.detailsMap")));
    world_end();
}

static void timeouts(void)
{
    REQUIRE(world_begin());
    REQUIRE(world_thing("doll") == DR_OK);
    json_t *body = world_json(
        "{\"targets\":[\"arn:aws:iot:eu-west-1:000000000000:thing/doll\"],\"document\":\"{}\","
        "\"timeoutConfig\":{\"inProgressTimeoutInMinutes\":10}}");
    REQUIRE(dr_service_create_job(world_call(), "j", body, world_body()) == DR_OK);
    json_decref(body);
    world_say("doll", "jobs/start-next", "");
    EXPECT_EQ(
        world_number(world_hear("accepted"), "execution.approximateSecondsBeforeTimedOut"), 600);
    w.now_ms += 9 * 60000;
    EXPECT_EQ(dr_service_tick(w.service, w.now_ms), DR_OK);
    world_say("doll", "jobs/$next/get", "");
    EXPECT_STR(world_text(world_hear("accepted"), "execution.jobId"), "j");
    w.now_ms += 2 * 60000;
    world_forget();
    EXPECT_EQ(dr_service_tick(w.service, w.now_ms), DR_OK);
    EXPECT_EQ(world_thing("other"), DR_OK); /* behind it in the writer's queue */
    world_settle();
    EXPECT_EQ(world_count("/notify"), 1);
    EXPECT_EQ(world_count("$aws/events/jobExecution/j/timed_out"), 1);
    REQUIRE(dr_service_describe_job(world_call(), "j", world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "job.status"), "COMPLETED");
    EXPECT_EQ(world_number(w.body, "job.jobProcessDetails.numberOfTimedOutThings"), 1);
    EXPECT_EQ(world_number(w.body, "job.timeoutConfig.inProgressTimeoutInMinutes"), 10);
    REQUIRE(dr_service_list_audit(world_call(), NULL, world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "entries.1.action"), "TimeOutJobExecution");
    EXPECT_STR(world_text(w.body, "entries.1.actor"), "service");
    world_end();
}

/* A job for more things than one transaction takes goes on by itself. */
static void rollout_in_chunks(void)
{
    enum { THINGS = 2100 };
    REQUIRE(world_begin());
    json_t *targets = json_array();
    for (int i = 0; i < THINGS; i++) {
        char name[96];
        snprintf(name, sizeof name, "t%d", i);
        REQUIRE(world_thing(name) == DR_OK);
        snprintf(name, sizeof name, "arn:aws:iot:local:000000000000:thing/t%d", i);
        json_array_append_new(targets, json_string(name));
    }
    json_t *body = json_pack("{s:o, s:s}", "targets", targets, "document", "{\"a\":1}");
    REQUIRE(dr_service_create_job(world_call(), "big", body, world_body()) == DR_OK);
    json_decref(body);
    for (unsigned i = 0; i < THINGS / DR_JOB_CHUNK + 1u; i++) { /* each stands behind one chunk */
        EXPECT_EQ(world_thing("extra"), DR_OK);
    }
    REQUIRE(dr_service_describe_job(world_call(), "big", world_body()) == DR_OK);
    EXPECT_EQ(world_number(w.body, "job.jobProcessDetails.numberOfQueuedThings"), THINGS);
    EXPECT(json_is_false(world_at(w.body, "job.isConcurrent")));
    EXPECT_EQ(json_array_size(world_at(w.body, "job.targets")), THINGS);

    struct dr_page page = {.limit = 250, .token = ""};
    char token[DR_SERVICE_TOKEN_SIZE] = "";
    size_t listed = 0;
    do {
        page.token = token;
        REQUIRE(
            dr_service_list_executions_for_job(
                world_call(), "big", "QUEUED", &page, world_body()) == DR_OK);
        listed += json_array_size(world_at(w.body, "executionSummaries"));
        snprintf(token, sizeof token, "%s", world_text(w.body, "nextToken"));
    } while (token[0] != '\0' && listed <= THINGS);
    EXPECT_EQ(listed, THINGS);

    REQUIRE(dr_service_cancel_job(world_call(), "big", false, NULL, world_body()) == DR_OK);
    REQUIRE(dr_service_describe_job(world_call(), "big", world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "job.status"), "CANCELED");
    EXPECT_EQ(world_number(w.body, "job.jobProcessDetails.numberOfCanceledThings"), THINGS);
    EXPECT_EQ(dr_service_delete_job(world_call(), "big", false), DR_OK);
    EXPECT_EQ(dr_service_describe_job(world_call(), "big", world_body()), DR_E_NOT_FOUND);
    world_end();
}

DR_TEST_MAIN(whole_update, refused_updates, start_next, notifications, timeouts, rollout_in_chunks)

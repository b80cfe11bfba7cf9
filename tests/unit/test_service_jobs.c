/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Jobs for many things: cancelled in several transactions while their devices go on, and by
 * themselves when too many devices fail. */
#include "tests/unit/cloud_world.h"

#include "cloud/registry/frame.h"
#include "cloud/service/executions_priv.h"

/* A job for things t0, t1, …; settings: further members of the body, or "". */
static enum dr_status make_job(const char *id, int things, const char *settings)
{
    json_t *targets = json_array();
    for (int i = 0; i < things; i++) {
        char name[96];
        snprintf(name, sizeof name, "t%d", i);
        EXPECT_EQ(world_thing(name), DR_OK);
        snprintf(name, sizeof name, "arn:aws:iot:local:000000000000:thing/t%d", i);
        json_array_append_new(targets, json_string(name));
    }
    char text[1024];
    snprintf(text, sizeof text, "{\"document\":\"{}\"%s}", settings);
    json_t *body = world_json(text);
    json_object_set_new(body, "targets", targets);
    enum dr_status status = dr_service_create_job(world_call(), id, body, world_body());
    json_decref(body);
    return status;
}

/* Behind everything that the background has queued by now. */
static void wait_for_background(unsigned turns)
{
    for (unsigned i = 0; i < turns; i++) {
        EXPECT_EQ(world_thing("behind"), DR_OK);
    }
}

static const char *job_status(const char *id)
{
    EXPECT_EQ(dr_service_describe_job(world_call(), id, world_body()), DR_OK);
    return world_text(w.body, "job.status");
}

static long long count_of(const char *member)
{
    char path[96];
    snprintf(path, sizeof path, "job.jobProcessDetails.numberOf%sThings", member);
    return world_number(w.body, path);
}

/* --- a device that reports between two transactions of an operator --- */

static enum dr_status run_reject(void *context, struct dr_db *db)
{
    struct dr_scope scope = {.service = w.service, .db = db, .now_ms = w.now_ms, .region = "local"};
    struct dr_execution_change change = {.status = DR_JOB_REJECTED, .actor = DR_JOB_ACTOR_DEVICE};
    struct dr_execution_row row;
    DR_TRY(dr_execution_find(db, context, "big", 0, &row));
    enum dr_status status = dr_execution_transition(&scope, &row, &change, NULL);
    dr_execution_row_free(&row);
    return status;
}

static void ignore_end(void *context, enum dr_status status)
{
    (void)context;
    EXPECT_EQ(status, DR_OK);
}

static enum dr_status run_nothing(void *context, struct dr_db *db)
{
    (void)context;
    (void)db;
    return DR_OK;
}

/* In the writer's thread, so before an operator's next transaction can be queued. */
static void queue_reject(void *context, enum dr_status status)
{
    struct dr_mutation reject = {run_reject, ignore_end, context};
    EXPECT_EQ(status, DR_OK);
    EXPECT_EQ(dr_store_submit(w.store, &reject), DR_OK);
}

static void cancel_while_devices_report(void)
{
    static char last[] = "t250"; /* the 251st: the second transaction's */
    REQUIRE(world_begin());
    REQUIRE(make_job("big", 251, "") == DR_OK);
    wait_for_background(3);
    struct dr_mutation first = {run_nothing, queue_reject, last};
    REQUIRE(dr_store_submit(w.store, &first) == DR_OK);
    EXPECT_EQ(dr_service_cancel_job(world_call(), "big", false, NULL, world_body()), DR_OK);
    EXPECT_STR(job_status("big"), "CANCELED");
    EXPECT_EQ(count_of("Canceled"), 250);
    EXPECT_EQ(count_of("Rejected"), 1);
    EXPECT(json_is_false(world_at(w.body, "job.isConcurrent")));
    world_end();
}

/* As a crash in the middle of a cancel leaves a job. */
static enum dr_status run_mark(void *context, struct dr_db *db)
{
    return dr_db_run(
        db, "UPDATE job SET rollout_next = ?2 WHERE id = ?1",
        DR_VALUES(dr_value_text(context), dr_value_int(DR_ROLLOUT_ENDING)));
}

static void interrupted_cancels(void)
{
    static char ended[] = "ended";
    static char open[] = "open";
    REQUIRE(world_begin());
    REQUIRE(make_job(ended, 1, "") == DR_OK);
    REQUIRE(make_job(open, 1, "") == DR_OK);
    wait_for_background(3);
    REQUIRE(dr_store_write(w.store, run_mark, ended) == DR_OK);
    REQUIRE(dr_store_write(w.store, run_mark, open) == DR_OK);
    REQUIRE(dr_service_cancel_execution(world_call(), "t0", ended, false, NULL) == DR_OK);
    EXPECT_STR(job_status(ended), "IN_PROGRESS"); /* may still be repeated */
    EXPECT_EQ(dr_service_recover(w.service, w.now_ms), DR_OK);
    EXPECT_STR(job_status(ended), "COMPLETED");
    EXPECT_STR(job_status(open), "IN_PROGRESS");
    REQUIRE(dr_service_cancel_execution(world_call(), "t0", open, false, NULL) == DR_OK);
    EXPECT_STR(job_status(open), "COMPLETED");
    world_end();
}

/* --- abort criteria --- */

#define CRITERION(type, percent, minimum)                                                          \
    "{\"failureType\":\"" type "\",\"action\":\"CANCEL\",\"thresholdPercentage\":" percent         \
    ",\"minNumberOfExecutedThings\":" minimum "}"
#define ABORT(criteria) ",\"abortConfig\":{\"criteriaList\":[" criteria "]}"

/* A thing says how its execution ended. */
static void report(const char *thing, const char *job, const char *status)
{
    char rest[96];
    char payload[64];
    snprintf(rest, sizeof rest, "jobs/%s/update", job);
    snprintf(payload, sizeof payload, "{\"status\":\"%s\"}", status);
    world_say(thing, rest, payload);
    EXPECT(world_heard("update/accepted") != NULL);
}

static void abort_by_failures(void)
{
    REQUIRE(world_begin());
    REQUIRE(make_job("j", 6, ABORT(CRITERION("FAILED", "40", "3"))) == DR_OK);
    report("t0", "j", "FAILED");
    report("t1", "j", "REJECTED"); /* another kind, but executed */
    EXPECT_STR(job_status("j"), "IN_PROGRESS");
    report("t4", "j", "IN_PROGRESS");
    report("t2", "j", "SUCCEEDED"); /* a third: 33 percent failed */
    EXPECT_STR(job_status("j"), "IN_PROGRESS");
    report("t3", "j", "FAILED"); /* 50 of 40 percent */
    EXPECT_EQ(world_count("$aws/events/job/j/canceled"), 1);
    EXPECT_STR(job_status("j"), "CANCELED");
    EXPECT_STR(world_text(w.body, "job.reasonCode"), "ABORT_CRITERIA_MET");
    EXPECT_STR(
        world_text(w.body, "job.comment"),
        "FAILED reached 40.00 percent of the executions that ended, and 4 have ended");
    EXPECT(world_number(w.body, "job.completedAt") != 0);
    EXPECT(world_at(w.body, "job.forceCanceled") == NULL);
    EXPECT_EQ(count_of("Failed"), 2);
    EXPECT_EQ(count_of("InProgress"), 1); /* goes on */
    EXPECT_EQ(count_of("Canceled"), 1);
    EXPECT_EQ(world_count("$aws/things/t5/jobs/notify"), 1);
    REQUIRE(dr_service_list_audit(world_call(), NULL, world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "entries.0.action"), "AbortJob");
    EXPECT_STR(world_text(w.body, "entries.0.actor"), "service");
    report("t4", "j", "SUCCEEDED");
    EXPECT_STR(job_status("j"), "CANCELED");
    world_end();
}

/* More than a transaction's worth: the rest goes with the next ticks. */
static void abort_of_many(void)
{
    REQUIRE(world_begin());
    REQUIRE(make_job("j", 600, ABORT(CRITERION("ALL", "0.01", "1"))) == DR_OK);
    wait_for_background(5);
    EXPECT_STR(job_status("j"), "IN_PROGRESS");
    EXPECT_EQ(count_of("Queued"), 600);
    /* What the outbox holds for 600 things is not looked at. */
    static const char rejected[] = "{\"status\":\"REJECTED\"}";
    world_send_raw("t7", "jobs/j/update", rejected, strlen(rejected), ++w.number);
    wait_for_background(1);
    EXPECT_STR(job_status("j"), "CANCELED");
    EXPECT_EQ(count_of("Queued"), 349);
    EXPECT(json_is_true(world_at(w.body, "job.isConcurrent")));
    EXPECT_EQ(dr_service_tick(w.service, w.now_ms), DR_OK);
    wait_for_background(4);
    EXPECT_STR(job_status("j"), "CANCELED");
    EXPECT_EQ(count_of("Canceled"), 599);
    EXPECT(json_is_false(world_at(w.body, "job.isConcurrent")));
    world_end();
}

static void abort_by_time_outs(void)
{
    REQUIRE(world_begin());
    REQUIRE(
        make_job(
            "j", 3,
            ABORT(CRITERION("TIMED_OUT", "1", "1")) ",\"timeoutConfig\":"
                                                    "{\"inProgressTimeoutInMinutes\":1}") == DR_OK);
    report("t0", "j", "IN_PROGRESS");
    report("t1", "j", "FAILED"); /* not what the criterion is about */
    w.now_ms += 61000;
    EXPECT_EQ(dr_service_tick(w.service, w.now_ms), DR_OK);
    wait_for_background(1);
    EXPECT_STR(job_status("j"), "CANCELED");
    EXPECT_EQ(count_of("TimedOut"), 1);
    EXPECT_EQ(count_of("Canceled"), 1);
    world_end();
}

static void refused_criteria(void)
{
    static const char *const refused[] = {
        ",\"abortConfig\":{}",
        ABORT(""),
        ABORT(CRITERION("CANCELED", "1", "1")),
        ABORT(CRITERION("FAILED", "0", "1")),
        ABORT(CRITERION("FAILED", "100.01", "1")),
        ABORT(CRITERION("FAILED", "10.999", "1")),
        ABORT(CRITERION("FAILED", "1", "0")),
        ABORT("{\"failureType\":\"FAILED\",\"action\":\"PAUSE\",\"thresholdPercentage\":1,"
              "\"minNumberOfExecutedThings\":1}"),
        ABORT("{\"failureType\":\"FAILED\",\"action\":\"CANCEL\",\"thresholdPercentage\":1}"),
    };
    REQUIRE(world_begin());
    for (size_t i = 0; i < DR_ARRAY_COUNT(refused); i++) {
        EXPECT(make_job("j", 1, refused[i]) != DR_OK);
        EXPECT_STR(w.call.code, "InvalidRequestException");
    }
    EXPECT_EQ(make_job("j", 1, ABORT(CRITERION("FAILED", "10.99", "1"))), DR_OK);
    world_end();
}

/* --- rates --- */

static long long queued_after(int64_t ms)
{
    w.now_ms += ms;
    EXPECT_EQ(dr_service_tick(w.service, w.now_ms), DR_OK);
    wait_for_background(3);
    EXPECT_STR(job_status("slow"), "IN_PROGRESS");
    return count_of("Queued");
}

static void maximum_per_minute(void)
{
    REQUIRE(world_begin());
    REQUIRE(
        make_job("slow", 5, ",\"jobExecutionsRolloutConfig\":{\"maximumPerMinute\":2}") == DR_OK);
    EXPECT_EQ(queued_after(0), 2);
    EXPECT_EQ(queued_after(59999), 2);
    /* Who was served does not make room, and does not complete the job. */
    REQUIRE(dr_service_cancel_execution(world_call(), "t0", "slow", false, NULL) == DR_OK);
    REQUIRE(dr_service_cancel_execution(world_call(), "t1", "slow", false, NULL) == DR_OK);
    EXPECT_EQ(queued_after(0), 0);
    EXPECT(json_is_true(world_at(w.body, "job.isConcurrent")));
    EXPECT_EQ(queued_after(1), 2);
    /* It keeps no other job waiting. */
    REQUIRE(make_job("fast", 250, "") == DR_OK);
    wait_for_background(6);
    EXPECT_STR(job_status("fast"), "IN_PROGRESS");
    EXPECT_EQ(count_of("Queued"), 250);
    EXPECT_EQ(queued_after(30000), 2);
    EXPECT_EQ(queued_after(30000), 3);
    EXPECT(json_is_false(world_at(w.body, "job.isConcurrent")));
    world_end();
}

/* What was queued in a time that is still to come does not count as the last minute's. */
static void a_clock_set_back(void)
{
    REQUIRE(world_begin());
    REQUIRE(
        make_job("slow", 5, ",\"jobExecutionsRolloutConfig\":{\"maximumPerMinute\":2}") == DR_OK);
    EXPECT_EQ(queued_after(0), 2);
    EXPECT_EQ(queued_after(-3600000), 4);
    EXPECT_EQ(queued_after(0), 4);
    world_end();
}

static void refused_settings(void)
{
    REQUIRE(world_begin());
    EXPECT(make_job("j", 1, ",\"jobExecutionsRetryConfig\":{\"criteriaList\":[]}") != DR_OK);
    EXPECT(strstr(w.call.message, "jobExecutionsRetryConfig") != NULL);
    EXPECT(make_job("j", 1, ",\"jobExecutionsRolloutConfig\":{\"exponentialRate\":{}}") != DR_OK);
    EXPECT(strstr(w.call.message, "exponentialRate") != NULL);
    EXPECT_STR(w.call.code, "InvalidRequestException");
    world_end();
}

DR_TEST_MAIN(
    cancel_while_devices_report, interrupted_cancels, abort_by_failures, abort_of_many,
    abort_by_time_outs, refused_criteria, maximum_per_minute, a_clock_set_back, refused_settings)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Jobs for many things: cancelled in several transactions while their devices go on. */
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

DR_TEST_MAIN(cancel_while_devices_report)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/registry/frame.h"
#include "cloud/registry/images.h"

#include <stdio.h>

enum dr_status dr_bucket_require(struct dr_call *call, struct dr_db *db, const char *bucket)
{
    int64_t one = 0;
    enum dr_status status = dr_db_int(
        db, "SELECT 1 FROM bucket WHERE name = ?1", DR_VALUES(dr_value_text(bucket)), &one);
    if (status == DR_E_NOT_FOUND) {
        return dr_call_fail(
            call, status, DR_CODE_NO_BUCKET, "the bucket %.63s does not exist", bucket);
    }
    return status;
}

static enum dr_status run_create(struct dr_act *act, struct dr_db *db)
{
    DR_TRY(dr_db_run(
        db, "INSERT INTO bucket(name, created_ms) VALUES(?1, ?2) ON CONFLICT DO NOTHING",
        DR_VALUES(dr_value_text(act->resource), dr_value_int(act->call->now_ms))));
    act->is_change = dr_db_changes(db) != 0;
    return DR_OK;
}

enum dr_status dr_service_create_bucket(struct dr_call *call, const char *bucket)
{
    if (!dr_name_bucket(bucket)) {
        return dr_call_fail(
            call, DR_E_ARGUMENT, "InvalidBucketName",
            "a bucket name has 3 to 63 of [a-z0-9.-] and begins and ends with a letter or digit");
    }
    struct dr_act act = {
        .call = call, .action = "CreateBucket", .resource = bucket, .run = run_create};
    return dr_act_write(&act);
}

struct head {
    const char *name;
    struct dr_bucket *bucket;
};

static enum dr_status run_head(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct head *head = arguments;
    DR_TRY(dr_bucket_require(call, db, head->name));
    (void)snprintf(head->bucket->name, sizeof head->bucket->name, "%s", head->name);
    return dr_db_int(
        db, "SELECT created_ms FROM bucket WHERE name = ?1", DR_VALUES(dr_value_text(head->name)),
        &head->bucket->created_ms);
}

enum dr_status
dr_service_head_bucket(struct dr_call *call, const char *bucket, struct dr_bucket *ret_bucket)
{
    struct head head = {.name = bucket, .bucket = ret_bucket};
    return dr_call_read(call, run_head, &head);
}

static enum dr_status run_delete(struct dr_act *act, struct dr_db *db)
{
    int64_t objects = 0;
    DR_TRY(dr_bucket_require(act->call, db, act->resource));
    DR_TRY(dr_db_int(
        db, "SELECT count(*) FROM object WHERE bucket = ?1 AND digest IS NOT NULL",
        DR_VALUES(dr_value_text(act->resource)), &objects));
    if (objects != 0) {
        return dr_call_fail(
            act->call, DR_E_STATE, "BucketNotEmpty",
            "the bucket still holds %lld versions of objects", (long long)objects);
    }
    DR_TRY(dr_db_run(
        db, "DELETE FROM object WHERE bucket = ?1", DR_VALUES(dr_value_text(act->resource))));
    return dr_db_run(
        db, "DELETE FROM bucket WHERE name = ?1", DR_VALUES(dr_value_text(act->resource)));
}

enum dr_status dr_service_delete_bucket(struct dr_call *call, const char *bucket)
{
    struct dr_act act = {
        .call = call, .action = "DeleteBucket", .resource = bucket, .run = run_delete};
    return dr_act_write(&act);
}

struct listing {
    bool (*visit)(void *context, const struct dr_bucket *bucket);
    void *context;
};

static enum dr_status run_list(struct dr_call *call, struct dr_db *db, void *arguments)
{
    const struct listing *listing = arguments;
    struct dr_rows rows;
    (void)call;
    dr_db_select(
        db, &rows, "SELECT name, created_ms FROM bucket ORDER BY name LIMIT ?1",
        DR_VALUES(dr_value_int(DR_SERVICE_PAGE_MAX)));
    bool goes_on = true;
    while (goes_on && dr_rows_next(&rows)) { /* bound: DR_SERVICE_PAGE_MAX */
        struct dr_bucket bucket = {.created_ms = dr_rows_int(&rows, 1)};
        (void)snprintf(bucket.name, sizeof bucket.name, "%s", dr_rows_text(&rows, 0));
        goes_on = listing->visit(listing->context, &bucket);
    }
    return dr_rows_end(&rows);
}

enum dr_status dr_service_list_buckets(
    struct dr_call *call, bool (*visit)(void *context, const struct dr_bucket *bucket),
    void *context)
{
    struct listing listing = {.visit = visit, .context = context};
    return dr_call_read(call, run_list, &listing);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Making jobs and describing them. Ending them: job_cancel.c. */
#include "cloud/service/jobs.h"

#include "cloud/registry/page.h"
#include "cloud/service/jobs_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dr_scope dr_scope_of(const struct dr_act *act, struct dr_db *db)
{
    return (struct dr_scope){
        .service = act->call->service,
        .db = db,
        .now_ms = act->call->now_ms,
        .region = act->call->region,
    };
}

enum dr_status
dr_job_require(struct dr_call *call, struct dr_db *db, const char *id, enum dr_job_state *ret_state)
{
    int64_t state = 0;
    enum dr_status status =
        dr_db_int(db, "SELECT status FROM job WHERE id = ?1", DR_VALUES(dr_value_text(id)), &state);
    if (status == DR_E_NOT_FOUND) {
        return dr_call_not_found(call, "Job", id);
    }
    *ret_state = (enum dr_job_state)state;
    return status;
}

static enum dr_status
insert_targets(struct dr_act *act, struct dr_db *db, const struct dr_job_new *job)
{
    const char *name;
    json_t *value;
    int64_t position = 0;
    json_object_foreach(job->things, name, value)
    {
        DR_TRY(dr_db_run(
            db,
            "INSERT INTO job_target(job, position, thing)"
            " SELECT ?1, ?2, name FROM thing WHERE name = ?3",
            DR_VALUES(dr_value_text(job->id), dr_value_int(position), dr_value_text(name))));
        if (dr_db_changes(db) == 0) {
            DR_TRY(dr_thing_require(act->call, db, name)); /* says that there is none */
        }
        position++;
    }
    return DR_OK;
}

enum dr_status
dr_job_insert(struct dr_act *act, struct dr_db *db, const struct dr_job_new *job, bool *ret_more)
{
    char *settings = dr_json_text(job->settings);
    if (settings == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = dr_db_run(
        db,
        "INSERT INTO job(id, status, target_selection, description, document, settings,"
        " in_progress_minutes, ota_update, rollout_next, created_ms, updated_ms)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?9)",
        DR_VALUES(
            dr_value_text(job->id), dr_value_int(DR_JOB_STATE_IN_PROGRESS),
            dr_value_text(job->target_selection != NULL ? job->target_selection : "SNAPSHOT"),
            dr_value_text(job->description), dr_value_text(job->document), dr_value_text(settings),
            dr_value_int(job->in_progress_timeout_minutes), dr_value_text(job->ota_update),
            dr_value_int(act->call->now_ms)));
    free(settings);
    if (status == DR_E_EXISTS) {
        dr_call_arn(act->call, "job", job->id, act->call->resource);
        return dr_call_fail(
            act->call, DR_E_EXISTS, DR_CODE_EXISTS, "Job %s already exists", job->id);
    }
    DR_TRY(status);
    DR_TRY(insert_targets(act, db, job));
    if (json_object_size(job->things) > DR_JOB_CHUNK) { /* their names are enough for one commit */
        *ret_more = true;
        return DR_OK;
    }
    struct dr_scope scope = dr_scope_of(act, db);
    return dr_rollout_chunk(&scope, job->id, ret_more);
}

struct creation {
    struct dr_job_new job;
    bool more;
};

static enum dr_status run_create(struct dr_act *act, struct dr_db *db)
{
    struct creation *creation = act->arguments;
    return dr_job_insert(act, db, &creation->job, &creation->more);
}

static enum dr_status check_document(struct dr_call *call, const char *document)
{
    if (document == NULL) {
        return dr_call_invalid(call, "document is missing (documentSource is not supported yet)");
    }
    if (strlen(document) > DR_JOB_DOCUMENT_LEN_MAX) {
        return dr_call_invalid(call, "document is longer than 32768 characters");
    }
    struct dr_json value;
    if (dr_json_check_object(document, strlen(document), &value) != DR_OK) {
        return dr_call_invalid(call, "document is not a JSON object");
    }
    return DR_OK;
}

static enum dr_status
check_job_body(struct dr_call *call, const json_t *body, struct dr_job_new *job)
{
    json_t *schedule = NULL;
    DR_TRY(dr_body_text(call, body, "document", NULL, &job->document));
    DR_TRY(check_document(call, job->document));
    DR_TRY(dr_body_text(call, body, "description", NULL, &job->description));
    if (job->description != NULL && !dr_name_description(job->description)) {
        return dr_call_invalid(call, "description is too long or has control characters");
    }
    DR_TRY(dr_body_text(call, body, "targetSelection", "SNAPSHOT", &job->target_selection));
    if (strcmp(job->target_selection, "SNAPSHOT") != 0) {
        return dr_call_invalid(
            call, "targetSelection must be SNAPSHOT: CONTINUOUS needs thing groups, which are not "
                  "supported yet");
    }
    DR_TRY(dr_body_object(call, body, "schedulingConfig", &schedule));
    if (json_object_size(schedule) != 0) {
        return dr_call_invalid(call, "schedulingConfig is not supported yet");
    }
    return DR_OK;
}

enum dr_status
dr_service_create_job(struct dr_call *call, const char *id, const json_t *body, json_t **ret_body)
{
    struct creation creation = {.job = {.id = id}};
    json_t *targets = NULL;
    json_t *settings = NULL;
    if (!dr_name_job(id)) {
        return dr_call_invalid(call, "jobId must be 1 to 64 of [a-zA-Z0-9_-]");
    }
    DR_TRY(check_job_body(call, body, &creation.job));
    DR_TRY(dr_body_array(call, body, "targets", &targets));
    DR_TRY(dr_job_settings_check(call, body, &settings, &creation.job.in_progress_timeout_minutes));
    enum dr_status status = dr_job_targets_check(call, targets, &creation.job.things);
    if (status == DR_OK) {
        creation.job.settings = settings;
        struct dr_act act = {
            .call = call,
            .action = "CreateJob",
            .resource = id,
            .run = run_create,
            .arguments = &creation};
        status = dr_act_write(&act);
        json_decref(creation.job.things);
    }
    json_decref(settings);
    DR_TRY(status);
    if (creation.more) {
        dr_rollout_continue(call->service, call->now_ms);
    }
    char arn[DR_ARN_SIZE];
    dr_call_arn(call, "job", id, arn);
    *ret_body = json_pack("{s:s, s:s}", "jobArn", arn, "jobId", id);
    dr_json_set_text(*ret_body, "description", creation.job.description);
    return DR_OK;
}

struct describe {
    const char *id;
    json_t *body;
};

static enum dr_status
add_targets(struct dr_call *call, struct dr_db *db, const char *id, json_t *job)
{
    struct dr_rows rows;
    json_t *targets = json_array();
    dr_db_select(
        db, &rows, "SELECT thing FROM job_target WHERE job = ?1 ORDER BY position",
        DR_VALUES(dr_value_text(id)));
    while (dr_rows_next(&rows)) { /* bound: DR_JOB_TARGETS_OWN_MAX */
        char arn[DR_ARN_SIZE];
        dr_call_arn(call, "thing", dr_rows_text(&rows, 0), arn);
        (void)json_array_append_new(targets, json_string(arn));
    }
    dr_json_set(job, "targets", targets);
    return dr_rows_end(&rows);
}

static enum dr_status add_counts(struct dr_db *db, const char *id, json_t *job)
{
    static const char *const names[] = {
        [DR_JOB_QUEUED] = "numberOfQueuedThings",
        [DR_JOB_IN_PROGRESS] = "numberOfInProgressThings",
        [DR_JOB_SUCCEEDED] = "numberOfSucceededThings",
        [DR_JOB_FAILED] = "numberOfFailedThings",
        [DR_JOB_TIMED_OUT] = "numberOfTimedOutThings",
        [DR_JOB_REJECTED] = "numberOfRejectedThings",
        [DR_JOB_REMOVED] = "numberOfRemovedThings",
        [DR_JOB_CANCELED] = "numberOfCanceledThings",
    };
    struct dr_rows rows;
    json_t *details = json_object();
    for (size_t i = DR_JOB_QUEUED; i <= DR_JOB_CANCELED; i++) {
        dr_json_set(details, names[i], json_integer(0));
    }
    dr_db_select(
        db, &rows, "SELECT status, count(*) FROM execution WHERE job = ?1 GROUP BY status",
        DR_VALUES(dr_value_text(id)));
    while (dr_rows_next(&rows)) { /* bound: the statuses */
        int64_t status = dr_rows_int(&rows, 0);
        if (status >= DR_JOB_QUEUED && status <= DR_JOB_CANCELED) {
            dr_json_set(details, names[status], json_integer(dr_rows_int(&rows, 1)));
        }
    }
    dr_json_set(job, "jobProcessDetails", details);
    return dr_rows_end(&rows);
}

static json_t *job_json(const struct dr_call *call, const char *id, const struct dr_rows *rows)
{
    char arn[DR_ARN_SIZE];
    json_t *job = json_object();
    json_t *settings = json_loads(dr_rows_text(rows, 3), 0, NULL);
    dr_call_arn(call, "job", id, arn);
    dr_json_set_text(job, "jobArn", arn);
    dr_json_set_text(job, "jobId", id);
    dr_json_set_text(job, "status", dr_job_state_word((enum dr_job_state)dr_rows_int(rows, 0)));
    dr_json_set_text(job, "targetSelection", dr_rows_text(rows, 1));
    dr_json_set_text(job, "description", dr_rows_text(rows, 2));
    if (settings != NULL) {
        (void)json_object_update(job, settings);
        json_decref(settings);
    }
    if (dr_rows_int(rows, 4) != 0) {
        dr_json_set(job, "forceCanceled", json_true());
    }
    dr_json_set_text(job, "reasonCode", dr_rows_text(rows, 5));
    dr_json_set_text(job, "comment", dr_rows_text(rows, 6));
    dr_json_set_time(job, "createdAt", dr_rows_int(rows, 7));
    dr_json_set_time(job, "lastUpdatedAt", dr_rows_int(rows, 8));
    dr_json_set_time(job, "completedAt", dr_rows_int(rows, 9));
    dr_json_set(job, "isConcurrent", json_boolean(!dr_rows_is_null(rows, 10)));
    return job;
}

static enum dr_status run_describe(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct describe *describe = arguments;
    struct dr_rows rows;
    json_t *job = NULL;
    dr_db_select(
        db, &rows,
        "SELECT status, target_selection, description, settings, force_canceled, reason_code,"
        " comment, created_ms, updated_ms, completed_ms, rollout_next FROM job WHERE id = ?1",
        DR_VALUES(dr_value_text(describe->id)));
    if (dr_rows_next(&rows)) {
        job = job_json(call, describe->id, &rows);
    }
    enum dr_status status = dr_rows_end(&rows);
    if (status == DR_OK && job == NULL) {
        return dr_call_not_found(call, "Job", describe->id);
    }
    if (status == DR_OK) {
        status = add_targets(call, db, describe->id, job);
    }
    if (status == DR_OK) {
        status = add_counts(db, describe->id, job);
    }
    if (status != DR_OK) {
        json_decref(job);
        return status;
    }
    describe->body = json_object();
    dr_json_set(describe->body, "job", job);
    return DR_OK;
}

enum dr_status dr_service_describe_job(struct dr_call *call, const char *id, json_t **ret_body)
{
    struct describe describe = {.id = id};
    DR_TRY(dr_call_read(call, run_describe, &describe));
    *ret_body = describe.body;
    return DR_OK;
}

static enum dr_status run_document(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct describe *describe = arguments;
    char *document = NULL;
    enum dr_status status = dr_job_document_load(db, describe->id, &document);
    if (status == DR_E_NOT_FOUND) {
        return dr_call_not_found(call, "Job", describe->id);
    }
    DR_TRY(status);
    describe->body = json_object();
    dr_json_set_text(describe->body, "document", document);
    free(document);
    return DR_OK;
}

enum dr_status dr_service_get_job_document(struct dr_call *call, const char *id, json_t **ret_body)
{
    struct describe describe = {.id = id};
    DR_TRY(dr_call_read(call, run_document, &describe));
    *ret_body = describe.body;
    return DR_OK;
}

static json_t *
summary_item(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    char arn[DR_ARN_SIZE];
    json_t *item = json_object();
    (void)context;
    dr_call_arn(call, "job", dr_rows_text(row, 1), arn);
    dr_json_set_text(item, "jobArn", arn);
    dr_json_set_text(item, "jobId", dr_rows_text(row, 1));
    dr_json_set_text(item, "status", dr_job_state_word((enum dr_job_state)dr_rows_int(row, 2)));
    dr_json_set_text(item, "targetSelection", dr_rows_text(row, 3));
    dr_json_set_time(item, "createdAt", dr_rows_int(row, 4));
    dr_json_set_time(item, "lastUpdatedAt", dr_rows_int(row, 5));
    dr_json_set_time(item, "completedAt", dr_rows_int(row, 6));
    dr_json_set(item, "isConcurrent", json_boolean(!dr_rows_is_null(row, 7)));
    return item;
}

enum dr_status dr_service_list_jobs(
    struct dr_call *call, const char *status_word, const char *target_selection,
    const struct dr_page *page, json_t **ret_body)
{
    enum dr_job_state state = (enum dr_job_state)0; /* any */
    if (status_word != NULL && dr_job_state_from_word(status_word, &state) != DR_OK) {
        return dr_call_invalid(call, "status is not one of a job");
    }
    const struct dr_list list = {
        .sql = "SELECT sequence, id, status, target_selection, created_ms, updated_ms,"
               " completed_ms, rollout_next FROM job WHERE sequence < ?1"
               " AND (?3 = 0 OR status = ?3) AND (?4 IS NULL OR target_selection = ?4)"
               " ORDER BY sequence DESC LIMIT ?2",
        .key = DR_LIST_NEWEST,
        .values = DR_VALUES(dr_value_int((int64_t)state), dr_value_text(target_selection)),
        .item = summary_item,
        .items_name = "jobs",
        .token_name = "nextToken"};
    return dr_list_read(call, &list, page, ret_body);
}

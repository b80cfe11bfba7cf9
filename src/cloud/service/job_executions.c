/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Executions as an operator sees them. */
#include "cloud/service/jobs_priv.h"

#include <stdlib.h>
#include <string.h>

struct listing {
    struct dr_lister lister;
    const char *name; /* the job or the thing */
    bool by_thing;
    enum dr_job_status status; /* 0: all */
};

#define SUMMARY_COLUMNS "id, job, thing, status, queued_ms, started_ms, updated_ms, number"

static json_t *summary_json(const struct dr_call *call, const struct dr_rows *rows, bool by_thing)
{
    char arn[DR_ARN_SIZE];
    json_t *item = json_object();
    json_t *summary = json_object();
    if (by_thing) {
        dr_json_set_text(item, "jobId", dr_rows_text(rows, 1));
    } else {
        dr_call_arn(call, "thing", dr_rows_text(rows, 2), arn);
        dr_json_set_text(item, "thingArn", arn);
    }
    dr_json_set_text(
        summary, "status", dr_job_status_word((enum dr_job_status)dr_rows_int(rows, 3)));
    dr_json_set_time(summary, "queuedAt", dr_rows_int(rows, 4));
    dr_json_set_time(summary, "startedAt", dr_rows_int(rows, 5));
    dr_json_set_time(summary, "lastUpdatedAt", dr_rows_int(rows, 6));
    dr_json_set(summary, "executionNumber", json_integer(dr_rows_int(rows, 7)));
    dr_json_set(summary, "retryAttempt", json_integer(dr_rows_int(rows, 7) - 1));
    dr_json_set(item, "jobExecutionSummary", summary);
    return item;
}

static enum dr_status run_list(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct listing *listing = arguments;
    int64_t after = 0;
    struct dr_rows rows;
    const char *sql = listing->by_thing
                          ? "SELECT " SUMMARY_COLUMNS " FROM execution WHERE thing = ?1 AND id > ?2"
                            " AND (?3 = 0 OR status = ?3) ORDER BY id LIMIT ?4"
                          : "SELECT " SUMMARY_COLUMNS " FROM execution WHERE job = ?1 AND id > ?2"
                            " AND (?3 = 0 OR status = ?3) ORDER BY id LIMIT ?4";
    DR_TRY(dr_lister_number(call, &listing->lister, &after));
    if (listing->by_thing) {
        DR_TRY(dr_thing_require(call, db, listing->name));
    } else {
        enum dr_job_state state = DR_JOB_STATE_IN_PROGRESS;
        DR_TRY(dr_job_require(call, db, listing->name, &state));
    }
    dr_db_select(
        db, &rows, sql,
        DR_VALUES(
            dr_value_text(listing->name), dr_value_int(after),
            dr_value_int((int64_t)listing->status),
            dr_value_int((int64_t)listing->lister.limit + 1)));
    bool goes_on = true;
    while (goes_on && dr_rows_next(&rows)) { /* bound: one page */
        json_t *item = summary_json(call, &rows, listing->by_thing);
        goes_on = dr_lister_add(&listing->lister, item, dr_rows_text(&rows, 0));
    }
    return dr_rows_end(&rows);
}

static enum dr_status list(
    struct dr_call *call, struct listing *listing, const char *status_word,
    const struct dr_page *page, json_t **ret_body)
{
    if (status_word != NULL &&
        dr_execution_status_from_word(status_word, &listing->status) != DR_OK) {
        return dr_call_invalid(call, "status is not one of an execution");
    }
    dr_lister_begin(&listing->lister, page);
    enum dr_status status = dr_call_read(call, run_list, listing);
    return dr_lister_end(&listing->lister, status, "executionSummaries", "nextToken", ret_body);
}

enum dr_status dr_service_list_executions_for_job(
    struct dr_call *call, const char *job, const char *status, const struct dr_page *page,
    json_t **ret_body)
{
    struct listing listing = {.name = job};
    return list(call, &listing, status, page, ret_body);
}

enum dr_status dr_service_list_executions_for_thing(
    struct dr_call *call, const char *thing, const char *status, const struct dr_page *page,
    json_t **ret_body)
{
    struct listing listing = {.name = thing, .by_thing = true};
    return list(call, &listing, status, page, ret_body);
}

/* Which execution, and what to do with it. */
struct named {
    const char *thing;
    const char *job;
    uint32_t number;
    bool force;
    struct dr_execution_change change;
    const char *details;
    json_t *body;
};

static enum dr_status find(
    struct dr_call *call, struct dr_db *db, const struct named *named, struct dr_execution_row *row)
{
    enum dr_status status = dr_execution_find(db, named->thing, named->job, named->number, row);
    if (status == DR_E_NOT_FOUND) {
        return dr_call_fail(
            call, status, DR_CODE_NOT_FOUND, "Thing %.128s has no execution of job %.64s",
            named->thing, named->job);
    }
    return status;
}

static json_t *execution_json(const struct dr_call *call, const struct dr_execution_row *row)
{
    char arn[DR_ARN_SIZE];
    int64_t seconds = 0;
    json_t *execution = json_object();
    json_t *map = row->details != NULL ? json_loads(row->details, 0, NULL) : NULL;
    json_t *details = json_object();
    dr_call_arn(call, "thing", row->thing, arn);
    dr_json_set_text(execution, "jobId", row->job);
    dr_json_set_text(execution, "status", dr_job_status_word(row->execution.status));
    if (row->force_canceled) {
        dr_json_set(execution, "forceCanceled", json_true());
    }
    /* Always there: clients read statusDetails.detailsMap without a guard. */
    dr_json_set(details, "detailsMap", map != NULL ? map : json_object());
    dr_json_set(execution, "statusDetails", details);
    dr_json_set_text(execution, "thingArn", arn);
    dr_json_set_time(execution, "queuedAt", row->execution.queued_ms);
    dr_json_set_time(execution, "startedAt", row->execution.started_ms);
    dr_json_set_time(execution, "lastUpdatedAt", row->execution.updated_ms);
    dr_json_set(execution, "executionNumber", json_integer((json_int_t)row->execution.number));
    dr_json_set(execution, "versionNumber", json_integer((json_int_t)row->execution.version));
    if (dr_execution_seconds_left(&row->execution, call->now_ms, &seconds)) {
        dr_json_set(execution, "approximateSecondsBeforeTimedOut", json_integer(seconds));
    }
    return execution;
}

static enum dr_status run_describe(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct named *named = arguments;
    struct dr_execution_row row;
    DR_TRY(find(call, db, named, &row));
    named->body = json_object();
    dr_json_set(named->body, "execution", execution_json(call, &row));
    dr_execution_row_free(&row);
    return DR_OK;
}

static enum dr_status set_number(struct dr_call *call, struct named *named, int64_t number)
{
    if (number < 0 || number > UINT32_MAX) {
        return dr_call_invalid(call, "executionNumber is out of range");
    }
    named->number = (uint32_t)number;
    return DR_OK;
}

enum dr_status dr_service_describe_execution(
    struct dr_call *call, const char *thing, const char *job, int64_t execution_number,
    json_t **ret_body)
{
    struct named named = {.thing = thing, .job = job};
    DR_TRY(set_number(call, &named, execution_number));
    DR_TRY(dr_call_read(call, run_describe, &named));
    *ret_body = named.body;
    return DR_OK;
}

static enum dr_status run_cancel(struct dr_act *act, struct dr_db *db)
{
    const struct named *named = act->arguments;
    struct dr_scope scope = dr_scope_of(act, db);
    struct dr_execution_row row;
    DR_TRY(find(act->call, db, named, &row));
    enum dr_job_status from = row.execution.status;
    uint32_t version = row.execution.version;
    enum dr_status status = dr_execution_transition(&scope, &row, &named->change, named->details);
    dr_execution_row_free(&row);
    if (status == DR_E_STATE) {
        return dr_call_fail(
            act->call, status, DR_CODE_TRANSITION, "the execution is %s and cannot be canceled%s",
            dr_job_status_word(from), from == DR_JOB_IN_PROGRESS ? " without force" : "");
    }
    if (status == DR_E_CONFLICT) {
        return dr_call_fail(
            act->call, status, DR_CODE_VERSION, "the execution has version %u, not %llu", version,
            (unsigned long long)named->change.expected_version);
    }
    return status;
}

static enum dr_status
check_cancel(struct dr_call *call, const json_t *body, struct named *named, char **ret_details)
{
    json_t *details = NULL;
    int64_t version = 0;
    const char *why = NULL;
    DR_TRY(dr_body_object(call, body, "statusDetails", &details));
    DR_TRY(dr_body_int(call, body, "expectedVersion", 0, UINT32_MAX, 0, &version));
    named->change.has_expected_version = version != 0;
    named->change.expected_version = (uint64_t)version;
    if (details == NULL) {
        return DR_OK;
    }
    char *text = dr_json_text(details);
    if (text == NULL) {
        return DR_E_SPACE;
    }
    struct dr_json value = {text, strlen(text)};
    if (dr_job_check_details(value, &why) != DR_OK) {
        free(text);
        return dr_call_invalid(call, why);
    }
    named->details = text;
    *ret_details = text;
    return DR_OK;
}

enum dr_status dr_service_cancel_execution(
    struct dr_call *call, const char *thing, const char *job, bool force, const json_t *body)
{
    char *details = NULL;
    struct named named = {.thing = thing, .job = job};
    named.change.status = DR_JOB_CANCELED;
    named.change.actor = force ? DR_JOB_ACTOR_OPERATOR_FORCE : DR_JOB_ACTOR_OPERATOR;
    DR_TRY(check_cancel(call, body, &named, &details));
    struct dr_act act = {
        .call = call,
        .action = "CancelJobExecution",
        .resource = thing,
        .run = run_cancel,
        .arguments = &named};
    enum dr_status status = dr_act_write(&act);
    free(details);
    return status;
}

static enum dr_status run_delete(struct dr_act *act, struct dr_db *db)
{
    const struct named *named = act->arguments;
    struct dr_scope scope = dr_scope_of(act, db);
    struct dr_execution_row row;
    DR_TRY(find(act->call, db, named, &row));
    enum dr_status status = DR_OK;
    if (!dr_execution_is_terminal(row.execution.status) && !named->force) {
        status = dr_call_fail(
            act->call, DR_E_STATE, DR_CODE_TRANSITION,
            "the execution is %s: only a finished one can be deleted without force",
            dr_job_status_word(row.execution.status));
    }
    if (status == DR_OK) {
        status = dr_execution_remove(&scope, &row);
    }
    dr_execution_row_free(&row);
    return status == DR_OK ? dr_job_settle(&scope, named->job) : status;
}

enum dr_status dr_service_delete_execution(
    struct dr_call *call, const char *thing, const char *job, int64_t execution_number, bool force)
{
    struct named named = {.thing = thing, .job = job, .force = force};
    DR_TRY(set_number(call, &named, execution_number));
    struct dr_act act = {
        .call = call,
        .action = "DeleteJobExecution",
        .resource = thing,
        .run = run_delete,
        .arguments = &named};
    return dr_act_write(&act);
}

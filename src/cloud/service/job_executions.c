/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Executions as an operator sees them. */
#include "cloud/registry/page.h"
#include "cloud/service/jobs_priv.h"

#include <stdlib.h>
#include <string.h>

#define SUMMARY_COLUMNS "id, job, thing, status, queued_ms, started_ms, updated_ms, number"

static json_t *summary_json(const struct dr_rows *row)
{
    json_t *summary = json_object();
    dr_json_set_text(
        summary, "status", dr_job_status_word((enum dr_job_status)dr_rows_int(row, 3)));
    dr_json_set_time(summary, "queuedAt", dr_rows_int(row, 4));
    dr_json_set_time(summary, "startedAt", dr_rows_int(row, 5));
    dr_json_set_time(summary, "lastUpdatedAt", dr_rows_int(row, 6));
    dr_json_set(summary, "executionNumber", json_integer(dr_rows_int(row, 7)));
    dr_json_set(summary, "retryAttempt", json_integer(dr_rows_int(row, 7) - 1));
    return summary;
}

static json_t *
item_of_job(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    char arn[DR_ARN_SIZE];
    json_t *item = json_object();
    (void)context;
    dr_call_arn(call, "thing", dr_rows_text(row, 2), arn);
    dr_json_set_text(item, "thingArn", arn);
    dr_json_set(item, "jobExecutionSummary", summary_json(row));
    return item;
}

static json_t *
item_of_thing(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    json_t *item = json_object();
    (void)call;
    (void)context;
    dr_json_set_text(item, "jobId", dr_rows_text(row, 1));
    dr_json_set(item, "jobExecutionSummary", summary_json(row));
    return item;
}

static enum dr_status require_job(struct dr_call *call, struct dr_db *db, const char *id)
{
    enum dr_job_state state = DR_JOB_STATE_IN_PROGRESS;
    return dr_job_require(call, db, id, &state);
}

/* list: without what both lists have in common. */
static enum dr_status list_executions(
    struct dr_call *call, struct dr_list *list, const char *status_word, const struct dr_page *page,
    json_t **ret_body)
{
    enum dr_job_status status = (enum dr_job_status)0; /* any */
    if (status_word != NULL && dr_execution_status_from_word(status_word, &status) != DR_OK) {
        return dr_call_invalid(call, "status is not one of an execution");
    }
    const struct dr_value values[] = {dr_value_text(list->owner), dr_value_int((int64_t)status)};
    list->values = values;
    list->value_count = DR_ARRAY_COUNT(values);
    list->items_name = "executionSummaries";
    list->token_name = "nextToken";
    return dr_list_read(call, list, page, ret_body);
}

enum dr_status dr_service_list_executions_for_job(
    struct dr_call *call, const char *job, const char *status, const struct dr_page *page,
    json_t **ret_body)
{
    struct dr_list list = {
        .sql = "SELECT " SUMMARY_COLUMNS " FROM execution WHERE job = ?3 AND id > ?1"
               " AND (?4 = 0 OR status = ?4) ORDER BY id LIMIT ?2",
        .key = DR_LIST_OLDEST,
        .require = require_job,
        .owner = job,
        .item = item_of_job};
    return list_executions(call, &list, status, page, ret_body);
}

enum dr_status dr_service_list_executions_for_thing(
    struct dr_call *call, const char *thing, const char *status, const struct dr_page *page,
    json_t **ret_body)
{
    struct dr_list list = {
        .sql = "SELECT " SUMMARY_COLUMNS " FROM execution WHERE thing = ?3 AND id < ?1"
               " AND (?4 = 0 OR status = ?4) ORDER BY id DESC LIMIT ?2",
        .key = DR_LIST_NEWEST,
        .require = dr_thing_require,
        .owner = thing,
        .item = item_of_thing};
    return list_executions(call, &list, status, page, ret_body);
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

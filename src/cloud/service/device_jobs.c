/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The Jobs API as devices use it (docs/protocol.md). */
#include "cloud/service/device_priv.h"

#include <stdlib.h>
#include <string.h>

static uint64_t now_s(const struct dr_task *task)
{
    return (uint64_t)task->now_ms / 1000;
}

static struct dr_scope scope_of(const struct dr_task *task, struct dr_db *db)
{
    return (struct dr_scope){.service = task->service, .db = db, .now_ms = task->now_ms};
}

/* A reply buffer; NULL without memory, and the device will ask again. */
static char *new_buffer(void)
{
    return malloc(DR_MESSAGE_SIZE_MAX);
}

void dr_task_refuse(struct dr_task *task, const struct dr_refusal *refusal)
{
    char *buffer = new_buffer();
    size_t len = 0;
    struct dr_job_verdict verdict = {
        .client_token = refusal->client_token,
        .timestamp_s = now_s(task),
        .error = refusal->error,
        .message = refusal->message,
    };
    if (refusal->row != NULL) {
        verdict.has_state = true;
        verdict.state_status = refusal->row->execution.status;
        verdict.state_version = refusal->row->execution.version;
        if (refusal->row->details != NULL) {
            verdict.state_details =
                (struct dr_json){refusal->row->details, strlen(refusal->row->details)};
        }
    }
    if (buffer == NULL ||
        dr_job_write_verdict(&verdict, buffer, DR_MESSAGE_SIZE_MAX, &len) != DR_OK) {
        free(buffer);
        return;
    }
    dr_task_reply(task, DR_TOPIC_REJECTED, buffer, len);
}

static enum dr_status refuse(
    struct dr_task *task, const struct dr_job_request *request, enum dr_job_error error,
    const char *message, const struct dr_execution_row *row)
{
    struct dr_refusal refusal = {
        .client_token = request->client_token, .error = error, .message = message, .row = row};
    dr_task_refuse(task, &refusal);
    return DR_OK;
}

/* $next/get, J/get and start-next answer alike. row NULL: nothing is pending. */
static enum dr_status offer(
    struct dr_task *task, struct dr_db *db, const struct dr_job_request *request,
    const struct dr_execution_row *row, bool with_document)
{
    char *document = NULL;
    char *buffer = new_buffer();
    size_t len = 0;
    enum dr_status status = buffer != NULL ? DR_OK : DR_E_SPACE;
    if (status == DR_OK && row != NULL && with_document) {
        const struct dr_scope scope = scope_of(task, db);
        status = dr_job_document_deliver(&scope, row->job, task->thing, &document);
    }
    if (status == DR_OK) {
        struct dr_job_execution_out out = {0};
        if (row != NULL) {
            out = dr_execution_out(row, document, task->now_ms);
        }
        status = dr_job_write_offer(
            request->client_token, now_s(task), row != NULL ? &out : NULL, buffer,
            DR_MESSAGE_SIZE_MAX, &len);
    }
    free(document);
    if (status == DR_OK && !task->is_change) {
        dr_task_reply(task, DR_TOPIC_ACCEPTED, buffer, len);
        return DR_OK;
    }
    if (status == DR_OK) {
        status = dr_task_accept(task, db, buffer, len);
    }
    free(buffer);
    return status;
}

static enum dr_status
get_pending(struct dr_task *task, struct dr_db *db, const struct dr_job_request *request)
{
    struct dr_pending_list list;
    struct dr_execution_row rows[DR_JOB_LIST_MAX];
    struct dr_job_execution_out out[DR_JOB_LIST_MAX];
    size_t count = 0;
    size_t len = 0;
    DR_TRY(dr_pending_load(db, task->thing, &list));
    DR_TRY(dr_pending_rows(db, &list, rows, &count));
    for (size_t i = 0; i < count; i++) {
        out[i] = dr_execution_out(&rows[i], NULL, task->now_ms);
    }
    struct dr_job_list summaries = {out, count};
    char *buffer = new_buffer();
    enum dr_status status = DR_E_SPACE;
    if (buffer != NULL) {
        status = dr_job_write_list(
            request->client_token, now_s(task), &summaries, buffer, DR_MESSAGE_SIZE_MAX, &len);
    }
    for (size_t i = 0; i < count; i++) {
        dr_execution_row_free(&rows[i]);
    }
    if (status != DR_OK) {
        free(buffer);
        return status;
    }
    dr_task_reply(task, DR_TOPIC_ACCEPTED, buffer, len);
    return DR_OK;
}

/* The head of the list; DR_E_NOT_FOUND when it is empty. */
static enum dr_status find_next(struct dr_db *db, const char *thing, struct dr_execution_row *row)
{
    struct dr_pending_list list;
    DR_TRY(dr_pending_load(db, thing, &list));
    return list.count != 0 ? dr_execution_by_id(db, list.entries[0].id, row) : DR_E_NOT_FOUND;
}

static enum dr_status
describe(struct dr_task *task, struct dr_db *db, const struct dr_job_request *request)
{
    struct dr_execution_row row;
    bool is_next = strcmp(task->id, DR_JOB_NEXT) == 0;
    enum dr_status status =
        is_next ? find_next(db, task->thing, &row)
                : dr_execution_find(db, task->thing, task->id, request->execution_number, &row);
    if (status == DR_E_NOT_FOUND) {
        if (is_next) {
            return offer(task, db, request, NULL, false);
        }
        return refuse(
            task, request, DR_JOB_ERROR_NOT_FOUND, "there is no such execution for this thing",
            NULL);
    }
    DR_TRY(status);
    if (dr_execution_is_terminal(row.execution.status)) {
        status = refuse(
            task, request, DR_JOB_ERROR_TERMINAL, "the execution is in a terminal state", NULL);
    } else {
        status = offer(task, db, request, &row, request->include_document);
    }
    dr_execution_row_free(&row);
    return status;
}

static int32_t step_minutes(const struct dr_job_request *request)
{
    if (request->clear_step_timeout) {
        return DR_JOB_STEP_DISCARD;
    }
    return request->has_step_timeout ? (int32_t)request->step_timeout_minutes
                                     : DR_JOB_STEP_UNCHANGED;
}

/* The request's statusDetails as text of their own; NULL when they were not sent. */
static enum dr_status details_of(const struct dr_job_request *request, char **ret_details)
{
    *ret_details = NULL;
    if (request->status_details.len == 0) {
        return DR_OK;
    }
    *ret_details = strndup(request->status_details.text, request->status_details.len);
    return *ret_details != NULL ? DR_OK : DR_E_SPACE;
}

static enum dr_status start(
    struct dr_task *task, struct dr_db *db, const struct dr_job_request *request,
    struct dr_execution_row *row)
{
    const struct dr_scope scope = scope_of(task, db);
    struct dr_execution_change change = {
        .status = DR_JOB_IN_PROGRESS,
        .actor = DR_JOB_ACTOR_SERVICE,
        .step_minutes = step_minutes(request),
        .in_progress_timeout_minutes = row->in_progress_timeout_minutes,
    };
    struct dr_pending_list before;
    char *details = NULL;
    DR_TRY(details_of(request, &details));
    enum dr_status status = dr_execution_store_change(&scope, row, &change, details, &before);
    free(details);
    DR_TRY(status);
    DR_TRY(offer(task, db, request, row, true));
    return dr_tell_pending(&scope, task->thing, &before);
}

static enum dr_status
start_next(struct dr_task *task, struct dr_db *db, const struct dr_job_request *request)
{
    struct dr_execution_row row;
    enum dr_status status = find_next(db, task->thing, &row);
    if (status == DR_E_NOT_FOUND) {
        return offer(task, db, request, NULL, false);
    }
    DR_TRY(status);
    /* One that is in progress already is handed out as it is. */
    status = row.execution.status == DR_JOB_QUEUED ? start(task, db, request, &row)
                                                   : offer(task, db, request, &row, true);
    dr_execution_row_free(&row);
    return status;
}

static enum dr_status accept_update(
    struct dr_task *task, struct dr_db *db, const struct dr_job_request *request,
    const struct dr_execution_row *row)
{
    struct dr_job_verdict verdict = {
        .client_token = request->client_token,
        .timestamp_s = now_s(task),
        .has_state = request->include_state,
        .state_status = row->execution.status,
        .state_version = row->execution.version,
    };
    char *document = NULL;
    if (row->details != NULL) {
        verdict.state_details = (struct dr_json){row->details, strlen(row->details)};
    }
    if (request->include_document) {
        const struct dr_scope scope = scope_of(task, db);
        DR_TRY(dr_job_document_deliver(&scope, row->job, task->thing, &document));
        verdict.document = (struct dr_json){document, strlen(document)};
    }
    char *buffer = new_buffer();
    size_t len = 0;
    enum dr_status status = DR_E_SPACE;
    if (buffer != NULL) {
        status = dr_job_write_verdict(&verdict, buffer, DR_MESSAGE_SIZE_MAX, &len);
    }
    if (status == DR_OK) {
        status = dr_task_accept(task, db, buffer, len);
    }
    free(buffer);
    free(document);
    return status;
}

static enum dr_status update_row(
    struct dr_task *task, struct dr_db *db, const struct dr_job_request *request,
    struct dr_execution_row *row)
{
    const struct dr_scope scope = scope_of(task, db);
    struct dr_execution_change change = {
        .status = request->status,
        .actor = DR_JOB_ACTOR_DEVICE,
        .has_expected_version = request->has_expected_version,
        .expected_version = request->expected_version,
        .step_minutes = step_minutes(request),
        .in_progress_timeout_minutes = row->in_progress_timeout_minutes,
    };
    struct dr_pending_list before;
    char *details = NULL;
    DR_TRY(details_of(request, &details));
    enum dr_status status = dr_execution_store_change(&scope, row, &change, details, &before);
    free(details);
    if (status == DR_E_STATE) {
        return refuse(
            task, request, DR_JOB_ERROR_TRANSITION,
            "the execution cannot go from its state to the one in the request", row);
    }
    if (status == DR_E_CONFLICT) {
        return refuse(
            task, request, DR_JOB_ERROR_VERSION,
            "expectedVersion is not the current version of the execution", row);
    }
    DR_TRY(status);
    DR_TRY(accept_update(task, db, request, row));
    return dr_tell_pending(&scope, task->thing, &before);
}

static enum dr_status
update(struct dr_task *task, struct dr_db *db, const struct dr_job_request *request)
{
    struct dr_execution_row row;
    enum dr_status status =
        dr_execution_find(db, task->thing, task->id, request->execution_number, &row);
    if (status == DR_E_NOT_FOUND) {
        return refuse(
            task, request, DR_JOB_ERROR_NOT_FOUND, "there is no such execution for this thing",
            NULL);
    }
    DR_TRY(status);
    status = update_row(task, db, request, &row);
    dr_execution_row_free(&row);
    return status;
}

enum dr_status dr_device_jobs(struct dr_task *task, struct dr_db *db)
{
    struct dr_job_request request;
    enum dr_job_error error = DR_JOB_ERROR_NONE;
    const char *why = "";
    if (dr_job_parse_request(
            task->kind, task->payload, task->payload_size, &request, &error, &why) != DR_OK) {
        return refuse(task, &request, error, why, NULL);
    }
    if (task->kind == DR_TOPIC_JOBS_GET) {
        return get_pending(task, db, &request);
    }
    if (task->kind == DR_TOPIC_JOB_GET) {
        return describe(task, db, &request);
    }
    return task->kind == DR_TOPIC_START_NEXT ? start_next(task, db, &request)
                                             : update(task, db, &request);
}

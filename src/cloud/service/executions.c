/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Executions in the store, and their transitions. */
#include "cloud/service/executions_priv.h"
#include "cloud/store/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXECUTION_SELECT                                                                           \
    "SELECT execution.id, execution.job, execution.thing, number, execution.status, details,"      \
    " queued_ms, started_ms, execution.updated_ms, version, in_progress_deadline_ms,"              \
    " step_deadline_ms, execution.force_canceled, job.in_progress_minutes"                         \
    " FROM execution JOIN job ON job.id = execution.job"

void dr_execution_row_free(struct dr_execution_row *row)
{
    free(row->details);
    row->details = NULL;
}

static enum dr_status read_row(const struct dr_rows *rows, struct dr_execution_row *row)
{
    memset(row, 0, sizeof *row);
    row->execution = (struct dr_execution){
        .id = (uint64_t)dr_rows_int(rows, 0),
        .number = (uint32_t)dr_rows_int(rows, 3),
        .status = (enum dr_job_status)dr_rows_int(rows, 4),
        .queued_ms = dr_rows_int(rows, 6),
        .started_ms = dr_rows_int(rows, 7),
        .updated_ms = dr_rows_int(rows, 8),
        .version = (uint32_t)dr_rows_int(rows, 9),
        .in_progress_deadline_ms = dr_rows_int(rows, 10),
        .step_deadline_ms = dr_rows_int(rows, 11),
    };
    row->force_canceled = dr_rows_int(rows, 12) != 0;
    row->in_progress_timeout_minutes = (uint32_t)dr_rows_int(rows, 13);
    (void)snprintf(row->job, sizeof row->job, "%s", dr_rows_text(rows, 1));
    (void)snprintf(row->thing, sizeof row->thing, "%s", dr_rows_text(rows, 2));
    if (!dr_rows_is_null(rows, 5)) {
        row->details = strdup(dr_rows_text(rows, 5));
        return row->details != NULL ? DR_OK : DR_E_SPACE;
    }
    return DR_OK;
}

/* Ends rows; one row or DR_E_NOT_FOUND. */
static enum dr_status read_one(struct dr_rows *rows, struct dr_execution_row *ret_row)
{
    enum dr_status status = DR_E_NOT_FOUND;
    if (dr_rows_next(rows)) {
        status = read_row(rows, ret_row);
    }
    enum dr_status ended = dr_rows_end(rows);
    if (ended != DR_OK && status == DR_OK) {
        dr_execution_row_free(ret_row);
    }
    return ended != DR_OK ? ended : status;
}

enum dr_status dr_execution_find(
    struct dr_db *db, const char *thing, const char *job, uint32_t number,
    struct dr_execution_row *ret_row)
{
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        EXECUTION_SELECT " WHERE thing = ?1 AND job = ?2 AND (?3 = 0 OR number = ?3)"
                         " ORDER BY number DESC LIMIT 1",
        DR_VALUES(dr_value_text(thing), dr_value_text(job), dr_value_int(number)));
    return read_one(&rows, ret_row);
}

enum dr_status dr_execution_by_id(struct dr_db *db, uint64_t id, struct dr_execution_row *ret_row)
{
    struct dr_rows rows;
    dr_db_select(
        db, &rows, EXECUTION_SELECT " WHERE execution.id = ?1",
        DR_VALUES(dr_value_int((int64_t)id)));
    return read_one(&rows, ret_row);
}

static int compare_pending(const void *a, const void *b)
{
    return dr_pending_compare(a, b);
}

/* The database's order only picks which 256 are looked at when there are more; the order that
 * counts is the model's. */
enum dr_status
dr_pending_load(struct dr_db *db, const char *thing, struct dr_pending_list *ret_list)
{
    struct dr_rows rows;
    ret_list->same = false;
    ret_list->count = 0;
    dr_db_select(
        db, &rows,
        "SELECT id, status, queued_ms FROM execution WHERE thing = ?1 AND status <= 2"
        " ORDER BY status DESC, queued_ms, id LIMIT ?2",
        DR_VALUES(dr_value_text(thing), dr_value_int(DR_JOB_PENDING_MAX)));
    while (dr_rows_next(&rows)) { /* bound: DR_JOB_PENDING_MAX */
        ret_list->entries[ret_list->count++] = (struct dr_pending){
            .id = (uint64_t)dr_rows_int(&rows, 0),
            .status = (enum dr_job_status)dr_rows_int(&rows, 1),
            .queued_ms = dr_rows_int(&rows, 2),
        };
    }
    DR_TRY(dr_rows_end(&rows));
    qsort(ret_list->entries, ret_list->count, sizeof ret_list->entries[0], compare_pending);
    return DR_OK;
}

static enum dr_status save(struct dr_db *db, const struct dr_execution_row *row)
{
    const struct dr_execution *execution = &row->execution;
    return dr_db_run(
        db,
        "UPDATE execution SET status = ?2, details = ?3, started_ms = ?4, updated_ms = ?5,"
        " version = ?6, in_progress_deadline_ms = ?7, step_deadline_ms = ?8, deadline_ms = ?9,"
        " force_canceled = ?10 WHERE id = ?1",
        DR_VALUES(
            dr_value_int((int64_t)execution->id), dr_value_int((int64_t)execution->status),
            dr_value_text(row->details), dr_value_int(execution->started_ms),
            dr_value_int(execution->updated_ms), dr_value_int(execution->version),
            dr_value_int(execution->in_progress_deadline_ms),
            dr_value_int(execution->step_deadline_ms),
            dr_value_int(dr_execution_deadline_ms(execution)), dr_value_int(row->force_canceled)));
}

/* A line of the thing's story: the status with the details that came with it. */
static enum dr_status
add_to_timeline(const struct dr_scope *scope, const struct dr_execution_row *row)
{
    json_t *body = json_object();
    json_t *details = row->details != NULL ? json_loads(row->details, 0, NULL) : NULL;
    dr_json_set_text(body, "jobId", row->job);
    dr_json_set_text(body, "status", dr_job_status_word(row->execution.status));
    dr_json_set(body, "executionNumber", json_integer((json_int_t)row->execution.number));
    if (details != NULL) {
        dr_json_set(body, "statusDetails", details);
    }
    char *text = dr_json_text(body);
    json_decref(body);
    if (text == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status =
        dr_timeline_add(scope->db, row->thing, scope->now_ms, "execution", text);
    free(text);
    return status;
}

/* What follows from a stored change of status. */
static enum dr_status announce(const struct dr_scope *scope, const struct dr_execution_row *row)
{
    DR_TRY(add_to_timeline(scope, row));
    if (!dr_execution_is_terminal(row->execution.status)) {
        return DR_OK;
    }
    DR_TRY(dr_tell_execution_event(scope, row));
    if (row->execution.status != DR_JOB_CANCELED) {
        DR_TRY(dr_job_abort_if_due(scope, row->job));
    }
    return dr_job_settle(scope, row->job);
}

enum dr_status dr_execution_store_change(
    const struct dr_scope *scope, struct dr_execution_row *row,
    const struct dr_execution_change *change, const char *details,
    struct dr_pending_list *ret_before)
{
    enum dr_job_status from = row->execution.status;
    ret_before->same = change->status == from; /* progress: by far the most frequent change */
    if (!ret_before->same) {
        DR_TRY(dr_pending_load(scope->db, row->thing, ret_before));
    }
    DR_TRY(dr_execution_apply(&row->execution, change, scope->now_ms));
    if (details != NULL) {
        char *copy = strdup(details);
        if (copy == NULL) {
            return DR_E_SPACE;
        }
        free(row->details);
        row->details = copy;
    }
    row->force_canceled |= change->actor == DR_JOB_ACTOR_OPERATOR_FORCE;
    DR_TRY(save(scope->db, row));
    return row->execution.status != from ? announce(scope, row) : DR_OK;
}

enum dr_status dr_execution_transition(
    const struct dr_scope *scope, struct dr_execution_row *row,
    const struct dr_execution_change *change, const char *details)
{
    struct dr_pending_list before;
    DR_TRY(dr_execution_store_change(scope, row, change, details, &before));
    return dr_tell_pending(scope, row->thing, &before);
}

enum dr_status dr_execution_create(const struct dr_scope *scope, const char *job, const char *thing)
{
    struct dr_pending_list before;
    int64_t number = 0;
    DR_TRY(dr_pending_load(scope->db, thing, &before));
    DR_TRY(dr_db_int(
        scope->db,
        "SELECT 1 + coalesce(max(number), 0) FROM execution WHERE thing = ?1 AND job = ?2",
        DR_VALUES(dr_value_text(thing), dr_value_text(job)), &number));
    struct dr_execution fresh;
    dr_execution_begin(&fresh, 0, (uint32_t)number, scope->now_ms);
    DR_TRY(dr_db_run(
        scope->db,
        "INSERT INTO execution(job, thing, number, status, queued_ms, started_ms, updated_ms,"
        " version, in_progress_deadline_ms, step_deadline_ms, deadline_ms)"
        " VALUES(?1, ?2, ?3, ?4, ?5, 0, ?5, ?6, 0, 0, 0)",
        DR_VALUES(
            dr_value_text(job), dr_value_text(thing), dr_value_int(fresh.number),
            dr_value_int((int64_t)fresh.status), dr_value_int(fresh.queued_ms),
            dr_value_int(fresh.version))));
    return dr_tell_pending(scope, thing, &before);
}

enum dr_status dr_execution_remove(const struct dr_scope *scope, const struct dr_execution_row *row)
{
    struct dr_pending_list before;
    DR_TRY(dr_pending_load(scope->db, row->thing, &before));
    DR_TRY(dr_db_run(
        scope->db, "DELETE FROM execution WHERE id = ?1",
        DR_VALUES(dr_value_int((int64_t)row->execution.id))));
    return dr_tell_pending(scope, row->thing, &before);
}

enum dr_status dr_executions_remove_thing(struct dr_call *call, struct dr_db *db, const char *thing)
{
    struct dr_scope scope = {
        .service = call->service, .db = db, .now_ms = call->now_ms, .region = call->region};
    DR_TRY(dr_db_run(
        db,
        "UPDATE job SET updated_ms = ?2 WHERE id IN"
        " (SELECT job FROM execution WHERE thing = ?1 AND status <= 2)",
        DR_VALUES(dr_value_text(thing), dr_value_int(call->now_ms))));
    for (;;) { /* bound: the thing's executions */
        char job[DR_JOB_ID_MAX + 1] = "";
        struct dr_rows rows;
        dr_db_select(
            db, &rows, "SELECT job FROM execution WHERE thing = ?1 LIMIT 1",
            DR_VALUES(dr_value_text(thing)));
        bool found = dr_rows_next(&rows);
        if (found) {
            (void)snprintf(job, sizeof job, "%s", dr_rows_text(&rows, 0));
        }
        DR_TRY(dr_rows_end(&rows));
        if (!found) {
            return DR_OK;
        }
        DR_TRY(dr_db_run(
            db, "DELETE FROM execution WHERE thing = ?1 AND job = ?2",
            DR_VALUES(dr_value_text(thing), dr_value_text(job))));
        DR_TRY(dr_job_settle(&scope, job));
    }
}

enum dr_status dr_job_settle(const struct dr_scope *scope, const char *job)
{
    DR_TRY(dr_db_run(
        scope->db,
        "UPDATE job SET status = ?2, updated_ms = ?3, completed_ms = ?3 WHERE id = ?1"
        " AND status = ?4 AND rollout_next IS NULL AND target_selection = 'SNAPSHOT'"
        " AND NOT EXISTS (SELECT 1 FROM execution WHERE job = ?1 AND status <= 2)",
        DR_VALUES(
            dr_value_text(job), dr_value_int(DR_JOB_STATE_COMPLETED), dr_value_int(scope->now_ms),
            dr_value_int(DR_JOB_STATE_IN_PROGRESS))));
    if (dr_db_changes(scope->db) == 0) {
        return DR_OK;
    }
    return dr_tell_job_event(scope, job, DR_JOB_STATE_COMPLETED);
}

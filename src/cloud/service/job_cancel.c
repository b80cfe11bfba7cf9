/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Ending jobs: cancel and delete, some executions per transaction.
 *
 * The job's own row changes in the last transaction. When the service dies in between, the job is
 * still there in its old state with fewer executions, and repeating the request finishes it. If
 * nobody does, the next start takes the mark away and the job goes on with what it has. */
#include "cloud/service/jobs_priv.h"

#define CHUNK 250u /* executions per transaction */

struct ending {
    const char *id;
    bool force;
    const char *reason_code;
    const char *comment;
    bool more; /* another transaction is needed */
};

/* Ids of the job's executions to end: QUEUED only, pending ones, or all. */
static enum dr_status select_ids(
    struct dr_db *db, const char *job, enum dr_job_status max, uint64_t ids[CHUNK],
    size_t *ret_count)
{
    struct dr_rows rows;
    size_t count = 0;
    dr_db_select(
        db, &rows, "SELECT id FROM execution WHERE job = ?1 AND status <= ?2 LIMIT ?3",
        DR_VALUES(dr_value_text(job), dr_value_int((int64_t)max), dr_value_int(CHUNK)));
    while (dr_rows_next(&rows)) { /* bound: CHUNK */
        ids[count++] = (uint64_t)dr_rows_int(&rows, 0);
    }
    *ret_count = count;
    return dr_rows_end(&rows);
}

/* In every transaction: no further executions are made, and the job does not complete by itself
 * when devices end what is left between two of them. What the abort criteria began goes on. */
static enum dr_status stop_rollout(struct dr_act *act, struct dr_db *db, const char *id)
{
    return dr_db_run(
        db,
        "UPDATE job SET rollout_next = ?2, updated_ms = ?3 WHERE id = ?1"
        " AND rollout_next IS NOT ?4",
        DR_VALUES(
            dr_value_text(id), dr_value_int(DR_ROLLOUT_ENDING), dr_value_int(act->call->now_ms),
            dr_value_int(DR_ROLLOUT_ABORTED)));
}

/* One job whose cancel or deletion was cut short; *ret_id empty: there is none. */
static enum dr_status find_interrupted(struct dr_db *db, char ret_id[DR_JOB_ID_MAX + 1])
{
    struct dr_rows rows;
    ret_id[0] = '\0';
    dr_db_select(
        db, &rows, "SELECT id FROM job WHERE rollout_next = ?1 LIMIT 1",
        DR_VALUES(dr_value_int(DR_ROLLOUT_ENDING)));
    if (dr_rows_next(&rows)) {
        (void)snprintf(ret_id, DR_JOB_ID_MAX + 1, "%s", dr_rows_text(&rows, 0));
    }
    return dr_rows_end(&rows);
}

struct recovery {
    struct dr_service *service;
    int64_t now_ms;
};

static enum dr_status run_recovery(void *context, struct dr_db *db)
{
    const struct recovery *recovery = context;
    const struct dr_scope scope = {
        .service = recovery->service, .db = db, .now_ms = recovery->now_ms};
    char id[DR_JOB_ID_MAX + 1];
    DR_TRY(find_interrupted(db, id));
    while (id[0] != '\0') { /* bound: such jobs; each round unmarks one */
        DR_TRY(dr_db_run(
            db, "UPDATE job SET rollout_next = NULL WHERE id = ?1", DR_VALUES(dr_value_text(id))));
        DR_TRY(dr_job_settle(&scope, id));
        DR_TRY(find_interrupted(db, id));
    }
    return DR_OK;
}

enum dr_status dr_service_recover(struct dr_service *service, int64_t now_ms)
{
    struct recovery recovery = {.service = service, .now_ms = now_ms};
    struct dr_db *db = NULL;
    char id[DR_JOB_ID_MAX + 1];
    DR_TRY(dr_store_read_begin(service->store, &db));
    enum dr_status status = find_interrupted(db, id);
    dr_store_read_end(service->store, db);
    DR_TRY(status);
    return id[0] == '\0' ? DR_OK : dr_store_write(service->store, run_recovery, &recovery);
}

static enum dr_status cancel_one(const struct dr_scope *scope, uint64_t id, bool force)
{
    struct dr_execution_row row;
    struct dr_execution_change change = {
        .status = DR_JOB_CANCELED,
        .actor = force ? DR_JOB_ACTOR_OPERATOR_FORCE : DR_JOB_ACTOR_OPERATOR,
    };
    DR_TRY(dr_execution_by_id(scope->db, id, &row));
    enum dr_status status = dr_execution_transition(scope, &row, &change, NULL);
    dr_execution_row_free(&row);
    return status;
}

enum dr_status dr_job_abort_chunk(const struct dr_scope *scope, const char *job)
{
    uint64_t ids[CHUNK];
    size_t count = 0;
    DR_TRY(select_ids(scope->db, job, DR_JOB_QUEUED, ids, &count));
    for (size_t i = 0; i < count; i++) {
        DR_TRY(cancel_one(scope, ids[i], false));
    }
    if (count == CHUNK) {
        return DR_OK;
    }
    return dr_db_run(
        scope->db, "UPDATE job SET rollout_next = NULL WHERE id = ?1 AND rollout_next = ?2",
        DR_VALUES(dr_value_text(job), dr_value_int(DR_ROLLOUT_ABORTED)));
}

static enum dr_status finish_cancel(struct dr_act *act, struct dr_db *db)
{
    const struct ending *ending = act->arguments;
    struct dr_scope scope = dr_scope_of(act, db);
    DR_TRY(dr_db_run(
        db,
        "UPDATE job SET status = ?2, force_canceled = ?3, reason_code = ?4, comment = ?5,"
        " updated_ms = ?6, completed_ms = ?6, rollout_next = NULL WHERE id = ?1",
        DR_VALUES(
            dr_value_text(ending->id), dr_value_int(DR_JOB_STATE_CANCELED),
            dr_value_int(ending->force), dr_value_text(ending->reason_code),
            dr_value_text(ending->comment), dr_value_int(act->call->now_ms))));
    return dr_tell_job_event(&scope, ending->id, DR_JOB_STATE_CANCELED);
}

static enum dr_status run_cancel(struct dr_act *act, struct dr_db *db)
{
    struct ending *ending = act->arguments;
    struct dr_scope scope = dr_scope_of(act, db);
    enum dr_job_state state = DR_JOB_STATE_IN_PROGRESS;
    uint64_t ids[CHUNK];
    size_t count = 0;
    DR_TRY(dr_job_require(act->call, db, ending->id, &state));
    if (state != DR_JOB_STATE_IN_PROGRESS && state != DR_JOB_STATE_SCHEDULED) {
        return dr_call_fail(
            act->call, DR_E_STATE, DR_CODE_INVALID, "Job %s is %s and cannot be canceled",
            ending->id, dr_job_state_word(state));
    }
    DR_TRY(stop_rollout(act, db, ending->id));
    DR_TRY(select_ids(
        db, ending->id, ending->force ? DR_JOB_IN_PROGRESS : DR_JOB_QUEUED, ids, &count));
    for (size_t i = 0; i < count; i++) {
        DR_TRY(cancel_one(&scope, ids[i], ending->force));
    }
    ending->more = count == CHUNK;
    act->is_change = !ending->more;
    return ending->more ? DR_OK : finish_cancel(act, db);
}

enum dr_status dr_service_cancel_job(
    struct dr_call *call, const char *id, bool force, const json_t *body, json_t **ret_body)
{
    struct ending ending = {.id = id, .force = force, .more = true};
    DR_TRY(dr_body_text(call, body, "reasonCode", NULL, &ending.reason_code));
    DR_TRY(dr_body_text(call, body, "comment", NULL, &ending.comment));
    if (ending.reason_code != NULL && !dr_name_reason_code(ending.reason_code)) {
        return dr_call_invalid(call, "reasonCode must be 1 to 128 of [A-Z0-9_]");
    }
    if (ending.comment != NULL && !dr_name_description(ending.comment)) {
        return dr_call_invalid(call, "comment is too long or has control characters");
    }
    while (ending.more) { /* bound: the job's executions */
        struct dr_act act = {
            .call = call,
            .action = "CancelJob",
            .resource = id,
            .run = run_cancel,
            .arguments = &ending};
        DR_TRY(dr_act_write(&act));
    }
    char arn[DR_ARN_SIZE];
    dr_call_arn(call, "job", id, arn);
    *ret_body = json_pack("{s:s, s:s}", "jobArn", arn, "jobId", id);
    return DR_OK;
}

static enum dr_status remove_one(const struct dr_scope *scope, uint64_t id)
{
    struct dr_execution_row row;
    DR_TRY(dr_execution_by_id(scope->db, id, &row));
    enum dr_status status = dr_execution_remove(scope, &row);
    dr_execution_row_free(&row);
    return status;
}

static enum dr_status run_delete(struct dr_act *act, struct dr_db *db)
{
    struct ending *ending = act->arguments;
    struct dr_scope scope = dr_scope_of(act, db);
    enum dr_job_state state = DR_JOB_STATE_IN_PROGRESS;
    uint64_t ids[CHUNK];
    size_t count = 0;
    DR_TRY(dr_job_require(act->call, db, ending->id, &state));
    if (!ending->force && state != DR_JOB_STATE_COMPLETED && state != DR_JOB_STATE_CANCELED) {
        return dr_call_fail(
            act->call, DR_E_STATE, DR_CODE_TRANSITION,
            "Job %s is %s: only a completed or canceled job can be deleted without force",
            ending->id, dr_job_state_word(state));
    }
    DR_TRY(stop_rollout(act, db, ending->id));
    DR_TRY(select_ids(db, ending->id, DR_JOB_CANCELED, ids, &count));
    for (size_t i = 0; i < count; i++) {
        DR_TRY(remove_one(&scope, ids[i]));
    }
    ending->more = count == CHUNK;
    act->is_change = !ending->more;
    if (ending->more) {
        return DR_OK;
    }
    DR_TRY(dr_db_run(
        db, "DELETE FROM job_target WHERE job = ?1", DR_VALUES(dr_value_text(ending->id))));
    return dr_db_run(db, "DELETE FROM job WHERE id = ?1", DR_VALUES(dr_value_text(ending->id)));
}

enum dr_status dr_job_remove(struct dr_call *call, const char *id, bool force)
{
    struct ending ending = {.id = id, .force = force, .more = true};
    while (ending.more) { /* bound: the job's executions */
        struct dr_act act = {
            .call = call,
            .action = "DeleteJob",
            .resource = id,
            .run = run_delete,
            .arguments = &ending};
        DR_TRY(dr_act_write(&act));
    }
    return DR_OK;
}

enum dr_status dr_service_delete_job(struct dr_call *call, const char *id, bool force)
{
    return dr_job_remove(call, id, force);
}

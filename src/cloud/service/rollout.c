/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Executions for a job's targets, or their end when it was aborted, in chunks; and time-outs. */
#include "cloud/service/executions_priv.h"
#include "cloud/store/audit.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUTS_PER_TICK 200

static enum dr_status thing_exists(struct dr_db *db, const char *thing, bool *ret_exists)
{
    int64_t count = 0;
    DR_TRY(dr_db_int(
        db, "SELECT count(*) FROM thing WHERE name = ?1", DR_VALUES(dr_value_text(thing)), &count));
    *ret_exists = count != 0;
    return DR_OK;
}

enum dr_status dr_rollout_chunk(const struct dr_scope *scope, const char *job, bool *ret_more)
{
    int64_t next = 0;
    int64_t made = 0;
    enum dr_status status = dr_db_int(
        scope->db, "SELECT rollout_next FROM job WHERE id = ?1 AND rollout_next >= 0",
        DR_VALUES(dr_value_text(job)), &next);
    *ret_more = false;
    if (status == DR_E_NOT_FOUND) {
        return DR_OK; /* finished, canceled or deleted meanwhile */
    }
    DR_TRY(status);
    struct dr_rows rows;
    dr_db_select(
        scope->db, &rows,
        "SELECT thing FROM job_target WHERE job = ?1 AND position >= ?2 ORDER BY position LIMIT ?3",
        DR_VALUES(dr_value_text(job), dr_value_int(next), dr_value_int(DR_JOB_CHUNK)));
    while (status == DR_OK && dr_rows_next(&rows)) { /* bound: DR_JOB_CHUNK */
        const char *thing = dr_rows_text(&rows, 0);
        bool exists = false;
        status = thing_exists(scope->db, thing, &exists);
        if (status == DR_OK && exists) {
            status = dr_execution_create(scope, job, thing);
        }
        made++;
    }
    enum dr_status ended = dr_rows_end(&rows);
    DR_TRY(status);
    DR_TRY(ended);
    *ret_more = made == DR_JOB_CHUNK;
    DR_TRY(dr_db_run(
        scope->db, "UPDATE job SET rollout_next = ?2, updated_ms = ?3 WHERE id = ?1",
        DR_VALUES(
            dr_value_text(job), *ret_more ? dr_value_int(next + made) : dr_value_null(),
            dr_value_int(scope->now_ms))));
    return *ret_more ? DR_OK : dr_job_settle(scope, job);
}

struct background {
    struct dr_service *service;
    int64_t now_ms;
    bool more;
};

/* One chunk of the oldest job that has something to do. */
static enum dr_status run_next_rollout(void *context, struct dr_db *db)
{
    struct background *background = context;
    struct dr_scope scope = {
        .service = background->service, .db = db, .now_ms = background->now_ms};
    char job[DR_JOB_ID_MAX + 1] = "";
    bool is_aborted = false;
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT id, rollout_next FROM job WHERE rollout_next IS NOT NULL AND rollout_next <> ?1"
        " ORDER BY sequence LIMIT 1",
        DR_VALUES(dr_value_int(DR_ROLLOUT_ENDING)));
    background->more = dr_rows_next(&rows); /* perhaps another job after it */
    if (background->more) {
        (void)snprintf(job, sizeof job, "%s", dr_rows_text(&rows, 0));
        is_aborted = dr_rows_int(&rows, 1) == DR_ROLLOUT_ABORTED;
    }
    DR_TRY(dr_rows_end(&rows));
    if (!background->more) {
        return DR_OK;
    }
    bool job_has_more = false;
    return is_aborted ? dr_job_abort_chunk(&scope, job)
                      : dr_rollout_chunk(&scope, job, &job_has_more);
}

/* Ends a background task; the service may be closed once the count is zero. */
static void task_over(struct dr_service *service)
{
    (void)pthread_mutex_lock(&service->lock);
    service->tasks--;
    if (service->tasks == 0) {
        (void)pthread_cond_broadcast(&service->idle);
    }
    (void)pthread_mutex_unlock(&service->lock);
}

static void end_rollout(void *context, enum dr_status status)
{
    struct background *background = context;
    struct dr_service *service = background->service;
    if (status == DR_OK && background->more) {
        dr_rollout_continue(service, background->now_ms);
    }
    free(background); /* after a failure the next tick goes on */
    task_over(service);
}

static void submit_background(
    struct dr_service *service, int64_t now_ms,
    enum dr_status (*run)(void *context, struct dr_db *db),
    void (*done)(void *context, enum dr_status status))
{
    struct background *background = malloc(sizeof *background);
    if (background == NULL) {
        return; /* the next tick tries again */
    }
    *background = (struct background){.service = service, .now_ms = now_ms};
    struct dr_mutation mutation = {run, done, background};
    (void)pthread_mutex_lock(&service->lock);
    service->tasks++;
    (void)pthread_mutex_unlock(&service->lock);
    if (dr_store_submit(service->store, &mutation) != DR_OK) {
        free(background);
        task_over(service);
    }
}

void dr_rollout_continue(struct dr_service *service, int64_t now_ms)
{
    submit_background(service, now_ms, run_next_rollout, end_rollout);
}

static enum dr_status time_out(const struct dr_scope *scope, uint64_t id)
{
    struct dr_execution_row row;
    enum dr_status status = dr_execution_by_id(scope->db, id, &row);
    if (status == DR_E_NOT_FOUND) {
        return DR_OK;
    }
    DR_TRY(status);
    struct dr_execution_change change = {.status = DR_JOB_TIMED_OUT, .actor = DR_JOB_ACTOR_SERVICE};
    struct dr_audit_entry entry = {
        .at_ms = scope->now_ms,
        .actor = "service",
        .action = "TimeOutJobExecution",
        .resource = row.thing,
        .detail = ""};
    status = dr_execution_transition(scope, &row, &change, NULL);
    if (status == DR_OK) {
        status = dr_audit_add(scope->db, &entry);
    }
    dr_execution_row_free(&row);
    return status;
}

static enum dr_status run_timeouts(void *context, struct dr_db *db)
{
    const struct background *background = context;
    struct dr_scope scope = {
        .service = background->service, .db = db, .now_ms = background->now_ms};
    uint64_t due[TIMEOUTS_PER_TICK];
    size_t count = 0;
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT id FROM execution WHERE deadline_ms <> 0 AND deadline_ms <= ?1"
        " ORDER BY deadline_ms LIMIT ?2",
        DR_VALUES(dr_value_int(background->now_ms), dr_value_int(TIMEOUTS_PER_TICK)));
    while (dr_rows_next(&rows)) { /* bound: TIMEOUTS_PER_TICK */
        due[count++] = (uint64_t)dr_rows_int(&rows, 0);
    }
    DR_TRY(dr_rows_end(&rows));
    for (size_t i = 0; i < count; i++) {
        DR_TRY(time_out(&scope, due[i]));
    }
    return DR_OK;
}

static void end_timeouts(void *context, enum dr_status status)
{
    struct background *background = context;
    struct dr_service *service = background->service;
    (void)status; /* what failed is still due at the next tick */
    free(background);
    task_over(service);
}

enum dr_status dr_rollout_tick(struct dr_service *service, int64_t now_ms)
{
    struct dr_db *db = NULL;
    int64_t due = 0;
    int64_t waiting = 0;
    DR_TRY(dr_store_read_begin(service->store, &db));
    enum dr_status status = dr_db_int(
        db, "SELECT EXISTS (SELECT 1 FROM execution WHERE deadline_ms <> 0 AND deadline_ms <= ?1)",
        DR_VALUES(dr_value_int(now_ms)), &due);
    if (status == DR_OK) {
        status = dr_db_int(
            db,
            "SELECT EXISTS (SELECT 1 FROM job WHERE rollout_next IS NOT NULL AND rollout_next <> "
            "?1)",
            DR_VALUES(dr_value_int(DR_ROLLOUT_ENDING)), &waiting);
    }
    dr_store_read_end(service->store, db);
    DR_TRY(status);
    if (due != 0) {
        submit_background(service, now_ms, run_timeouts, end_timeouts);
    }
    if (waiting != 0) {
        dr_rollout_continue(service, now_ms);
    }
    return DR_OK;
}

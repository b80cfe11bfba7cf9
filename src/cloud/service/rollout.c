/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Executions for a job's targets, or their end when it was aborted, in chunks; and time-outs. */
#include "cloud/service/executions_priv.h"
#include "cloud/store/audit.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUTS_PER_TICK 200
#define MINUTE_MS 60000

/* Where a rollout stands; DR_E_NOT_FOUND: finished, canceled or deleted. */
static enum dr_status
load_rollout(struct dr_db *db, const char *job, int64_t *ret_next, int64_t *ret_rate)
{
    struct dr_rows rows;
    dr_db_select(
        db, &rows, "SELECT rollout_next, settings FROM job WHERE id = ?1 AND rollout_next >= 0",
        DR_VALUES(dr_value_text(job)));
    bool found = dr_rows_next(&rows);
    if (found) {
        json_t *settings = json_loads(dr_rows_text(&rows, 1), 0, NULL);
        json_t *config = json_object_get(settings, "jobExecutionsRolloutConfig");
        *ret_next = dr_rows_int(&rows, 0);
        *ret_rate = json_integer_value(json_object_get(config, "maximumPerMinute"));
        json_decref(settings);
    }
    DR_TRY(dr_rows_end(&rows));
    return found ? DR_OK : DR_E_NOT_FOUND;
}

/* How many executions may be made now. Of the last `rate` targets, those that got theirs within the
 * last minute count. */
static enum dr_status allowance(
    const struct dr_scope *scope, const char *job, int64_t next, int64_t rate, int64_t *ret_allowed)
{
    int64_t recent = 0;
    *ret_allowed = DR_JOB_CHUNK;
    if (rate == 0) {
        return DR_OK;
    }
    DR_TRY(dr_db_int(
        scope->db,
        "SELECT count(*) FROM job_target JOIN execution"
        " ON execution.thing = job_target.thing AND execution.job = job_target.job"
        " WHERE job_target.job = ?1 AND position >= ?2 AND position < ?3"
        " AND queued_ms > ?4 AND queued_ms <= ?5", /* later: the clock was set back meanwhile */
        DR_VALUES(
            dr_value_text(job), dr_value_int(next - rate), dr_value_int(next),
            dr_value_int(scope->now_ms - MINUTE_MS), dr_value_int(scope->now_ms)),
        &recent));
    int64_t left = rate > recent ? rate - recent : 0;
    *ret_allowed = left < DR_JOB_CHUNK ? left : DR_JOB_CHUNK;
    return DR_OK;
}

static enum dr_status make_executions(
    const struct dr_scope *scope, const char *job, int64_t next, int64_t allowed, int64_t *ret_made)
{
    struct dr_rows rows;
    enum dr_status status = DR_OK;
    *ret_made = 0;
    dr_db_select(
        scope->db, &rows,
        "SELECT thing FROM job_target WHERE job = ?1 AND position >= ?2 ORDER BY position LIMIT ?3",
        DR_VALUES(dr_value_text(job), dr_value_int(next), dr_value_int(allowed)));
    while (status == DR_OK && dr_rows_next(&rows)) { /* bound: allowed */
        const char *thing = dr_rows_text(&rows, 0);
        bool exists = false;
        status = dr_thing_exists(scope->db, thing, &exists);
        if (status == DR_OK && exists) {
            status = dr_execution_create(scope, job, thing);
        }
        (*ret_made)++;
    }
    enum dr_status ended = dr_rows_end(&rows);
    DR_TRY(status);
    return ended;
}

enum dr_status dr_rollout_chunk(const struct dr_scope *scope, const char *job, bool *ret_more)
{
    int64_t next = 0;
    int64_t rate = 0;
    int64_t allowed = 0;
    int64_t made = 0;
    int64_t is_left = 0;
    *ret_more = false;
    enum dr_status status = load_rollout(scope->db, job, &next, &rate);
    if (status == DR_E_NOT_FOUND) {
        return DR_OK;
    }
    DR_TRY(status);
    DR_TRY(allowance(scope, job, next, rate, &allowed));
    if (allowed == 0) {
        return DR_OK; /* a later tick goes on */
    }
    DR_TRY(make_executions(scope, job, next, allowed, &made));
    next += made;
    DR_TRY(dr_db_int(
        scope->db, "SELECT EXISTS (SELECT 1 FROM job_target WHERE job = ?1 AND position >= ?2)",
        DR_VALUES(dr_value_text(job), dr_value_int(next)), &is_left));
    *ret_more = is_left != 0;
    DR_TRY(dr_db_run(
        scope->db, "UPDATE job SET rollout_next = ?2, updated_ms = ?3 WHERE id = ?1",
        DR_VALUES(
            dr_value_text(job), *ret_more ? dr_value_int(next) : dr_value_null(),
            dr_value_int(scope->now_ms))));
    return *ret_more ? DR_OK : dr_job_settle(scope, job);
}

struct background {
    struct dr_service *service;
    int64_t now_ms;
    int64_t after; /* sequence of the last job that has to wait for its rate */
    int64_t next;  /* the same for the task that follows */
    bool more;
};

/* One chunk of the oldest job that has something to do now. */
static enum dr_status run_next_rollout(void *context, struct dr_db *db)
{
    struct background *background = context;
    struct dr_scope scope = {
        .service = background->service, .db = db, .now_ms = background->now_ms};
    char job[DR_JOB_ID_MAX + 1] = "";
    bool is_aborted = false;
    int64_t sequence = 0;
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT id, rollout_next, sequence FROM job WHERE rollout_next IS NOT NULL"
        " AND rollout_next <> ?1 AND sequence > ?2 ORDER BY sequence LIMIT 1",
        DR_VALUES(dr_value_int(DR_ROLLOUT_ENDING), dr_value_int(background->after)));
    background->next = background->after;
    background->more = dr_rows_next(&rows); /* perhaps another job after it */
    if (background->more) {
        (void)snprintf(job, sizeof job, "%s", dr_rows_text(&rows, 0));
        is_aborted = dr_rows_int(&rows, 1) == DR_ROLLOUT_ABORTED;
        sequence = dr_rows_int(&rows, 2);
    }
    DR_TRY(dr_rows_end(&rows));
    if (!background->more) {
        return DR_OK;
    }
    if (is_aborted) {
        return dr_job_abort_chunk(&scope, job);
    }
    bool job_has_more = false;
    enum dr_status status = dr_rollout_chunk(&scope, job, &job_has_more);
    background->next = job_has_more ? sequence - 1 : sequence;
    return status;
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

static void submit_background(
    const struct background *wanted, enum dr_status (*run)(void *context, struct dr_db *db),
    void (*done)(void *context, enum dr_status status))
{
    struct dr_service *service = wanted->service;
    struct background *background = malloc(sizeof *background);
    if (background == NULL) {
        return; /* the next tick tries again */
    }
    *background = *wanted;
    struct dr_mutation mutation = {run, done, background};
    (void)pthread_mutex_lock(&service->lock);
    service->tasks++;
    (void)pthread_mutex_unlock(&service->lock);
    if (dr_store_submit(service->store, &mutation) != DR_OK) {
        free(background);
        task_over(service);
    }
}

static void end_rollout(void *context, enum dr_status status)
{
    struct background *background = context;
    struct dr_service *service = background->service;
    if (status == DR_OK && background->more) {
        background->after = background->next;
        submit_background(background, run_next_rollout, end_rollout);
    }
    free(background); /* after a failure the next tick goes on */
    task_over(service);
}

void dr_rollout_continue(struct dr_service *service, int64_t now_ms)
{
    struct background wanted = {.service = service, .now_ms = now_ms};
    submit_background(&wanted, run_next_rollout, end_rollout);
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
        struct background wanted = {.service = service, .now_ms = now_ms};
        submit_background(&wanted, run_timeouts, end_timeouts);
    }
    if (waiting != 0) {
        dr_rollout_continue(service, now_ms);
    }
    return DR_OK;
}

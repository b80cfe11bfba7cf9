/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Abort criteria: a job stops by itself when too many of its executions end badly. */
#include "cloud/service/jobs_priv.h"
#include "cloud/store/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_CODE "ABORT_CRITERIA_MET"
#define CRITERIA_MAX 16u
#define COMMENT_SIZE 160u

/* thresholdPercentage in hundredths; 0: it is none. */
static uint32_t read_threshold(const json_t *item)
{
    double hundredths = json_number_value(json_object_get(item, "thresholdPercentage")) * 100;
    if (!(hundredths >= 0.5 && hundredths < 10000.5)) {
        return 0;
    }
    uint32_t whole = (uint32_t)(hundredths + 0.5);
    double rest = hundredths - whole; /* what two decimals leave is of the binary form */
    return rest > -1e-6 && rest < 1e-6 ? whole : 0;
}

/* False: it names no failure. */
static bool read_criterion(const json_t *item, struct dr_job_abort *ret_abort)
{
    const char *type = json_string_value(json_object_get(item, "failureType"));
    json_int_t minimum = json_integer_value(json_object_get(item, "minNumberOfExecutedThings"));
    *ret_abort = (struct dr_job_abort){
        .threshold_hundredths = read_threshold(item), .executed_min = (uint64_t)minimum};
    if (type == NULL || minimum < 1) {
        return false;
    }
    if (strcmp(type, "ALL") == 0) {
        return true;
    }
    return dr_execution_status_from_word(type, &ret_abort->failure) == DR_OK &&
           (ret_abort->failure == DR_JOB_FAILED || ret_abort->failure == DR_JOB_REJECTED ||
            ret_abort->failure == DR_JOB_TIMED_OUT);
}

enum dr_status dr_job_abort_check(struct dr_call *call, const json_t *config)
{
    json_t *list = NULL;
    DR_TRY(dr_body_array(call, config, "criteriaList", &list));
    if (json_array_size(list) == 0 || json_array_size(list) > CRITERIA_MAX) {
        return dr_call_invalid(call, "an abort configuration must have 1 to 16 criteria");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *action = json_string_value(json_object_get(item, "action"));
        struct dr_job_abort abort;
        if (!read_criterion(item, &abort)) {
            return dr_call_invalid(
                call, "an abort criterion needs failureType FAILED, REJECTED, TIMED_OUT or ALL, "
                      "and minNumberOfExecutedThings of 1 or more");
        }
        if (action == NULL || strcmp(action, "CANCEL") != 0) {
            return dr_call_invalid(call, "the action of an abort criterion must be CANCEL");
        }
        if (abort.threshold_hundredths == 0) {
            return dr_call_invalid(
                call, "thresholdPercentage must be 0.01 to 100, with two decimals at most");
        }
    }
    return DR_OK;
}

/* The criteria of a job that still runs, owned by the caller; NULL: it has none. */
static enum dr_status load_criteria(struct dr_db *db, const char *job, json_t **ret_list)
{
    struct dr_rows rows;
    *ret_list = NULL;
    dr_db_select(
        db, &rows,
        "SELECT settings FROM job WHERE id = ?1 AND status = ?2 AND coalesce(rollout_next, 0) >= 0"
        " AND instr(settings, '\"abortConfig\"') > 0",
        DR_VALUES(dr_value_text(job), dr_value_int(DR_JOB_STATE_IN_PROGRESS)));
    if (dr_rows_next(&rows)) {
        json_t *settings = json_loads(dr_rows_text(&rows, 0), 0, NULL);
        *ret_list =
            json_incref(json_object_get(json_object_get(settings, "abortConfig"), "criteriaList"));
        json_decref(settings);
    }
    return dr_rows_end(&rows);
}

static enum dr_status
count_executions(struct dr_db *db, const char *job, uint64_t counts[DR_JOB_CANCELED + 1])
{
    struct dr_rows rows;
    memset(counts, 0, (DR_JOB_CANCELED + 1) * sizeof counts[0]);
    dr_db_select(
        db, &rows, "SELECT status, count(*) FROM execution WHERE job = ?1 GROUP BY status",
        DR_VALUES(dr_value_text(job)));
    while (dr_rows_next(&rows)) { /* bound: the statuses */
        int64_t status = dr_rows_int(&rows, 0);
        if (status >= DR_JOB_QUEUED && status <= DR_JOB_CANCELED) {
            counts[status] = (uint64_t)dr_rows_int(&rows, 1);
        }
    }
    return dr_rows_end(&rows);
}

static enum dr_status cancel_job(const struct dr_scope *scope, const char *job, const char *comment)
{
    struct dr_audit_entry entry = {
        .at_ms = scope->now_ms,
        .actor = "service",
        .action = "AbortJob",
        .resource = job,
        .detail = ""};
    DR_TRY(dr_db_run(
        scope->db,
        "UPDATE job SET status = ?2, reason_code = ?3, comment = ?4, updated_ms = ?5,"
        " completed_ms = ?5, rollout_next = ?6 WHERE id = ?1",
        DR_VALUES(
            dr_value_text(job), dr_value_int(DR_JOB_STATE_CANCELED), dr_value_text(REASON_CODE),
            dr_value_text(comment), dr_value_int(scope->now_ms),
            dr_value_int(DR_ROLLOUT_ABORTED))));
    DR_TRY(dr_audit_add(scope->db, &entry));
    DR_TRY(dr_tell_job_event(scope, job, DR_JOB_STATE_CANCELED));
    return dr_job_abort_chunk(scope, job); /* what is left is the background's */
}

/* Counting all costs as many steps as there are executions; while nothing fails, this is enough. */
static enum dr_status has_failures(struct dr_db *db, const char *job, bool *ret_some)
{
    int64_t some = 0;
    enum dr_status status = dr_db_int(
        db, "SELECT EXISTS (SELECT 1 FROM execution WHERE job = ?1 AND status IN (?2, ?3, ?4))",
        DR_VALUES(
            dr_value_text(job), dr_value_int(DR_JOB_FAILED), dr_value_int(DR_JOB_REJECTED),
            dr_value_int(DR_JOB_TIMED_OUT)),
        &some);
    *ret_some = some != 0;
    return status;
}

enum dr_status dr_job_abort_if_due(const struct dr_scope *scope, const char *job)
{
    json_t *list = NULL;
    uint64_t counts[DR_JOB_CANCELED + 1];
    char comment[COMMENT_SIZE] = "";
    bool has_some = false;
    DR_TRY(has_failures(scope->db, job, &has_some));
    if (!has_some) {
        return DR_OK;
    }
    DR_TRY(load_criteria(scope->db, job, &list));
    if (list == NULL) {
        return DR_OK;
    }
    enum dr_status status = count_executions(scope->db, job, counts);
    for (size_t i = 0; i < json_array_size(list) && status == DR_OK && comment[0] == '\0'; i++) {
        const json_t *item = json_array_get(list, i);
        struct dr_job_abort abort;
        if (read_criterion(item, &abort) && dr_job_abort_due(&abort, counts)) {
            (void)snprintf(
                comment, sizeof comment,
                "%s reached %.2f percent of the executions that ended, and %llu have ended",
                json_string_value(json_object_get(item, "failureType")),
                (double)abort.threshold_hundredths / 100,
                (unsigned long long)dr_job_executed(counts));
        }
    }
    json_decref(list);
    return status == DR_OK && comment[0] != '\0' ? cancel_job(scope, job, comment) : status;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The service's half: what devices are told. Member order is AWS's, as seen live. */
#include "format/job_service.h"

static void put_token(struct dr_json_writer *json, const char *client_token)
{
    if (client_token != NULL && client_token[0] != '\0') {
        dr_json_put_text(json, "clientToken", client_token);
    }
}

static void put_time(struct dr_json_writer *json, const char *name, uint64_t time_s)
{
    if (time_s != 0) {
        dr_json_put_u64(json, name, time_s);
    }
}

/* An empty map says nothing and is left out. */
static void put_details(struct dr_json_writer *json, struct dr_json details)
{
    struct dr_json_iterator each = dr_json_each(details);
    if (dr_json_next(&each)) {
        dr_json_put_value(json, "statusDetails", details);
    }
}

void dr_job_put_execution(
    struct dr_json_writer *json, const char *name, const struct dr_job_execution_out *execution,
    bool summary)
{
    const struct dr_job_execution_out *e = execution;
    dr_json_open(json, name, '{');
    dr_json_put_text(json, "jobId", e->job_id);
    if (!summary) {
        if (e->thing_name != NULL && e->thing_name[0] != '\0') {
            dr_json_put_text(json, "thingName", e->thing_name);
        }
        dr_json_put_text(json, "status", dr_job_status_word(e->status));
        put_details(json, e->status_details);
    }
    put_time(json, "queuedAt", e->queued_at_s);
    put_time(json, "startedAt", e->started_at_s);
    put_time(json, "lastUpdatedAt", e->last_updated_at_s);
    dr_json_put_number(json, "versionNumber", e->version_number);
    dr_json_put_number(json, "executionNumber", e->execution_number);
    if (!summary) {
        if (e->seconds_before_timeout != 0) {
            dr_json_put_number(json, "approximateSecondsBeforeTimedOut", e->seconds_before_timeout);
        }
        dr_json_put_value(json, "jobDocument", e->document);
    }
    dr_json_close(json, '}');
}

enum dr_status dr_job_write_offer(
    const char *client_token, uint64_t timestamp_s, const struct dr_job_execution_out *execution,
    char *out, size_t capacity, size_t *ret_len)
{
    struct dr_json_writer json;
    dr_json_begin(&json, out, capacity);
    dr_json_open(&json, NULL, '{');
    put_token(&json, client_token);
    dr_json_put_u64(&json, "timestamp", timestamp_s);
    if (execution != NULL) {
        dr_job_put_execution(&json, "execution", execution, false);
    }
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

enum dr_status dr_job_write_notify_next(
    uint64_t timestamp_s, const struct dr_job_execution_out *execution, char *out, size_t capacity,
    size_t *ret_len)
{
    return dr_job_write_offer(NULL, timestamp_s, execution, out, capacity, ret_len);
}

static bool has_status(const struct dr_job_list *list, enum dr_job_status status)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->executions[i].status == status) {
            return true;
        }
    }
    return false;
}

static void put_summaries(
    struct dr_json_writer *json, const char *name, const struct dr_job_list *list,
    enum dr_job_status status)
{
    dr_json_open(json, name, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (list->executions[i].status == status) {
            dr_job_put_execution(json, NULL, &list->executions[i], true);
        }
    }
    dr_json_close(json, ']');
}

enum dr_status dr_job_write_list(
    const char *client_token, uint64_t timestamp_s, const struct dr_job_list *list, char *out,
    size_t capacity, size_t *ret_len)
{
    struct dr_json_writer json;
    dr_json_begin(&json, out, capacity);
    dr_json_open(&json, NULL, '{');
    put_token(&json, client_token);
    dr_json_put_u64(&json, "timestamp", timestamp_s);
    put_summaries(&json, "inProgressJobs", list, DR_JOB_IN_PROGRESS);
    put_summaries(&json, "queuedJobs", list, DR_JOB_QUEUED);
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

enum dr_status dr_job_write_notify(
    uint64_t timestamp_s, const struct dr_job_list *list, char *out, size_t capacity,
    size_t *ret_len)
{
    static const enum dr_job_status statuses[] = {DR_JOB_IN_PROGRESS, DR_JOB_QUEUED};
    struct dr_json_writer json;
    dr_json_begin(&json, out, capacity);
    dr_json_open(&json, NULL, '{');
    dr_json_put_u64(&json, "timestamp", timestamp_s);
    dr_json_open(&json, "jobs", '{');
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (has_status(list, statuses[i])) {
            put_summaries(&json, dr_job_status_word(statuses[i]), list, statuses[i]);
        }
    }
    dr_json_close(&json, '}');
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

enum dr_status dr_job_write_verdict(
    const struct dr_job_verdict *verdict, char *out, size_t capacity, size_t *ret_len)
{
    struct dr_json_writer json;
    dr_json_begin(&json, out, capacity);
    dr_json_open(&json, NULL, '{');
    put_token(&json, verdict->client_token);
    if (verdict->error != DR_JOB_ERROR_NONE) {
        dr_json_put_text(&json, "code", dr_job_error_word(verdict->error));
        dr_json_put_text(&json, "message", verdict->message != NULL ? verdict->message : "");
    }
    dr_json_put_u64(&json, "timestamp", verdict->timestamp_s);
    if (verdict->has_state) {
        dr_json_open(&json, "executionState", '{');
        dr_json_put_text(&json, "status", dr_job_status_word(verdict->state_status));
        put_details(&json, verdict->state_details);
        dr_json_put_number(&json, "versionNumber", verdict->state_version);
        dr_json_close(&json, '}');
    }
    dr_json_put_value(&json, "jobDocument", verdict->document);
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What devices and subscribers are told, as outbox rows of the transaction at hand. */
#include "cloud/service/executions_priv.h"
#include "cloud/store/outbox.h"
#include "format/topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_SIZE_MAX (96u * 1024u)

struct dr_job_execution_out
dr_execution_out(const struct dr_execution_row *row, const char *document, int64_t now_ms)
{
    const struct dr_execution *execution = &row->execution;
    struct dr_job_execution_out out = {
        .job_id = row->job,
        .status = execution->status,
        .queued_at_s = (uint64_t)execution->queued_ms / 1000,
        .started_at_s = (uint64_t)execution->started_ms / 1000,
        .last_updated_at_s = (uint64_t)execution->updated_ms / 1000,
        .version_number = execution->version,
        .execution_number = execution->number,
    };
    int64_t seconds = 0;
    if (dr_execution_seconds_left(execution, now_ms, &seconds)) {
        out.seconds_before_timeout = seconds > 0 ? (uint32_t)seconds : 1u;
    }
    if (row->details != NULL && strcmp(row->details, "{}") != 0) {
        out.status_details = (struct dr_json){row->details, strlen(row->details)};
    }
    if (document != NULL) {
        out.document = (struct dr_json){document, strlen(document)};
    }
    return out;
}

enum dr_status dr_job_document_load(struct dr_db *db, const char *job, char **ret_document)
{
    struct dr_rows rows;
    char *document = NULL;
    dr_db_select(
        db, &rows, "SELECT document FROM job WHERE id = ?1", DR_VALUES(dr_value_text(job)));
    bool found = dr_rows_next(&rows);
    if (found) {
        document = strdup(dr_rows_text(&rows, 0));
    }
    enum dr_status status = dr_rows_end(&rows);
    if (status == DR_OK && (!found || document == NULL)) {
        return found ? DR_E_SPACE : DR_E_NOT_FOUND;
    }
    if (status != DR_OK) {
        free(document);
        return status;
    }
    *ret_document = document;
    return DR_OK;
}

enum dr_status dr_pending_rows(
    struct dr_db *db, const struct dr_pending_list *list,
    struct dr_execution_row rows[DR_JOB_LIST_MAX], size_t *ret_count)
{
    size_t count = 0;
    for (; count < list->count && count < DR_JOB_LIST_MAX; count++) {
        enum dr_status status = dr_execution_by_id(db, list->entries[count].id, &rows[count]);
        if (status != DR_OK) {
            while (count > 0) {
                dr_execution_row_free(&rows[--count]);
            }
            return status;
        }
    }
    *ret_count = count;
    return DR_OK;
}

static enum dr_status publish(
    const struct dr_scope *scope, const char *thing, const char *topic, const char *payload,
    size_t payload_len)
{
    struct dr_outbox_row row = {
        .kind = DR_OUTBOX_TO_SUBSCRIBERS,
        .qos = 1,
        .thing = thing,
        .topic = topic,
        .payload = (const uint8_t *)payload,
        .payload_size = payload_len,
    };
    return dr_outbox_add(scope->db, &row, scope->now_ms);
}

static enum dr_status publish_notice(
    const struct dr_scope *scope, const char *thing, enum dr_topic_kind kind, const char *payload,
    size_t payload_len)
{
    char text[DR_TOPIC_BYTES_MAX];
    size_t text_len = 0;
    struct dr_topic topic = {.kind = kind, .thing = thing, .thing_len = strlen(thing)};
    DR_TRY(dr_topic_build(&topic, text, sizeof text, &text_len));
    return publish(scope, thing, text, payload, payload_len);
}

static enum dr_status tell_list(
    const struct dr_scope *scope, const char *thing, const struct dr_pending_list *list,
    char *buffer)
{
    struct dr_execution_row rows[DR_JOB_LIST_MAX];
    struct dr_job_execution_out out[DR_JOB_LIST_MAX];
    size_t count = 0;
    size_t len = 0;
    DR_TRY(dr_pending_rows(scope->db, list, rows, &count));
    for (size_t i = 0; i < count; i++) {
        out[i] = dr_execution_out(&rows[i], NULL, scope->now_ms);
    }
    struct dr_job_list summaries = {out, count};
    enum dr_status status = dr_job_write_notify(
        (uint64_t)scope->now_ms / 1000, &summaries, buffer, DR_MESSAGE_SIZE_MAX, &len);
    for (size_t i = 0; i < count; i++) {
        dr_execution_row_free(&rows[i]);
    }
    return status == DR_OK ? publish_notice(scope, thing, DR_TOPIC_NOTIFY, buffer, len) : status;
}

static enum dr_status tell_next(
    const struct dr_scope *scope, const char *thing, const struct dr_pending_list *list,
    char *buffer)
{
    size_t len = 0;
    uint64_t now_s = (uint64_t)scope->now_ms / 1000;
    if (list->count == 0) {
        DR_TRY(dr_job_write_notify_next(now_s, NULL, buffer, DR_MESSAGE_SIZE_MAX, &len));
        return publish_notice(scope, thing, DR_TOPIC_NOTIFY_NEXT, buffer, len);
    }
    struct dr_execution_row row;
    char *document = NULL;
    DR_TRY(dr_execution_by_id(scope->db, list->entries[0].id, &row));
    enum dr_status status = dr_job_document_deliver(scope, row.job, thing, &document);
    if (status == DR_OK) {
        struct dr_job_execution_out out = dr_execution_out(&row, document, scope->now_ms);
        status = dr_job_write_notify_next(now_s, &out, buffer, DR_MESSAGE_SIZE_MAX, &len);
    }
    free(document);
    dr_execution_row_free(&row);
    return status == DR_OK ? publish_notice(scope, thing, DR_TOPIC_NOTIFY_NEXT, buffer, len)
                           : status;
}

enum dr_status dr_tell_pending(
    const struct dr_scope *scope, const char *thing, const struct dr_pending_list *before)
{
    struct dr_pending_list after;
    if (before->same) {
        return DR_OK;
    }
    DR_TRY(dr_pending_load(scope->db, thing, &after));
    struct dr_notify notify =
        dr_notify_decide(before->entries, before->count, after.entries, after.count);
    if (!notify.notify && !notify.notify_next) {
        return DR_OK;
    }
    char *buffer = malloc(DR_MESSAGE_SIZE_MAX);
    if (buffer == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = DR_OK;
    if (notify.notify) {
        status = tell_list(scope, thing, &after, buffer);
    }
    if (status == DR_OK && notify.notify_next) {
        status = tell_next(scope, thing, &after, buffer);
    }
    free(buffer);
    return status;
}

/* "succeeded", "timed_out": the status word in lower case. */
static void lower(const char *word, char *out, size_t capacity)
{
    size_t at = 0;
    for (; word[at] != '\0' && at + 1 < capacity; at++) {
        char c = word[at];
        out[at] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out[at] = '\0';
}

/* Members that both kinds of event begin with. */
static enum dr_status event_begin(
    struct dr_json_writer *json, const struct dr_scope *scope, const char *type,
    const char *operation, const char *job)
{
    char id[37];
    DR_TRY(dr_random_uuid(id));
    dr_json_open(json, NULL, '{');
    dr_json_put_text(json, "eventType", type);
    dr_json_put_text(json, "eventId", id);
    dr_json_put_u64(json, "timestamp", (uint64_t)scope->now_ms / 1000);
    dr_json_put_text(json, "operation", operation);
    dr_json_put_text(json, "jobId", job);
    return DR_OK;
}

enum dr_status
dr_tell_execution_event(const struct dr_scope *scope, const struct dr_execution_row *row)
{
    char arn[DR_ARN_SIZE];
    char topic[DR_TOPIC_BYTES_MAX];
    char word[32];
    const char *region = scope->region != NULL ? scope->region : scope->service->region;
    char *buffer = malloc(EVENT_SIZE_MAX);
    if (buffer == NULL) {
        return DR_E_SPACE;
    }
    struct dr_json_writer json;
    size_t len = 0;
    dr_json_begin(&json, buffer, EVENT_SIZE_MAX);
    (void)snprintf(
        arn, sizeof arn, "arn:aws:iot:%.32s:%.16s:thing/%s", region, scope->service->account,
        row->thing);
    enum dr_status status = event_begin(&json, scope, "JOB_EXECUTION", "jobExecution", row->job);
    dr_json_put_text(&json, "thingArn", arn);
    dr_json_put_text(&json, "status", dr_job_status_word(row->execution.status));
    if (row->details != NULL) {
        dr_json_put_value(
            &json, "statusDetails", (struct dr_json){row->details, strlen(row->details)});
    }
    dr_json_close(&json, '}');
    if (status == DR_OK) {
        status = dr_json_end(&json, &len);
    }
    if (status == DR_OK) {
        lower(dr_job_status_word(row->execution.status), word, sizeof word);
        (void)snprintf(topic, sizeof topic, "$aws/events/jobExecution/%s/%s", row->job, word);
        status = publish(scope, row->thing, topic, buffer, len);
    }
    free(buffer);
    return status;
}

enum dr_status
dr_tell_job_event(const struct dr_scope *scope, const char *job, enum dr_job_state state)
{
    char buffer[1024];
    char topic[DR_TOPIC_BYTES_MAX];
    char word[32];
    struct dr_json_writer json;
    size_t len = 0;
    dr_json_begin(&json, buffer, sizeof buffer);
    lower(dr_job_state_word(state), word, sizeof word);
    DR_TRY(event_begin(&json, scope, "JOB", word, job));
    dr_json_put_text(&json, "status", dr_job_state_word(state));
    dr_json_close(&json, '}');
    DR_TRY(dr_json_end(&json, &len));
    (void)snprintf(topic, sizeof topic, "$aws/events/job/%s/%s", job, word);
    return publish(scope, job, topic, buffer, len);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A device's report about itself. */
#include "cloud/service/device_priv.h"
#include "cloud/store/audit.h"
#include "format/report.h"

#include <stdlib.h>
#include <string.h>

#define REPORT_SIZE_MAX 8192u

static enum dr_status
load_previous(struct dr_db *db, const char *thing, struct dr_report *previous, bool *ret_found)
{
    struct dr_rows rows;
    *ret_found = false;
    dr_db_select(
        db, &rows, "SELECT report FROM device_state WHERE thing = ?1",
        DR_VALUES(dr_value_text(thing)));
    if (dr_rows_next(&rows)) {
        const char *text = dr_rows_text(&rows, 0);
        *ret_found = dr_report_parse(text, strlen(text), previous) == DR_OK;
    }
    return dr_rows_end(&rows);
}

/* Is there something to remember? A heartbeat that only says "still so" goes into the state alone;
 * an uptime that went back means another boot. */
static bool is_news(const struct dr_report *before, const struct dr_report *after)
{
    return after->note_count != 0 || after->uptime_s < before->uptime_s ||
           memcmp(before->digest, after->digest, sizeof after->digest) != 0 ||
           dr_version_compare(&before->version, &after->version) != 0 ||
           before->slot != after->slot || before->state != after->state ||
           before->mode != after->mode || before->rung != after->rung ||
           before->tries_left != after->tries_left || before->boot_reason != after->boot_reason ||
           before->last_reason != after->last_reason ||
           before->counter_security != after->counter_security ||
           before->counter_revocation != after->counter_revocation ||
           before->counter_epoch != after->counter_epoch || before->alerts != after->alerts;
}

static bool is_crash(const struct dr_report_note *note)
{
    return (note->reason == DR_REASON_CRASH || note->reason == DR_REASON_HANG) &&
           note->detail[0] != '\0';
}

/* What a firmware left when it died outlives the report that told it: the next report has other
 * notes. Told twice, because an answer was lost, it is kept once. */
static enum dr_status
keep_crash(struct dr_task *task, struct dr_db *db, const struct dr_report_note *note)
{
    int64_t known = 0;
    json_t *body = json_pack(
        "{s:s, s:s, s:I}", "reason", dr_reason_word(note->reason), "detail", note->detail, "uptime",
        (json_int_t)note->uptime_s);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (text == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = dr_db_int(
        db, "SELECT count(*) FROM timeline WHERE thing = ?1 AND kind = 'crash' AND body = ?2",
        DR_VALUES(dr_value_text(task->thing), dr_value_text(text)), &known);
    if (status == DR_OK && known == 0) {
        status = dr_timeline_add(db, task->thing, task->now_ms, "crash", text);
    }
    free(text);
    return status;
}

static enum dr_status
store(struct dr_task *task, struct dr_db *db, const struct dr_report *report, const char *text)
{
    struct dr_report previous;
    bool has_previous = false;
    for (uint8_t i = 0; i < report->note_count; i++) {
        if (is_crash(&report->notes[i])) {
            DR_TRY(keep_crash(task, db, &report->notes[i]));
        }
    }
    DR_TRY(load_previous(db, task->thing, &previous, &has_previous));
    DR_TRY(dr_db_run(
        db,
        "INSERT INTO device_state(thing, report, reported_ms) VALUES(?1, ?2, ?3)"
        " ON CONFLICT(thing) DO UPDATE SET report = ?2, reported_ms = ?3",
        DR_VALUES(dr_value_text(task->thing), dr_value_text(text), dr_value_int(task->now_ms))));
    if (has_previous && !is_news(&previous, report)) {
        return DR_OK;
    }
    return dr_timeline_add(db, task->thing, task->now_ms, "report", text);
}

static enum dr_status refuse(
    struct dr_task *task, const struct dr_report *report, enum dr_job_error error,
    const char *message)
{
    struct dr_refusal refusal = {
        .client_token = report->client_token, .error = error, .message = message};
    dr_task_refuse(task, &refusal);
    return DR_OK;
}

enum dr_status dr_device_report(struct dr_task *task, struct dr_db *db)
{
    struct dr_report report = {.client_token = ""};
    char accepted[6 * DR_CLIENT_TOKEN_LEN_MAX + 64]; /* a control character takes six */
    size_t len = 0;
    bool exists = false;
    if (task->payload_size > REPORT_SIZE_MAX ||
        dr_report_parse(task->payload, task->payload_size, &report) != DR_OK) {
        report.client_token[0] = '\0';
        return refuse(task, &report, DR_JOB_ERROR_REQUEST, "not a report");
    }
    DR_TRY(dr_thing_exists(db, task->thing, &exists));
    if (!exists) {
        return refuse(task, &report, DR_JOB_ERROR_NOT_FOUND, "there is no such thing");
    }
    char *text = strndup((const char *)task->payload, task->payload_size);
    if (text == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = store(task, db, &report, text);
    free(text);
    DR_TRY(status);
    DR_TRY(dr_report_write_accepted(
        report.client_token, (uint64_t)task->now_ms / 1000, accepted, sizeof accepted, &len));
    return dr_task_accept(task, db, accepted, len);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private to cloud/service: executions in the store, their transitions, and whom they tell. */
#ifndef DR_CLOUD_SERVICE_EXECUTIONS_PRIV_H
#define DR_CLOUD_SERVICE_EXECUTIONS_PRIV_H

#include "base/check.h"
#include "cloud/model/job.h"
#include "cloud/registry/frame.h"
#include "format/job_service.h"

#define DR_MESSAGE_SIZE_MAX (128u * 1024u) /* one MQTT payload */

DR_STATIC_ASSERT(
    DR_JOB_DOCUMENT_LEN_MAX + DR_JOB_DETAILS_BYTES_MAX + 4096u <= DR_MESSAGE_SIZE_MAX,
    "every answer and notice fits a message");

/* job.rollout_next when it is no target's position; NULL: every target has its execution. */
#define DR_ROLLOUT_ENDING (-1)  /* is being canceled or deleted, so it cannot complete */
#define DR_ROLLOUT_ABORTED (-2) /* by its criteria; QUEUED executions are still to be canceled */

/* One transaction's surroundings. */
struct dr_scope {
    struct dr_service *service;
    struct dr_db *db;
    int64_t now_ms;
    const char *region; /* for ARNs in events */
};

struct dr_execution_row {
    struct dr_execution execution;
    char job[DR_JOB_ID_MAX + 1];
    char thing[DR_THING_NAME_MAX + 1];
    char *details; /* JSON object, owned; NULL: none */
    bool force_canceled;
    uint32_t in_progress_timeout_minutes; /* of the job */
};

void dr_execution_row_free(struct dr_execution_row *row);

/* executions.c */

/* number 0: the latest. DR_E_NOT_FOUND. */
DR_MUST_USE enum dr_status dr_execution_find(
    struct dr_db *db, const char *thing, const char *job, uint32_t number,
    struct dr_execution_row *ret_row);
DR_MUST_USE enum dr_status
dr_execution_by_id(struct dr_db *db, uint64_t id, struct dr_execution_row *ret_row);

/* A thing's pending executions in list order, at most DR_JOB_PENDING_MAX. */
struct dr_pending_list {
    bool same; /* as a list before a change: the change cannot have moved anything */
    size_t count;
    struct dr_pending entries[DR_JOB_PENDING_MAX];
};
DR_MUST_USE enum dr_status
dr_pending_load(struct dr_db *db, const char *thing, struct dr_pending_list *ret_list);

/* Apply a change and store it. details NULL: unchanged. ret_before is the list as it was, for
 * dr_tell_pending, which has to follow. DR_E_STATE, DR_E_CONFLICT, DR_E_RANGE as
 * dr_execution_apply, and nothing happened then. */
DR_MUST_USE enum dr_status dr_execution_store_change(
    const struct dr_scope *scope, struct dr_execution_row *row,
    const struct dr_execution_change *change, const char *details,
    struct dr_pending_list *ret_before);

/* Both in one. */
DR_MUST_USE enum dr_status dr_execution_transition(
    const struct dr_scope *scope, struct dr_execution_row *row,
    const struct dr_execution_change *change, const char *details);

/* Make an execution of a job for a thing, QUEUED, and tell the thing. */
DR_MUST_USE enum dr_status
dr_execution_create(const struct dr_scope *scope, const char *job, const char *thing);

/* Take an execution away; a pending one is announced. */
DR_MUST_USE enum dr_status
dr_execution_remove(const struct dr_scope *scope, const struct dr_execution_row *row);

/* The thing is being deleted: its executions go without a word to it. */
DR_MUST_USE enum dr_status
dr_executions_remove_thing(struct dr_call *call, struct dr_db *db, const char *thing);

/* A job that is rolled out and has no pending execution is COMPLETED. */
DR_MUST_USE enum dr_status dr_job_settle(const struct dr_scope *scope, const char *job);

/* job_abort.c: an execution of the job has ended; is one of its abort criteria met? Then the job is
 * CANCELED, and so are its QUEUED executions, beginning here and going on in the background. */
DR_MUST_USE enum dr_status dr_job_abort_if_due(const struct dr_scope *scope, const char *job);

/* job_cancel.c: cancel some QUEUED executions of a job that was aborted; the last clears the mark.
 */
DR_MUST_USE enum dr_status dr_job_abort_chunk(const struct dr_scope *scope, const char *job);

/* messages.c: what devices and subscribers are told. */

/* The row as it goes into messages; document: JSON text or NULL. Borrowed from both. */
struct dr_job_execution_out
dr_execution_out(const struct dr_execution_row *row, const char *document, int64_t now_ms);

/* The job's document, owned by the caller; DR_E_NOT_FOUND. */
DR_MUST_USE enum dr_status
dr_job_document_load(struct dr_db *db, const char *job, char **ret_document);

/* presign.c: the document as one thing is to get it now: each placeholder
 * ${aws:iot:s3-presigned-url:https://…/bucket/key} is a fresh URL, which is good for as long as the
 * job says. A secret: it is handed to that thing and to nobody else. DR_E_NOT_FOUND. */
DR_MUST_USE enum dr_status dr_job_document_deliver(
    const struct dr_scope *scope, const char *job, const char *thing, char **ret_document);

/* Load rows for summaries, at most DR_JOB_LIST_MAX; free each. */
DR_MUST_USE enum dr_status dr_pending_rows(
    struct dr_db *db, const struct dr_pending_list *list,
    struct dr_execution_row rows[DR_JOB_LIST_MAX], size_t *ret_count);

DR_MUST_USE enum dr_status dr_tell_pending(
    const struct dr_scope *scope, const char *thing, const struct dr_pending_list *before);

/* $aws/events/jobExecution/JOB/STATUS and $aws/events/job/JOB/STATE. */
DR_MUST_USE enum dr_status
dr_tell_execution_event(const struct dr_scope *scope, const struct dr_execution_row *row);
DR_MUST_USE enum dr_status
dr_tell_job_event(const struct dr_scope *scope, const char *job, enum dr_job_state state);

/* rollout.c */

/* Executions for the next targets of a job, at most DR_JOB_CHUNK and as many as its rate
 * (maximumPerMinute) allows now. *ret_more: some were made, and targets are left. */
DR_MUST_USE enum dr_status
dr_rollout_chunk(const struct dr_scope *scope, const char *job, bool *ret_more);

/* Time-outs that are due, then rollouts that are not finished. */
DR_MUST_USE enum dr_status dr_rollout_tick(struct dr_service *service, int64_t now_ms);
/* Let the rollout go on in the background. */
void dr_rollout_continue(struct dr_service *service, int64_t now_ms);

#endif

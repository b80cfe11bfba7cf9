/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The life of a job and of its executions: pure rules, no clock, no storage.
 *
 * An execution is one job on one thing. Who may move it where, which one is next, when a deadline
 * passes and whom to tell are decided here and only here (docs/protocol.md,
 * AWS IoT's published API). Times are Unix milliseconds; 0 means "not set".
 */
#ifndef DR_CLOUD_MODEL_JOB_H
#define DR_CLOUD_MODEL_JOB_H

#include "base/status.h"
#include "format/job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Executions use enum dr_job_status of format/job.h, numbers and words. These are the states of the
 * job as a whole. X(name, number in the store, word on the wire). */
#define DR_JOB_STATE_LIST(X)                                                                       \
    X(DR_JOB_STATE_IN_PROGRESS, 1, "IN_PROGRESS")                                                  \
    X(DR_JOB_STATE_COMPLETED, 2, "COMPLETED")                                                      \
    X(DR_JOB_STATE_CANCELED, 3, "CANCELED")                                                        \
    X(DR_JOB_STATE_SCHEDULED, 4, "SCHEDULED")                                                      \
    X(DR_JOB_STATE_DELETION_IN_PROGRESS, 5, "DELETION_IN_PROGRESS")

enum dr_job_state {
#define DR_JOB_STATE_ENUM(name, number, word) name = number,
    DR_JOB_STATE_LIST(DR_JOB_STATE_ENUM)
#undef DR_JOB_STATE_ENUM
};

/* Who asks for a transition. */
enum dr_job_actor {
    DR_JOB_ACTOR_DEVICE,        /* UpdateJobExecution */
    DR_JOB_ACTOR_SERVICE,       /* start-next, time-outs, removal from a target group */
    DR_JOB_ACTOR_OPERATOR,      /* CancelJob, CancelJobExecution */
    DR_JOB_ACTOR_OPERATOR_FORCE /* the same with force */
};

#define DR_JOB_TIMEOUT_MINUTES_MAX 10080u
#define DR_JOB_STEP_UNCHANGED 0  /* no stepTimeoutInMinutes in the request */
#define DR_JOB_STEP_DISCARD (-1) /* stepTimeoutInMinutes -1: the step timer is dropped */
#define DR_JOB_PENDING_MAX 256u
#define DR_JOB_CHUNK 200u /* executions made in one transaction, so that it takes under 50 ms */

/* The part of an execution that the rules work on. */
struct dr_execution {
    uint64_t id; /* unique over all executions ever made, grows with creation */
    enum dr_job_status status;
    uint32_t number;  /* executionNumber, from 1 per (job, thing) */
    uint32_t version; /* versionNumber, from 1 */
    int64_t queued_ms;
    int64_t started_ms;
    int64_t updated_ms;
    int64_t in_progress_deadline_ms; /* set on the way to IN_PROGRESS, never changed after */
    int64_t step_deadline_ms;
};

struct dr_execution_change {
    enum dr_job_status status;
    enum dr_job_actor actor;
    bool has_expected_version;
    uint64_t expected_version;
    int32_t step_minutes; /* DR_JOB_STEP_UNCHANGED, DR_JOB_STEP_DISCARD, 1 to 10080 */
    uint32_t in_progress_timeout_minutes; /* of the job; 0 = none */
};

/* One entry of a thing's list of pending executions. */
struct dr_pending {
    uint64_t id;
    enum dr_job_status status; /* QUEUED or IN_PROGRESS */
    int64_t queued_ms;
};

struct dr_notify {
    bool notify;      /* an execution entered or left the list */
    bool notify_next; /* the head is another one than before */
};

const char *dr_job_state_word(enum dr_job_state state); /* never NULL */

/* DR_E_NOT_FOUND: no such word; ret untouched. */
DR_MUST_USE enum dr_status
dr_execution_status_from_word(const char *word, enum dr_job_status *ret_status);
DR_MUST_USE enum dr_status dr_job_state_from_word(const char *word, enum dr_job_state *ret_state);

bool dr_execution_is_terminal(enum dr_job_status status);

/* May actor move an execution from one status to the other? IN_PROGRESS to itself is a progress
 * update and allowed to devices. */
bool dr_execution_may(enum dr_job_status from, enum dr_job_status to, enum dr_job_actor actor);

/* Fresh execution: QUEUED, version 1. */
void dr_execution_begin(
    struct dr_execution *execution, uint64_t id, uint32_t number, int64_t now_ms);

/* Apply one change. The state is judged before the version: a device that repeats its last word
 * learns that the execution is settled, not that its counter is old.
 *
 * DR_E_STATE     the transition is not allowed.
 * DR_E_CONFLICT  expected_version differs.
 * DR_E_RANGE     step_minutes is outside its range. */
DR_MUST_USE enum dr_status dr_execution_apply(
    struct dr_execution *execution, const struct dr_execution_change *change, int64_t now_ms);

/* The nearer of the two deadlines, 0 when no timer runs. */
int64_t dr_execution_deadline_ms(const struct dr_execution *execution);

/* approximateSecondsBeforeTimedOut; false when no timer runs. Never negative. */
bool dr_execution_seconds_left(
    const struct dr_execution *execution, int64_t now_ms, int64_t *ret_seconds);

/* One abort criterion: failures of a kind, as a share of the executions that ended. */
struct dr_job_abort {
    enum dr_job_status failure;    /* FAILED, REJECTED, TIMED_OUT; DR_JOB_NO_STATUS: any of them */
    uint32_t threshold_hundredths; /* of a percent, 1 to 10000 */
    uint64_t executed_min;         /* not looked at before so many ended */
};

/* Executions that ended on their things: SUCCEEDED, FAILED, REJECTED, TIMED_OUT. What was canceled
 * or removed says nothing about the update. counts: of a job's executions by status. */
uint64_t dr_job_executed(const uint64_t counts[DR_JOB_CANCELED + 1]);

/* Must the job be aborted? A criterion without threshold is never met. */
bool dr_job_abort_due(const struct dr_job_abort *abort, const uint64_t counts[DR_JOB_CANCELED + 1]);

/* Order of the pending list: IN_PROGRESS before QUEUED, then older queued_ms, then smaller id.
 * Negative, zero, positive as for qsort. */
int dr_pending_compare(const struct dr_pending *a, const struct dr_pending *b);

/* Whom to tell after a thing's list went from before to after. Both are in list order; an id is the
 * identity of an execution. A change of status inside the list tells nobody unless the head moves.
 */
struct dr_notify dr_notify_decide(
    const struct dr_pending *before, size_t before_count, const struct dr_pending *after,
    size_t after_count);

#endif

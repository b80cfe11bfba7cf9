/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/model/job.h"

#include "base/check.h"

#include <string.h>

#define MINUTE_MS 60000

struct word {
    int number;
    const char *text;
};

static const struct word state_words[] = {
#define WORD(name, number, word) {number, word},
    DR_JOB_STATE_LIST(WORD)};

static const struct word status_words[] = {DR_JOB_STATUS_LIST(WORD)};
#undef WORD

static const char *word_of(const struct word *words, size_t count, int number)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i].number == number) {
            return words[i].text;
        }
    }
    return "UNKNOWN";
}

static enum dr_status
number_of(const struct word *words, size_t count, const char *text, int *ret_number)
{
    for (size_t i = 0; text != NULL && i < count; i++) {
        if (strcmp(words[i].text, text) == 0) {
            *ret_number = words[i].number;
            return DR_OK;
        }
    }
    return DR_E_NOT_FOUND;
}

const char *dr_job_state_word(enum dr_job_state state)
{
    return word_of(state_words, DR_ARRAY_COUNT(state_words), (int)state);
}

enum dr_status dr_execution_status_from_word(const char *word, enum dr_job_status *ret_status)
{
    int number = 0;
    DR_TRY(number_of(status_words, DR_ARRAY_COUNT(status_words), word, &number));
    *ret_status = (enum dr_job_status)number;
    return DR_OK;
}

enum dr_status dr_job_state_from_word(const char *word, enum dr_job_state *ret_state)
{
    int number = 0;
    DR_TRY(number_of(state_words, DR_ARRAY_COUNT(state_words), word, &number));
    *ret_state = (enum dr_job_state)number;
    return DR_OK;
}

bool dr_execution_is_terminal(enum dr_job_status status)
{
    return status != DR_JOB_QUEUED && status != DR_JOB_IN_PROGRESS;
}

#define TO(status) (1u << (unsigned)(status))

/* What each actor may make of an execution that is still pending. Terminal states have no row:
 * nothing leaves them. */
static const uint16_t allowed[DR_JOB_IN_PROGRESS + 1][4] = {
    [DR_JOB_QUEUED] =
        {
            [DR_JOB_ACTOR_DEVICE] = TO(DR_JOB_IN_PROGRESS) | TO(DR_JOB_SUCCEEDED) |
                                    TO(DR_JOB_FAILED) | TO(DR_JOB_REJECTED),
            [DR_JOB_ACTOR_SERVICE] =
                TO(DR_JOB_IN_PROGRESS) | TO(DR_JOB_REMOVED) | TO(DR_JOB_CANCELED),
            [DR_JOB_ACTOR_OPERATOR] = TO(DR_JOB_CANCELED),
            [DR_JOB_ACTOR_OPERATOR_FORCE] = TO(DR_JOB_CANCELED),
        },
    [DR_JOB_IN_PROGRESS] =
        {
            [DR_JOB_ACTOR_DEVICE] = TO(DR_JOB_IN_PROGRESS) | TO(DR_JOB_SUCCEEDED) |
                                    TO(DR_JOB_FAILED) | TO(DR_JOB_REJECTED),
            [DR_JOB_ACTOR_SERVICE] = TO(DR_JOB_TIMED_OUT) | TO(DR_JOB_REMOVED),
            [DR_JOB_ACTOR_OPERATOR] = 0,
            [DR_JOB_ACTOR_OPERATOR_FORCE] = TO(DR_JOB_CANCELED),
        },
};

bool dr_execution_may(enum dr_job_status from, enum dr_job_status to, enum dr_job_actor actor)
{
    if (dr_execution_is_terminal(from) || (unsigned)to > DR_JOB_CANCELED ||
        to == DR_JOB_NO_STATUS) {
        return false;
    }
    return (allowed[from][actor] & TO(to)) != 0;
}

void dr_execution_begin(
    struct dr_execution *execution, uint64_t id, uint32_t number, int64_t now_ms)
{
    *execution = (struct dr_execution){
        .id = id,
        .status = DR_JOB_QUEUED,
        .number = number,
        .version = 1,
        .queued_ms = now_ms,
        .updated_ms = now_ms,
    };
}

/* Each new step timer replaces the one before, and none reaches past the in-progress timer. */
static void set_step(struct dr_execution *execution, int32_t step_minutes, int64_t now_ms)
{
    if (step_minutes == DR_JOB_STEP_DISCARD) {
        execution->step_deadline_ms = 0;
    } else if (step_minutes > 0) {
        int64_t deadline_ms = now_ms + (int64_t)step_minutes * MINUTE_MS;
        int64_t bound_ms = execution->in_progress_deadline_ms;
        execution->step_deadline_ms =
            bound_ms != 0 && bound_ms < deadline_ms ? bound_ms : deadline_ms;
    }
}

enum dr_status dr_execution_apply(
    struct dr_execution *execution, const struct dr_execution_change *change, int64_t now_ms)
{
    bool step_known =
        change->step_minutes == DR_JOB_STEP_UNCHANGED ||
        change->step_minutes == DR_JOB_STEP_DISCARD ||
        (change->step_minutes > 0 && change->step_minutes <= (int32_t)DR_JOB_TIMEOUT_MINUTES_MAX);
    if (!step_known) {
        return DR_E_RANGE;
    }
    if (!dr_execution_may(execution->status, change->status, change->actor)) {
        return DR_E_STATE;
    }
    if (change->has_expected_version && change->expected_version != execution->version) {
        return DR_E_CONFLICT;
    }

    bool starts = change->status == DR_JOB_IN_PROGRESS && execution->started_ms == 0;
    if (starts) {
        execution->started_ms = now_ms;
        if (change->in_progress_timeout_minutes != 0) {
            execution->in_progress_deadline_ms =
                now_ms + (int64_t)change->in_progress_timeout_minutes * MINUTE_MS;
        }
    }
    execution->status = change->status;
    execution->updated_ms = now_ms;
    execution->version++;
    if (dr_execution_is_terminal(change->status)) {
        execution->in_progress_deadline_ms = 0;
        execution->step_deadline_ms = 0;
    } else {
        set_step(execution, change->step_minutes, now_ms);
    }
    return DR_OK;
}

int64_t dr_execution_deadline_ms(const struct dr_execution *execution)
{
    int64_t whole_ms = execution->in_progress_deadline_ms;
    int64_t step_ms = execution->step_deadline_ms;
    if (whole_ms == 0 || step_ms == 0) {
        return whole_ms + step_ms;
    }
    return whole_ms < step_ms ? whole_ms : step_ms;
}

bool dr_execution_seconds_left(
    const struct dr_execution *execution, int64_t now_ms, int64_t *ret_seconds)
{
    int64_t deadline_ms = dr_execution_deadline_ms(execution);
    if (deadline_ms == 0) {
        return false;
    }
    *ret_seconds = deadline_ms > now_ms ? (deadline_ms - now_ms) / 1000 : 0;
    return true;
}

uint64_t dr_job_executed(const uint64_t counts[DR_JOB_CANCELED + 1])
{
    return counts[DR_JOB_SUCCEEDED] + counts[DR_JOB_FAILED] + counts[DR_JOB_REJECTED] +
           counts[DR_JOB_TIMED_OUT];
}

bool dr_job_abort_due(const struct dr_job_abort *abort, const uint64_t counts[DR_JOB_CANCELED + 1])
{
    uint64_t executed = dr_job_executed(counts);
    uint64_t failed = abort->failure == DR_JOB_NO_STATUS ? executed - counts[DR_JOB_SUCCEEDED]
                                                         : counts[abort->failure];
    return abort->threshold_hundredths != 0 && failed != 0 && executed >= abort->executed_min &&
           failed * 10000 >= abort->threshold_hundredths * executed;
}

int dr_pending_compare(const struct dr_pending *a, const struct dr_pending *b)
{
    if (a->status != b->status) {
        return a->status == DR_JOB_IN_PROGRESS ? -1 : 1;
    }
    if (a->queued_ms != b->queued_ms) {
        return a->queued_ms < b->queued_ms ? -1 : 1;
    }
    return a->id == b->id ? 0 : a->id < b->id ? -1 : 1;
}

static bool list_has(const struct dr_pending *list, size_t count, uint64_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].id == id) {
            return true;
        }
    }
    return false;
}

struct dr_notify dr_notify_decide(
    const struct dr_pending *before, size_t before_count, const struct dr_pending *after,
    size_t after_count)
{
    struct dr_notify result = {0};
    result.notify = before_count != after_count;
    for (size_t i = 0; i < after_count && !result.notify; i++) {
        result.notify = !list_has(before, before_count, after[i].id);
    }
    uint64_t head_before = before_count != 0 ? before[0].id : 0;
    uint64_t head_after = after_count != 0 ? after[0].id : 0;
    result.notify_next = head_before != head_after;
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The status machine, timers, and the series of notifications of the developer guide. */
#include "cloud/model/job.h"

#include "tests/unit/check.h"

#define MINUTE 60000

static const enum dr_job_status all[] = {
    DR_JOB_QUEUED,    DR_JOB_IN_PROGRESS, DR_JOB_SUCCEEDED, DR_JOB_FAILED,
    DR_JOB_TIMED_OUT, DR_JOB_REJECTED,    DR_JOB_REMOVED,   DR_JOB_CANCELED,
};

/* One letter per target status: Queued, In progress, Succeeded, Failed, Timed out, reJected,
 * reMoved, Canceled. */
static const char letters[] = "QISFTJMC";

struct allowed {
    enum dr_job_status from;
    enum dr_job_actor actor;
    const char *to;
};

static const struct allowed table[] = {
    {DR_JOB_QUEUED, DR_JOB_ACTOR_DEVICE, "ISFJ"},
    {DR_JOB_QUEUED, DR_JOB_ACTOR_SERVICE, "IMC"},
    {DR_JOB_QUEUED, DR_JOB_ACTOR_OPERATOR, "C"},
    {DR_JOB_QUEUED, DR_JOB_ACTOR_OPERATOR_FORCE, "C"},
    {DR_JOB_IN_PROGRESS, DR_JOB_ACTOR_DEVICE, "ISFJ"},
    {DR_JOB_IN_PROGRESS, DR_JOB_ACTOR_SERVICE, "TM"},
    {DR_JOB_IN_PROGRESS, DR_JOB_ACTOR_OPERATOR, ""},
    {DR_JOB_IN_PROGRESS, DR_JOB_ACTOR_OPERATOR_FORCE, "C"},
};

static void transitions(void)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(table); i++) {
        for (size_t to = 0; to < DR_ARRAY_COUNT(all); to++) {
            bool want = strchr(table[i].to, letters[to]) != NULL;
            EXPECT(dr_execution_may(table[i].from, all[to], table[i].actor) == want);
        }
    }
    for (size_t from = 2; from < DR_ARRAY_COUNT(all); from++) {
        EXPECT(dr_execution_is_terminal(all[from]));
        for (size_t to = 0; to < DR_ARRAY_COUNT(all); to++) {
            for (int actor = DR_JOB_ACTOR_DEVICE; actor <= DR_JOB_ACTOR_OPERATOR_FORCE; actor++) {
                EXPECT(!dr_execution_may(all[from], all[to], (enum dr_job_actor)actor));
            }
        }
    }
}

static void words(void)
{
    enum dr_job_status status = DR_JOB_NO_STATUS;
    enum dr_job_state state = DR_JOB_STATE_IN_PROGRESS;
    for (size_t i = 0; i < DR_ARRAY_COUNT(all); i++) {
        EXPECT_EQ(dr_execution_status_from_word(dr_job_status_word(all[i]), &status), DR_OK);
        EXPECT_EQ(status, all[i]);
    }
    EXPECT_EQ(dr_execution_status_from_word("queued", &status), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_execution_status_from_word(NULL, &status), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_job_state_from_word("COMPLETED", &state), DR_OK);
    EXPECT_EQ(state, DR_JOB_STATE_COMPLETED);
    EXPECT_STR(dr_job_state_word(DR_JOB_STATE_CANCELED), "CANCELED");
}

static struct dr_execution_change
change(enum dr_job_status status, enum dr_job_actor actor, int32_t step_minutes)
{
    return (struct dr_execution_change){
        .status = status,
        .actor = actor,
        .step_minutes = step_minutes,
        .in_progress_timeout_minutes = 20};
}

static void versions(void)
{
    struct dr_execution execution;
    struct dr_execution_change one = change(DR_JOB_IN_PROGRESS, DR_JOB_ACTOR_DEVICE, 0);
    dr_execution_begin(&execution, 7, 1, 1000);
    EXPECT_EQ(execution.version, 1);
    one.has_expected_version = true;
    one.expected_version = 2;
    EXPECT_EQ(dr_execution_apply(&execution, &one, 2000), DR_E_CONFLICT);
    EXPECT_EQ(execution.version, 1);
    EXPECT_EQ(execution.status, DR_JOB_QUEUED);
    one.expected_version = 1;
    EXPECT_EQ(dr_execution_apply(&execution, &one, 2000), DR_OK);
    EXPECT_EQ(execution.version, 2);
    EXPECT_EQ(execution.started_ms, 2000);
    one.expected_version = 2;
    EXPECT_EQ(dr_execution_apply(&execution, &one, 3000), DR_OK);
    EXPECT_EQ(execution.version, 3);
    EXPECT_EQ(execution.started_ms, 2000);
    one.status = DR_JOB_SUCCEEDED;
    one.expected_version = 3;
    EXPECT_EQ(dr_execution_apply(&execution, &one, 4000), DR_OK);
    EXPECT_EQ(dr_execution_deadline_ms(&execution), 0);
    /* Settled: the old version number is not what a repeated last word hears about. */
    EXPECT_EQ(dr_execution_apply(&execution, &one, 5000), DR_E_STATE);
    EXPECT_EQ(execution.version, 4);
}

/* In-progress timer of 20 minutes from 12:00; step 7 at 12:05 ends 12:12; step 5 at 12:10 ends
 * 12:15; step 9 at 12:13 is cut to 12:20. */
static void timers(void)
{
    struct dr_execution execution;
    int64_t noon = 12 * 60 * MINUTE;
    int64_t seconds = 0;
    dr_execution_begin(&execution, 1, 1, noon - MINUTE);
    EXPECT(!dr_execution_seconds_left(&execution, noon, &seconds));
    struct dr_execution_change one = change(DR_JOB_IN_PROGRESS, DR_JOB_ACTOR_SERVICE, 0);
    EXPECT_EQ(dr_execution_apply(&execution, &one, noon), DR_OK);
    EXPECT_EQ(dr_execution_deadline_ms(&execution), noon + 20 * MINUTE);
    one = change(DR_JOB_IN_PROGRESS, DR_JOB_ACTOR_DEVICE, 7);
    EXPECT_EQ(dr_execution_apply(&execution, &one, noon + 5 * MINUTE), DR_OK);
    EXPECT_EQ(dr_execution_deadline_ms(&execution), noon + 12 * MINUTE);
    one.step_minutes = 5;
    EXPECT_EQ(dr_execution_apply(&execution, &one, noon + 10 * MINUTE), DR_OK);
    EXPECT_EQ(dr_execution_deadline_ms(&execution), noon + 15 * MINUTE);
    one.step_minutes = 9;
    EXPECT_EQ(dr_execution_apply(&execution, &one, noon + 13 * MINUTE), DR_OK);
    EXPECT_EQ(dr_execution_deadline_ms(&execution), noon + 20 * MINUTE);
    EXPECT(dr_execution_seconds_left(&execution, noon + 19 * MINUTE, &seconds));
    EXPECT_EQ(seconds, 60);
    EXPECT(dr_execution_seconds_left(&execution, noon + 25 * MINUTE, &seconds));
    EXPECT_EQ(seconds, 0);
    one.step_minutes = DR_JOB_STEP_DISCARD;
    EXPECT_EQ(dr_execution_apply(&execution, &one, noon + 14 * MINUTE), DR_OK);
    EXPECT_EQ(execution.step_deadline_ms, 0);
    one.step_minutes = 10081;
    EXPECT_EQ(dr_execution_apply(&execution, &one, noon + 14 * MINUTE), DR_E_RANGE);
    one.step_minutes = -2;
    EXPECT_EQ(dr_execution_apply(&execution, &one, noon + 14 * MINUTE), DR_E_RANGE);
}

static void order(void)
{
    struct dr_pending running = {5, DR_JOB_IN_PROGRESS, 500};
    struct dr_pending older = {2, DR_JOB_QUEUED, 100};
    struct dr_pending newer = {1, DR_JOB_QUEUED, 200};
    struct dr_pending same_time = {3, DR_JOB_QUEUED, 100};
    EXPECT(dr_pending_compare(&running, &older) < 0);
    EXPECT(dr_pending_compare(&older, &running) > 0);
    EXPECT(dr_pending_compare(&older, &newer) < 0);
    EXPECT(dr_pending_compare(&older, &same_time) < 0);
    EXPECT_EQ(dr_pending_compare(&older, &older), 0);
}

/* Lists as text: lower case queued, upper case in progress, first is the head. */
struct series {
    const char *title;
    const char *before;
    const char *after;
    bool notify;
    bool notify_next;
};

static const struct series notifications[] = {
    {"queued, list was empty", "", "a", true, true},
    {"queued behind others", "a", "ab", true, false},
    {"queued behind one in progress", "A", "Ab", true, false},
    {"head starts", "ab", "Ab", false, false},
    {"another starts and becomes head", "ab", "Ba", false, true},
    {"another starts behind one in progress", "Abc", "ACb", false, false},
    {"progress update", "Ab", "Ab", false, false},
    {"head ends, another follows", "Ab", "b", true, true},
    {"head ends, list is empty", "A", "", true, true},
    {"another ends", "ABc", "Ac", true, false},
    {"queued one canceled", "ab", "a", true, false},
    {"head retried: a new execution at the end", "Ab", "bc", true, true},
    {"nothing at all", "", "", false, false},
};

static size_t parse_list(const char *text, struct dr_pending *list)
{
    size_t count = 0;
    for (; text[count] != '\0'; count++) {
        bool running = text[count] >= 'A' && text[count] <= 'Z';
        list[count] = (struct dr_pending){
            .id = (uint64_t)(text[count] - (running ? 'A' : 'a')) + 1,
            .status = running ? DR_JOB_IN_PROGRESS : DR_JOB_QUEUED,
        };
    }
    return count;
}

static void notify_series(void)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(notifications); i++) {
        struct dr_pending before[8];
        struct dr_pending after[8];
        size_t before_count = parse_list(notifications[i].before, before);
        size_t after_count = parse_list(notifications[i].after, after);
        struct dr_notify got = dr_notify_decide(before, before_count, after, after_count);
        if (got.notify != notifications[i].notify ||
            got.notify_next != notifications[i].notify_next) {
            fprintf(stderr, "row \"%s\"\n", notifications[i].title);
        }
        EXPECT(got.notify == notifications[i].notify);
        EXPECT(got.notify_next == notifications[i].notify_next);
    }
}

static void abort_criteria(void)
{
    static const struct {
        struct dr_job_abort abort;
        uint64_t succeeded, failed, timed_out, rejected;
        bool due;
    } rows[] = {
        {{DR_JOB_FAILED, 1000, 1}, 9, 1, 0, 0, true},
        {{DR_JOB_FAILED, 1001, 1}, 9, 1, 0, 0, false},
        {{DR_JOB_FAILED, 1000, 11}, 9, 1, 0, 0, false},
        {{DR_JOB_FAILED, 1000, 10}, 9, 0, 1, 0, false},
        {{DR_JOB_TIMED_OUT, 1000, 10}, 9, 0, 1, 0, true},
        {{DR_JOB_REJECTED, 10000, 1}, 0, 0, 0, 3, true},
        {{DR_JOB_NO_STATUS, 3000, 10}, 7, 1, 1, 1, true},
        {{DR_JOB_NO_STATUS, 1, 0}, 5, 0, 0, 0, false}, /* nothing failed */
        {{DR_JOB_NO_STATUS, 0, 0}, 0, 1, 0, 0, false}, /* no threshold */
        {{DR_JOB_NO_STATUS, 1, 0}, 0, 0, 0, 0, false},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        uint64_t counts[DR_JOB_CANCELED + 1] = {
            [DR_JOB_QUEUED] = 7,
            [DR_JOB_IN_PROGRESS] = 7,
            [DR_JOB_REMOVED] = 7,
            [DR_JOB_CANCELED] = 7,
            [DR_JOB_SUCCEEDED] = rows[i].succeeded,
            [DR_JOB_FAILED] = rows[i].failed,
            [DR_JOB_TIMED_OUT] = rows[i].timed_out,
            [DR_JOB_REJECTED] = rows[i].rejected,
        };
        EXPECT_EQ(dr_job_abort_due(&rows[i].abort, counts), rows[i].due);
    }
}

DR_TEST_MAIN(transitions, words, versions, timers, order, notify_series, abort_criteria)

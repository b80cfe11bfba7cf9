/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One writer with grouped commits, answers after the commit, a full store. */
#include "tests/unit/store_rig.h"

#include <pthread.h>

static void reopen_keeps_rows(void)
{
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    uint64_t epoch = dr_store_epoch(store);
    EXPECT(epoch != 0);
    EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    EXPECT_EQ(count_rows("a"), 1);
    dr_store_close(store);
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(count_rows("a"), 1);
    EXPECT(dr_store_epoch(store) == epoch);
    dr_store_close(store);
    end();
}

/* A copy put back in place of the store is another store to whoever remembers row ids. */ /* ----
                                                                                              groups
                                                                                              ----
                                                                                            */

#define MEMBERS 500

struct member {
    enum dr_status wish; /* what run returns after it has written */
    enum dr_status outcome;
    int runs;
    int completions;
};

static struct member members[MEMBERS];

static enum dr_status run_member(void *context, struct dr_db *db)
{
    struct member *member = context;
    member->runs++;
    DR_TRY(write_row(db, member->wish == DR_OK ? "good" : "bad"));
    return member->wish;
}

static void end_member(void *context, enum dr_status status)
{
    struct member *member = context;
    member->outcome = status;
    member->completions++;
}

/* A member that fails takes nothing of the others with it, and leaves nothing itself. */
static void failing_member_is_undone_alone(void)
{
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    memset(members, 0, sizeof members);
    for (size_t i = 0; i < MEMBERS; i++) {
        members[i].wish = i % 7 == 3 ? DR_E_CONFLICT : DR_OK;
        struct dr_mutation mutation = {run_member, end_member, &members[i]};
        EXPECT_EQ(dr_store_submit(store, &mutation), DR_OK);
    }
    EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    int64_t good = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        EXPECT_EQ(members[i].completions, 1);
        EXPECT_EQ(members[i].outcome, members[i].wish);
        good += members[i].wish == DR_OK;
    }
    EXPECT_EQ(count_rows("good"), good);
    EXPECT_EQ(count_rows("bad"), 0);
    dr_store_close(store);
    end();
}

/* While the writer is held, work piles up; then it is committed in few groups. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static enum dr_status run_held(void *context, struct dr_db *db)
{
    (void)context;
    (void)pthread_mutex_lock(&gate);
    (void)pthread_mutex_unlock(&gate);
    return write_row(db, "held");
}

static int64_t data_version(struct dr_db *db)
{
    int64_t version = 0;
    EXPECT_EQ(dr_db_int(db, "PRAGMA data_version", DR_NO_VALUES, &version), DR_OK);
    return version;
}

struct watcher {
    int64_t last;
    unsigned commits;
};

/* Completions of one group see the same database; the version a reader sees changes per commit. */
static void count_commit(void *context, enum dr_status status)
{
    struct watcher *watcher = context;
    struct dr_db *db = NULL;
    EXPECT_EQ(status, DR_OK);
    EXPECT_EQ(dr_store_read_begin(store, &db), DR_OK);
    int64_t version = data_version(db);
    dr_store_read_end(store, db);
    if (version != watcher->last) {
        watcher->last = version;
        watcher->commits++;
    }
}

static enum dr_status run_watched(void *context, struct dr_db *db)
{
    (void)context;
    return write_row(db, "watched");
}

static void waiting_mutations_share_commits(void)
{
    static struct watcher watcher;
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    (void)pthread_mutex_lock(&gate);
    struct dr_mutation held = {run_held, NULL, NULL};
    EXPECT_EQ(dr_store_submit(store, &held), DR_OK);
    watcher = (struct watcher){0};
    for (unsigned i = 0; i < 256; i++) {
        struct dr_mutation mutation = {run_watched, count_commit, &watcher};
        EXPECT_EQ(dr_store_submit(store, &mutation), DR_OK);
    }
    (void)pthread_mutex_unlock(&gate);
    EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    EXPECT_EQ(count_rows("watched"), 256);
    /* 4 or 5 groups of at most 64; more only when 5 ms did not suffice for 64 rows. */
    EXPECT(watcher.commits >= 4);
    EXPECT(watcher.commits <= 64);
    dr_store_close(store);
    end();
}

/* Many threads at once: every answer comes after its commit and is true. */
static void *writer_thread(void *argument)
{
    char actor[16];
    snprintf(actor, sizeof actor, "t%ld", (long)(intptr_t)argument);
    for (int i = 0; i < 50; i++) {
        if (dr_store_write(store, run_row, actor) != DR_OK || count_rows(actor) != i + 1) {
            return (void *)1;
        }
    }
    return NULL;
}

static void many_threads(void)
{
    pthread_t threads[4];
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    for (intptr_t i = 0; i < 4; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, writer_thread, (void *)i) == 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        EXPECT_EQ(pthread_join(threads[i], &failed), 0);
        EXPECT(failed == NULL);
    }
    dr_store_close(store);
    end();
}

/* ---- full ---- */

static char filler[3000];

static enum dr_status run_big(void *context, struct dr_db *db)
{
    struct dr_audit_entry entry = {
        .at_ms = 1, .actor = context, .action = "Big", .resource = "r", .detail = filler};
    return dr_audit_add(db, &entry);
}

static enum dr_status run_make_room(void *context, struct dr_db *db)
{
    (void)context;
    return dr_db_run(db, "DELETE FROM audit WHERE action = 'Big'", DR_NO_VALUES);
}

static void full_store_refuses_and_recovers(void)
{
    static char big[] = "big";
    REQUIRE(begin());
    memset(filler, 'x', sizeof filler - 1);
    REQUIRE(open_store(0) == DR_OK);
    dr_store_close(store);
    REQUIRE(open_store(80) == DR_OK);
    int64_t written = 0;
    enum dr_status status = DR_OK;
    while (status == DR_OK && written < 1000) {
        status = dr_store_write(store, run_big, big);
        written += status == DR_OK;
    }
    EXPECT_EQ(status, DR_E_SPACE);
    EXPECT(written > 0 && written < 1000);
    EXPECT_EQ(count_rows("big"), written); /* all that was answered, nothing else */

    /* In one group with one that does not fit, one that does still gets its answer. */
    memset(members, 0, sizeof members);
    (void)pthread_mutex_lock(&gate);
    struct dr_mutation held = {run_held, NULL, NULL};
    struct dr_mutation small = {run_member, end_member, &members[0]};
    struct dr_mutation large = {run_big, NULL, big};
    EXPECT_EQ(dr_store_submit(store, &held), DR_OK);
    EXPECT_EQ(dr_store_submit(store, &large), DR_OK);
    EXPECT_EQ(dr_store_submit(store, &small), DR_OK);
    (void)pthread_mutex_unlock(&gate);
    EXPECT_EQ(dr_store_write(store, run_make_room, NULL), DR_OK);
    EXPECT_EQ(members[0].completions, 1);
    EXPECT_EQ(dr_store_write(store, run_big, big), DR_OK);
    EXPECT_EQ(count_rows("good"), members[0].outcome == DR_OK ? 1 : 0);
    dr_store_close(store);
    end();
}

/* ---- parts that fail alone ---- */

static enum dr_status run_part(void *context, struct dr_db *db)
{
    const enum dr_status *wish = context;
    DR_TRY(write_row(db, "part"));
    return *wish;
}

static enum dr_status run_attempt(void *context, struct dr_db *db)
{
    enum dr_status *wish_and_outcome = context;
    DR_TRY(write_row(db, "whole"));
    return dr_db_attempt(db, run_part, &wish_and_outcome[0], &wish_and_outcome[1]);
}

static enum dr_status run_full_attempt(void *context, struct dr_db *db)
{
    enum dr_status outcome = DR_OK;
    return dr_db_attempt(db, run_big, context, &outcome);
}

static void a_part_fails_alone(void)
{
    enum dr_status fails[2] = {DR_E_SPACE, DR_OK};
    enum dr_status works[2] = {DR_OK, DR_E_INTERNAL};
    static char big[] = "big";
    memset(filler, 'x', sizeof filler - 1);
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    dr_store_close(store);
    REQUIRE(open_store(80) == DR_OK);
    EXPECT_EQ(dr_store_write(store, run_attempt, fails), DR_OK);
    EXPECT_EQ(fails[1], DR_E_SPACE);
    EXPECT_EQ(count_rows("whole"), 1);
    EXPECT_EQ(count_rows("part"), 0);
    EXPECT_EQ(dr_store_write(store, run_attempt, works), DR_OK);
    EXPECT_EQ(works[1], DR_OK);
    EXPECT_EQ(count_rows("whole"), 2);
    EXPECT_EQ(count_rows("part"), 1);
    /* A store that is full is not the part's fault: the whole fails. */
    enum dr_status status = DR_OK;
    for (int i = 0; i < 1000 && status == DR_OK; i++) {
        status = dr_store_write(store, run_full_attempt, big);
    }
    EXPECT_EQ(status, DR_E_SPACE);
    dr_store_close(store);
    end();
}

/* A change that takes its time is remembered as the longest, once. */
static enum dr_status run_slowly(void *context, struct dr_db *db)
{
    (void)context;
    for (int i = 0; i < 2000; i++) {
        DR_TRY(write_row(db, "slow"));
    }
    return DR_OK;
}

static void the_longest_commit_is_remembered(void)
{
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    EXPECT(dr_store_take_longest_commit_us(store) > 0);
    EXPECT_EQ(dr_store_take_longest_commit_us(store), 0);
    EXPECT_EQ(dr_store_write(store, run_slowly, NULL), DR_OK);
    uint64_t slow_us = dr_store_take_longest_commit_us(store);
    EXPECT(slow_us > 1000); /* two thousand rows take longer than half a microsecond each */
    dr_store_close(store);
    end();
}

DR_TEST_MAIN(
    reopen_keeps_rows, failing_member_is_undone_alone, waiting_mutations_share_commits,
    many_threads, full_store_refuses_and_recovers, a_part_fails_alone,
    the_longest_commit_is_remembered)

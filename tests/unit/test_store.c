/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One writer with grouped commits; crashes, full and unwritable stores, a second daemon. */
#include "cloud/store/store.h"

#include "cloud/store/audit.h"
#include "cloud/store/outbox.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64];
static char path[128];
static char error[DR_STORE_ERROR_SIZE];
static struct dr_store *store;

static enum dr_status open_store(uint32_t max_pages)
{
    struct dr_store_options options = {.path = path, .max_pages = max_pages};
    return dr_store_open(&options, &store, error);
}

static bool begin(void)
{
    strcpy(directory, "/tmp/dr-store-XXXXXX");
    if (mkdtemp(directory) == NULL) {
        return false;
    }
    snprintf(path, sizeof path, "%s/daruma.db", directory);
    return true;
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    EXPECT_EQ(system(command), 0);
}

/* A row of the audit serves as something to write. */
static enum dr_status write_row(struct dr_db *db, const char *actor)
{
    struct dr_audit_entry entry = {
        .at_ms = 1, .actor = actor, .action = "Test", .resource = "r", .detail = ""};
    return dr_audit_add(db, &entry);
}

static int64_t count_rows(const char *actor)
{
    struct dr_db *db = NULL;
    int64_t count = -1;
    EXPECT_EQ(dr_store_read_begin(store, &db), DR_OK);
    EXPECT_EQ(
        dr_db_int(
            db, "SELECT count(*) FROM audit WHERE actor = ?1", DR_VALUES(dr_value_text(actor)),
            &count),
        DR_OK);
    dr_store_read_end(store, db);
    return count;
}

static enum dr_status run_row(void *context, struct dr_db *db)
{
    return write_row(db, context);
}

static char actor_a[] = "a";

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

/* A copy put back in place of the store is another store to whoever remembers row ids. */
static void restored_copy_gets_new_epoch(void)
{
    char command[512];
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    dr_store_close(store);
    snprintf(command, sizeof command, "cp %s %s.copy", path, path);
    REQUIRE(system(command) == 0);
    REQUIRE(open_store(0) == DR_OK);
    uint64_t epoch = dr_store_epoch(store);
    dr_store_close(store);
    snprintf(command, sizeof command, "mv %s.copy %s", path, path);
    REQUIRE(system(command) == 0);
    REQUIRE(open_store(0) == DR_OK);
    EXPECT(dr_store_epoch(store) != epoch);
    dr_store_close(store);
    end();
}

/* ---- groups ---- */

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

/* ---- refusals at opening ---- */

static void second_daemon_is_refused(void)
{
    struct dr_store *second = NULL;
    struct dr_store_options options = {.path = path};
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(dr_store_open(&options, &second, error), DR_E_BUSY);
    EXPECT(strstr(error, "another daemon") != NULL);
    dr_store_close(store);
    REQUIRE(open_store(0) == DR_OK); /* the lock went with the first */
    dr_store_close(store);
    end();
}

static bool write_at(const char *file, off_t offset, const void *data, size_t size)
{
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    bool written = fd >= 0 && pwrite(fd, data, size, offset) == (ssize_t)size;
    close(fd);
    return written;
}

static void damaged_store_is_refused(void)
{
    static uint8_t noise[4096];
    REQUIRE(begin());
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (uint8_t)(i * 31u + 7u);
    }
    REQUIRE(write_at(path, 0, noise, sizeof noise));
    EXPECT_EQ(open_store(0), DR_E_CORRUPT);
    EXPECT(error[0] != '\0');
    REQUIRE(unlink(path) == 0);

    REQUIRE(open_store(0) == DR_OK);
    for (int i = 0; i < 50; i++) {
        EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    }
    dr_store_close(store);
    struct stat info;
    REQUIRE(stat(path, &info) == 0);
    for (off_t page = 4096; page < info.st_size; page += 4096) { /* all but the first */
        REQUIRE(write_at(path, page, noise, 1024));
    }
    EXPECT_EQ(open_store(0), DR_E_CORRUPT);
    EXPECT(strstr(error, "damaged") != NULL || strstr(error, "malformed") != NULL);
    end();
}

static void foreign_and_newer_stores_are_refused(void)
{
    char command[256];
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    dr_store_close(store);
    uint8_t version[4] = {0, 0, 0, 99}; /* user_version stands at byte 60 of the file */
    REQUIRE(write_at(path, 60, version, sizeof version));
    EXPECT_EQ(open_store(0), DR_E_UNSUPPORTED);
    EXPECT(strstr(error, "99") != NULL);
    uint8_t application[4] = {1, 2, 3, 4}; /* application_id at byte 68 */
    REQUIRE(write_at(path, 68, application, sizeof application));
    EXPECT_EQ(open_store(0), DR_E_CORRUPT);
    EXPECT(strstr(error, "not a Daruma store") != NULL);
    snprintf(command, sizeof command, "rm -f %s*", path);
    EXPECT_EQ(system(command), 0);
    end();
}

/* Run in a child, without the right to write where the owner may. */
static int open_as_nobody(void)
{
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 &&
            (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(99);
        }
        enum dr_status status = open_store(0);
        _exit(status == DR_E_DENIED && error[0] != '\0' ? 0 : 1);
    }
    int result = -1;
    EXPECT(child > 0 && waitpid(child, &result, 0) == child);
    return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

static void unwritable_store_is_refused(void)
{
    char lock[160];
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    dr_store_close(store);
    snprintf(lock, sizeof lock, "%s.lock", path);
    REQUIRE(chmod(directory, 0555) == 0);
    REQUIRE(chmod(path, 0444) == 0);
    REQUIRE(chmod(lock, 0444) == 0);
    EXPECT_EQ(open_as_nobody(), 0); /* the lock cannot be taken */
    REQUIRE(chmod(lock, 0666) == 0);
    EXPECT_EQ(open_as_nobody(), 0); /* the database cannot be written */
    REQUIRE(chmod(directory, 0700) == 0);
    REQUIRE(chmod(path, 0600) == 0);
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(count_rows("a"), 1);
    dr_store_close(store);
    end();
}

/* ---- crash ---- */

/* The child reports each answered write on a pipe until it is killed. */
static void write_until_killed(int report)
{
    if (open_store(0) != DR_OK) {
        _exit(1);
    }
    for (;;) { /* bound: the parent kills */
        if (dr_store_write(store, run_row, actor_a) != DR_OK || write(report, "+", 1) != 1) {
            _exit(1);
        }
    }
}

static void killed_writer_loses_nothing_answered(void)
{
    int64_t answered = 0;
    REQUIRE(begin());
    for (int round = 0; round < 5; round++) {
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            write_until_killed(ends[1]);
        }
        REQUIRE(child > 0);
        close(ends[1]);
        char byte = 0;
        for (int i = 0; i < 20 + 7 * round && read(ends[0], &byte, 1) == 1; i++) {
            answered++;
        }
        kill(child, SIGKILL);
        while (read(ends[0], &byte, 1) == 1) {
            answered++;
        }
        close(ends[0]);
        EXPECT_EQ(waitpid(child, NULL, 0), child);
        REQUIRE(open_store(0) == DR_OK);
        int64_t kept = count_rows("a");
        EXPECT(kept >= answered);
        EXPECT(kept <= answered + 1); /* one may be committed and not yet reported */
        answered = kept;
        dr_store_close(store);
    }
    end();
}

/* ---- outbox and gate ---- */

static unsigned ready_calls;

static void on_ready(void *context)
{
    (void)context;
    ready_calls++;
}

static enum dr_status run_outbox(void *context, struct dr_db *db)
{
    struct dr_outbox_row row = {
        .kind = DR_OUTBOX_TO_CONNECTION,
        .qos = 1,
        .thing = "doll",
        .topic = context,
        .payload = (const uint8_t *)"{}",
        .payload_size = 2,
        .client_id = "doll",
        .session = 0xfedcba9876543210u};
    return dr_outbox_add(db, &row, 5);
}

static uint64_t seen_ids[8];
static size_t seen_count;

static bool see_row(void *context, const struct dr_outbox_row *row)
{
    (void)context;
    seen_ids[seen_count++] = row->id;
    EXPECT(row->session == 0xfedcba9876543210u);
    EXPECT_EQ(row->payload_size, 2);
    EXPECT_STR(row->thing, "doll");
    return seen_count < 8;
}

static void outbox_keeps_order_and_never_reuses_ids(void)
{
    static char topic[] = "t/accepted";
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    ready_calls = 0;
    dr_store_on_outbox(store, on_ready, NULL);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(dr_store_write(store, run_outbox, topic), DR_OK);
    }
    EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    dr_store_on_outbox(store, NULL, NULL);
    EXPECT_EQ(ready_calls, 3); /* not for the commit that added none */
    seen_count = 0;
    EXPECT_EQ(dr_outbox_fetch(store, 0, 2, see_row, NULL), DR_OK);
    EXPECT_EQ(seen_count, 2);
    EXPECT_EQ(dr_outbox_fetch(store, seen_ids[1], 10, see_row, NULL), DR_OK);
    EXPECT_EQ(seen_count, 3);
    EXPECT(seen_ids[0] < seen_ids[1] && seen_ids[1] < seen_ids[2]);
    EXPECT_EQ(dr_outbox_published(store, seen_ids, 3), DR_OK);
    EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    uint64_t last = seen_ids[2];
    dr_store_close(store);
    REQUIRE(open_store(0) == DR_OK);
    seen_count = 0;
    EXPECT_EQ(dr_outbox_fetch(store, 0, 10, see_row, NULL), DR_OK);
    EXPECT_EQ(seen_count, 0);
    EXPECT_EQ(dr_store_write(store, run_outbox, topic), DR_OK);
    EXPECT_EQ(dr_outbox_fetch(store, 0, 10, see_row, NULL), DR_OK);
    EXPECT_EQ(seen_count, 1);
    EXPECT(seen_ids[0] > last);
    dr_store_close(store);
    end();
}

struct mark {
    uint64_t boot;
    uint64_t number;
    uint64_t previous;
};

static enum dr_status run_mark(void *context, struct dr_db *db)
{
    const struct mark *mark = context;
    return dr_gate_mark(db, mark->boot, mark->number, mark->previous, 1);
}

static enum dr_status mark(uint64_t boot, uint64_t number, uint64_t previous)
{
    struct mark one = {boot, number, previous};
    return dr_store_write(store, run_mark, &one);
}

static void gate_numbers(void)
{
    uint64_t last = 0;
    uint64_t boot = 0xf000000000000001u;
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(dr_gate_last(store, boot, &last), DR_OK);
    EXPECT_EQ(last, 0);
    EXPECT_EQ(mark(boot, 5, 0), DR_OK); /* the oldest of the ring */
    EXPECT_EQ(mark(boot, 5, 0), DR_E_EXISTS);
    EXPECT_EQ(mark(boot, 4, 0), DR_E_EXISTS);
    EXPECT_EQ(mark(boot, 8, 5), DR_OK);       /* 6 and 7 were reads */
    EXPECT_EQ(mark(boot, 10, 9), DR_E_STATE); /* 9 failed: 10 must not overtake it */
    EXPECT_EQ(mark(boot, 9, 0), DR_OK);       /* sent again */
    EXPECT_EQ(mark(boot, 10, 9), DR_OK);
    EXPECT_EQ(mark(2, 1, 0), DR_OK); /* another boot begins anew */
    EXPECT_EQ(dr_gate_last(store, boot, &last), DR_OK);
    EXPECT_EQ(last, 10);
    for (uint64_t other = 10; other < 40; other++) {
        EXPECT_EQ(mark(other, 1, 0), DR_OK);
    }
    dr_store_close(store);
    end();
}

struct story {
    int64_t count;
};

static enum dr_status run_story(void *context, struct dr_db *db)
{
    struct story *story = context;
    for (int i = 0; i < 3 * (int)DR_TIMELINE_PER_THING; i++) {
        DR_TRY(dr_timeline_add(db, "doll", i, "report", "{}"));
    }
    DR_TRY(dr_timeline_add(db, "other", 1, "report", "{}"));
    return dr_db_int(
        db, "SELECT count(*) FROM timeline WHERE thing = 'doll'", DR_NO_VALUES, &story->count);
}

static void timeline_is_bounded(void)
{
    struct story story = {0};
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(dr_store_write(store, run_story, &story), DR_OK);
    EXPECT_EQ(story.count, DR_TIMELINE_PER_THING);
    dr_store_close(store);
    end();
}

DR_TEST_MAIN(
    reopen_keeps_rows, restored_copy_gets_new_epoch, failing_member_is_undone_alone,
    waiting_mutations_share_commits, many_threads, full_store_refuses_and_recovers,
    second_daemon_is_refused, damaged_store_is_refused, foreign_and_newer_stores_are_refused,
    unwritable_store_is_refused, killed_writer_loses_nothing_answered,
    outbox_keeps_order_and_never_reuses_ids, gate_numbers, timeline_is_bounded)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The one thread that writes.
 *
 * A group is opened when there is work and closed when the queue is empty, after 64 mutations, or
 * after 5 ms; nobody waits for a group to fill. Under load the queue fills while a commit is being
 * synced, so groups grow by themselves.
 *
 * SQLite may give up the whole transaction when one statement fails badly (full, I/O). Then, or
 * when the commit itself fails, the group is repeated one mutation per transaction, so that each
 * gets its own verdict.
 */
#include "base/check.h"
#include "cloud/store/store_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct waiting {
    struct waiting *next;
    struct dr_mutation mutation;
};

struct dr_writer_thread {
    struct dr_db *db;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    struct waiting *first;
    struct waiting *last;
    size_t count;
    bool is_stopping;
    uint64_t longest_us; /* group */

    pthread_mutex_t outbox_lock; /* guards what follows, held while it is called */
    void (*outbox_ready)(void *context);
    void *outbox_context;
};

struct group {
    struct waiting *members[DR_STORE_GROUP_MAX];
    enum dr_status statuses[DR_STORE_GROUP_MAX];
    size_t count;
};

static uint64_t clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static struct waiting *pop_locked(struct dr_writer_thread *writer)
{
    struct waiting *first = writer->first;
    if (first != NULL) {
        writer->first = first->next;
        writer->count--;
        if (writer->first == NULL) {
            writer->last = NULL;
        }
    }
    return first;
}

static struct waiting *try_pop(struct dr_writer_thread *writer)
{
    (void)pthread_mutex_lock(&writer->lock);
    struct waiting *waiting = pop_locked(writer);
    (void)pthread_mutex_unlock(&writer->lock);
    return waiting;
}

/* The next mutation; NULL when the writer is to stop and nothing is left. */
static struct waiting *wait_pop(struct dr_writer_thread *writer)
{
    (void)pthread_mutex_lock(&writer->lock);
    while (writer->first == NULL && !writer->is_stopping) {
        (void)pthread_cond_wait(&writer->work, &writer->lock);
    }
    struct waiting *waiting = pop_locked(writer);
    (void)pthread_mutex_unlock(&writer->lock);
    return waiting;
}

static void rollback(struct dr_db *db)
{
    if (dr_db_in_transaction(db)) {
        /* Nothing better is known when even this fails; the next BEGIN will tell. */
        DR_IGNORE(dr_db_script(db, "ROLLBACK"));
    }
    (void)dr_db_take_outbox_note(db);
}

/* Run one member under a savepoint. */
static enum dr_status run_member(struct dr_db *db, const struct dr_mutation *mutation)
{
    DR_TRY(dr_db_run(db, "SAVEPOINT member", DR_NO_VALUES));
    enum dr_status status = mutation->run(mutation->context, db);
    dr_db_reset_all(db);
    if (!dr_db_in_transaction(db)) {
        return status != DR_OK ? status : DR_E_INTERNAL;
    }
    if (status != DR_OK) {
        DR_TRY(dr_db_run(db, "ROLLBACK TO member", DR_NO_VALUES));
    }
    DR_TRY(dr_db_run(db, "RELEASE member", DR_NO_VALUES));
    return status;
}

static enum dr_status run_alone(struct dr_db *db, const struct dr_mutation *mutation)
{
    enum dr_status status = dr_db_run(db, "BEGIN IMMEDIATE", DR_NO_VALUES);
    if (status == DR_OK) {
        status = mutation->run(mutation->context, db);
        dr_db_reset_all(db);
    }
    if (status == DR_OK) {
        status = dr_db_in_transaction(db) ? dr_db_run(db, "COMMIT", DR_NO_VALUES) : DR_E_INTERNAL;
    }
    if (status != DR_OK) {
        rollback(db);
    }
    return status;
}

/* Fill the group and commit it. False: it has to be repeated one by one. */
static bool run_together(struct dr_writer_thread *writer, struct group *group)
{
    struct dr_db *db = writer->db;
    if (dr_db_run(db, "BEGIN IMMEDIATE", DR_NO_VALUES) != DR_OK) {
        return false;
    }
    uint64_t end_us = clock_us() + 1000u * DR_STORE_GROUP_MS;
    size_t done = 0;
    for (;;) { /* bound: DR_STORE_GROUP_MAX members */
        group->statuses[done] = run_member(db, &group->members[done]->mutation);
        done++;
        if (!dr_db_in_transaction(db)) {
            return false;
        }
        if (group->count == DR_STORE_GROUP_MAX || clock_us() >= end_us) {
            break;
        }
        struct waiting *next = try_pop(writer);
        if (next == NULL) {
            break;
        }
        group->members[group->count++] = next;
    }
    return dr_db_run(db, "COMMIT", DR_NO_VALUES) == DR_OK;
}

static void tell_outbox(struct dr_writer_thread *writer)
{
    (void)pthread_mutex_lock(&writer->outbox_lock);
    if (writer->outbox_ready != NULL) {
        writer->outbox_ready(writer->outbox_context);
    }
    (void)pthread_mutex_unlock(&writer->outbox_lock);
}

static void note_time(struct dr_writer_thread *writer, uint64_t took_us)
{
    (void)pthread_mutex_lock(&writer->lock);
    writer->longest_us = took_us > writer->longest_us ? took_us : writer->longest_us;
    (void)pthread_mutex_unlock(&writer->lock);
}

static void run_group(struct dr_writer_thread *writer, struct waiting *first)
{
    struct group group = {.members = {first}, .count = 1};
    bool outbox_added = false;
    uint64_t from_us = clock_us();
    if (run_together(writer, &group)) {
        outbox_added = dr_db_take_outbox_note(writer->db);
    } else {
        rollback(writer->db);
        for (size_t i = 0; i < group.count; i++) {
            group.statuses[i] = run_alone(writer->db, &group.members[i]->mutation);
            outbox_added |= dr_db_take_outbox_note(writer->db);
        }
    }
    note_time(writer, clock_us() - from_us);
    for (size_t i = 0; i < group.count; i++) {
        const struct dr_mutation *mutation = &group.members[i]->mutation;
        if (mutation->done != NULL) {
            mutation->done(mutation->context, group.statuses[i]);
        }
        free(group.members[i]);
    }
    if (outbox_added) {
        tell_outbox(writer);
    }
}

static void *writer_main(void *argument)
{
    struct dr_writer_thread *writer = argument;
    struct waiting *first = NULL;
    while ((first = wait_pop(writer)) != NULL) { /* bound: until stopped */
        run_group(writer, first);
    }
    return NULL;
}

enum dr_status dr_writer_thread_start(struct dr_db *db, struct dr_writer_thread **ret_writer)
{
    struct dr_writer_thread *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return DR_E_SPACE;
    }
    writer->db = db;
    (void)pthread_mutex_init(&writer->lock, NULL);
    (void)pthread_mutex_init(&writer->outbox_lock, NULL);
    (void)pthread_cond_init(&writer->work, NULL);
    if (pthread_create(&writer->thread, NULL, writer_main, writer) != 0) {
        (void)pthread_cond_destroy(&writer->work);
        (void)pthread_mutex_destroy(&writer->lock);
        (void)pthread_mutex_destroy(&writer->outbox_lock);
        free(writer);
        return DR_E_SPACE;
    }
    *ret_writer = writer;
    return DR_OK;
}

void dr_writer_thread_stop(struct dr_writer_thread *writer)
{
    (void)pthread_mutex_lock(&writer->lock);
    writer->is_stopping = true;
    (void)pthread_cond_signal(&writer->work);
    (void)pthread_mutex_unlock(&writer->lock);
    (void)pthread_join(writer->thread, NULL);
    DR_CHECK(writer->first == NULL);
    dr_db_close(writer->db);
    (void)pthread_cond_destroy(&writer->work);
    (void)pthread_mutex_destroy(&writer->lock);
    (void)pthread_mutex_destroy(&writer->outbox_lock);
    free(writer);
}

enum dr_status
dr_writer_thread_submit(struct dr_writer_thread *writer, const struct dr_mutation *mutation)
{
    struct waiting *waiting = malloc(sizeof *waiting);
    if (waiting == NULL) {
        return DR_E_SPACE;
    }
    *waiting = (struct waiting){.mutation = *mutation};
    (void)pthread_mutex_lock(&writer->lock);
    if (writer->count >= DR_STORE_QUEUE_MAX) {
        (void)pthread_mutex_unlock(&writer->lock);
        free(waiting);
        return DR_E_BUSY;
    }
    if (writer->last != NULL) {
        writer->last->next = waiting;
    } else {
        writer->first = waiting;
    }
    writer->last = waiting;
    writer->count++;
    (void)pthread_cond_signal(&writer->work);
    (void)pthread_mutex_unlock(&writer->lock);
    return DR_OK;
}

void dr_writer_thread_on_outbox(
    struct dr_writer_thread *writer, void (*ready)(void *context), void *context)
{
    (void)pthread_mutex_lock(&writer->outbox_lock);
    writer->outbox_ready = ready;
    writer->outbox_context = context;
    (void)pthread_mutex_unlock(&writer->outbox_lock);
}

uint64_t dr_writer_thread_take_longest_us(struct dr_writer_thread *writer)
{
    (void)pthread_mutex_lock(&writer->lock);
    uint64_t longest_us = writer->longest_us;
    writer->longest_us = 0;
    (void)pthread_mutex_unlock(&writer->lock);
    return longest_us;
}

bool dr_writer_thread_is_self(const struct dr_writer_thread *writer)
{
    return pthread_equal(pthread_self(), writer->thread) != 0;
}

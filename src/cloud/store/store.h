/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The database: one writer, many readers, answers only after the commit.
 *
 * One thread owns the writing connection. It takes waiting mutations in order, runs each under a
 * savepoint, and commits up to 64 of them (or 5 ms worth) at once; their completions are called
 * after the commit is on disk (WAL, synchronous=FULL). Reading uses one connection per calling
 * thread and sees the last commit.
 *
 * SQL is written where the data is understood, in cloud/registry and cloud/service; which database
 * runs it is known to store/sqlite.c alone. Statements are string literals, prepared once per
 * connection.
 *
 *     struct dr_rows rows;
 *     dr_db_select(db, &rows, "SELECT name, version FROM thing WHERE type = ?1",
 *                  DR_VALUES(dr_value_text(type)));
 *     while (dr_rows_next(&rows)) {
 *         use(dr_rows_text(&rows, 0), dr_rows_int(&rows, 1));
 *     }
 *     return dr_rows_end(&rows);
 */
#ifndef DR_CLOUD_STORE_STORE_H
#define DR_CLOUD_STORE_STORE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_store;
struct dr_db; /* a connection inside a transaction: the writer's or a reader's */

#define DR_STORE_GROUP_MAX 64u
#define DR_STORE_GROUP_MS 5u
#define DR_STORE_QUEUE_MAX 65536u
#define DR_STORE_ERROR_SIZE 256u
#define DR_STORE_SCHEMA_VERSION 1

struct dr_store_options {
    const char *path;   /* of the database file; "-wal", "-shm" and ".lock" stand beside it */
    uint32_t max_pages; /* 4 KiB each; a mutation beyond fails with DR_E_SPACE; 0 = no bound */
};

/* Open, check, migrate, start the writer.
 *
 * error  what a person reads when this fails; DR_STORE_ERROR_SIZE bytes.
 *
 * DR_E_BUSY         another daemon holds the lock.
 * DR_E_DENIED       the file or its directory cannot be written.
 * DR_E_CORRUPT      not a database, or its quick check fails.
 * DR_E_UNSUPPORTED  made by a newer version of this program.
 * DR_E_IO, DR_E_SPACE */
DR_MUST_USE enum dr_status
dr_store_open(const struct dr_store_options *options, struct dr_store **ret_store, char *error);

/* Runs what is queued, completes everything, stops the writer. No other thread uses the store any
 * more. NULL is fine. */
void dr_store_close(struct dr_store *store);

/* Random, made with the store, renewed when it is restored from a copy. Never 0. */
uint64_t dr_store_epoch(const struct dr_store *store);

/* Writing. */

/* One change. run may be called more than once (the group is repeated one by one when another of
 * its members spoils the transaction), so it touches nothing but the database and its context, and
 * starts by resetting what it keeps there. A status other than DR_OK undoes the change. done is
 * called exactly once, in the writer thread, after the commit; it must not wait for the store. */
struct dr_mutation {
    enum dr_status (*run)(void *context, struct dr_db *db);
    void (*done)(void *context, enum dr_status status);
    void *context;
};

/* Queue and return. DR_E_BUSY: the queue is full, nothing will be called. */
DR_MUST_USE enum dr_status
dr_store_submit(struct dr_store *store, const struct dr_mutation *mutation);

/* Queue and wait for the commit. Not from a completion. */
DR_MUST_USE enum dr_status dr_store_write(
    struct dr_store *store, enum dr_status (*run)(void *context, struct dr_db *db), void *context);

/* ready is called in the writer thread after each commit that added outbox rows; it may not call
 * this. NULL to stop: when this returns no call of the one before is under way. */
void dr_store_on_outbox(struct dr_store *store, void (*ready)(void *context), void *context);

/* How long the longest group took since this was last asked, from its first mutation to the end of
 * its commit: what a change may have had to wait for. Any thread. */
uint64_t dr_store_take_longest_commit_us(struct dr_store *store);

/* Reading. */

/* A consistent view until the matching end; both in the same thread. */
DR_MUST_USE enum dr_status dr_store_read_begin(struct dr_store *store, struct dr_db **ret_db);
void dr_store_read_end(struct dr_store *store, struct dr_db *db);

/* Statements. */

enum dr_value_kind { DR_VALUE_NULL, DR_VALUE_INT, DR_VALUE_TEXT, DR_VALUE_BLOB };

struct dr_value {
    enum dr_value_kind kind;
    int64_t number;
    const void *data; /* borrowed until the statement ends */
    size_t size_bytes;
};

struct dr_value dr_value_null(void);
struct dr_value dr_value_int(int64_t number);
struct dr_value dr_value_text(const char *text); /* NULL gives a null */
struct dr_value dr_value_blob(const void *data, size_t size_bytes);

/* The two arguments "values, count" of a call, from a list of values. */
#define DR_VALUES(...)                                                                             \
    (const struct dr_value[]){__VA_ARGS__},                                                        \
        sizeof((const struct dr_value[]){__VA_ARGS__}) / sizeof(struct dr_value)
#define DR_NO_VALUES NULL, 0u

struct dr_rows {
    struct dr_db *db;
    void *statement; /* private */
    enum dr_status status;
};

/* INSERT, UPDATE, DELETE. DR_E_EXISTS: a key is taken. DR_E_SPACE: the store is full. */
DR_MUST_USE enum dr_status
dr_db_run(struct dr_db *db, const char *sql, const struct dr_value *values, size_t value_count);
/* Run a part of a change that may fail alone: then what the part did is undone, *ret_outcome says
 * why, and DR_OK means that the change goes on. Any other result: the store itself failed, and the
 * caller fails with it. The caller has no select open; attempts do not nest. */
DR_MUST_USE enum dr_status dr_db_attempt(
    struct dr_db *db, enum dr_status (*run)(void *context, struct dr_db *db), void *context,
    enum dr_status *ret_outcome);

/* Rows touched by the last dr_db_run. */
uint64_t dr_db_changes(const struct dr_db *db);

/* Errors are latched in rows: next gives false, end tells. Every select is ended. */
void dr_db_select(
    struct dr_db *db, struct dr_rows *rows, const char *sql, const struct dr_value *values,
    size_t value_count);
bool dr_rows_next(struct dr_rows *rows);
bool dr_rows_is_null(const struct dr_rows *rows, int column);
int64_t dr_rows_int(const struct dr_rows *rows, int column);
/* Borrowed until the next row or the end. A null gives "" and size 0. */
const char *dr_rows_text(const struct dr_rows *rows, int column);
const void *dr_rows_blob(const struct dr_rows *rows, int column, size_t *ret_size_bytes);
DR_MUST_USE enum dr_status dr_rows_end(struct dr_rows *rows);

/* The first column of the first row. DR_E_NOT_FOUND: no row. */
DR_MUST_USE enum dr_status dr_db_int(
    struct dr_db *db, const char *sql, const struct dr_value *values, size_t value_count,
    int64_t *ret_number);

#endif

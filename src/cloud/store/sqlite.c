/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The only file that knows SQLite: connections, prepared statements, errors. */
#include "base/check.h"
#include "cloud/store/store_priv.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_SIZE 512u /* statements kept per connection; a power of two */
#define CACHE_PROBES 8u
#define BUSY_TIMEOUT_MS 5000

struct cached {
    const char *sql; /* identity of the literal */
    sqlite3_stmt *statement;
    bool is_busy;
};

struct dr_db {
    sqlite3 *handle;
    struct cached cache[CACHE_SIZE];
    bool outbox_added;
    bool has_failed; /* see note */
};

static enum dr_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return DR_OK;
    case SQLITE_CONSTRAINT:
        return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY
                   ? DR_E_EXISTS
                   : DR_E_INTERNAL;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
        return DR_E_SPACE;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return DR_E_DENIED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return DR_E_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return DR_E_BUSY;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return DR_E_IO;
    default:
        return DR_E_INTERNAL;
    }
}

/* As status_of, and remember when it was the store's own failure and not the statement's. */
static enum dr_status note(struct dr_db *db, int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
        break;
    default:
        db->has_failed = true;
    }
    return status_of(code);
}

static enum dr_status configure(struct dr_db *db, enum dr_db_mode mode)
{
    (void)sqlite3_extended_result_codes(db->handle, 1);
    (void)sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (mode == DR_DB_READER) {
        return dr_db_script(db, "PRAGMA query_only=1; PRAGMA cache_size=-2048;");
    }
    if (sqlite3_db_readonly(db->handle, "main") == 1) {
        return DR_E_DENIED;
    }
    /* The first access: a file that is not a database is found here. */
    return dr_db_script(
        db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
            "PRAGMA journal_size_limit=67108864; PRAGMA wal_autocheckpoint=1000;");
}

enum dr_status
dr_db_open(const char *path, enum dr_db_mode mode, struct dr_db **ret_db, char *error)
{
    struct dr_db *db = calloc(1, sizeof *db);
    if (db == NULL) {
        return DR_E_SPACE;
    }
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
    flags |= mode == DR_DB_WRITER ? SQLITE_OPEN_CREATE : 0;
    enum dr_status status = status_of(sqlite3_open_v2(path, &db->handle, flags, NULL));
    if (status == DR_OK) {
        status = configure(db, mode);
    }
    if (status != DR_OK) {
        snprintf(
            error, DR_STORE_ERROR_SIZE, "%.150s: %.90s", path,
            status == DR_E_DENIED ? "the store cannot be written" : dr_db_error(db));
        dr_db_close(db);
        return status;
    }
    *ret_db = db;
    return DR_OK;
}

void dr_db_close(struct dr_db *db)
{
    if (db == NULL) {
        return;
    }
    for (size_t i = 0; i < CACHE_SIZE; i++) {
        (void)sqlite3_finalize(db->cache[i].statement);
    }
    (void)sqlite3_close_v2(db->handle);
    free(db);
}

enum dr_status dr_db_script(struct dr_db *db, const char *sql)
{
    return status_of(sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

const char *dr_db_error(const struct dr_db *db)
{
    return sqlite3_errmsg(db->handle);
}

bool dr_db_in_transaction(const struct dr_db *db)
{
    return sqlite3_get_autocommit(db->handle) == 0;
}

void dr_db_reset_all(struct dr_db *db)
{
    for (size_t i = 0; i < CACHE_SIZE; i++) {
        if (db->cache[i].is_busy) {
            (void)sqlite3_reset(db->cache[i].statement);
            db->cache[i].is_busy = false;
        }
    }
}

/* Undone under a savepoint of its own; what the caller did before stays. */
enum dr_status dr_db_attempt(
    struct dr_db *db, enum dr_status (*run)(void *context, struct dr_db *db), void *context,
    enum dr_status *ret_outcome)
{
    DR_TRY(dr_db_run(db, "SAVEPOINT attempt", DR_NO_VALUES));
    db->has_failed = false;
    enum dr_status outcome = run(context, db);
    if (outcome != DR_OK) {
        dr_db_reset_all(db);
        if (db->has_failed || !dr_db_in_transaction(db)) {
            return outcome;
        }
        DR_TRY(dr_db_run(db, "ROLLBACK TO attempt", DR_NO_VALUES));
    }
    DR_TRY(dr_db_run(db, "RELEASE attempt", DR_NO_VALUES));
    *ret_outcome = outcome;
    return DR_OK;
}

void dr_db_note_outbox(struct dr_db *db)
{
    db->outbox_added = true;
}

bool dr_db_take_outbox_note(struct dr_db *db)
{
    bool added = db->outbox_added;
    db->outbox_added = false;
    return added;
}

uint64_t dr_db_changes(const struct dr_db *db)
{
    return (uint64_t)sqlite3_changes64(db->handle);
}

/* Values. */

struct dr_value dr_value_null(void)
{
    return (struct dr_value){.kind = DR_VALUE_NULL};
}

struct dr_value dr_value_int(int64_t number)
{
    return (struct dr_value){.kind = DR_VALUE_INT, .number = number};
}

struct dr_value dr_value_text(const char *text)
{
    if (text == NULL) {
        return dr_value_null();
    }
    return (struct dr_value){.kind = DR_VALUE_TEXT, .data = text, .size_bytes = strlen(text)};
}

struct dr_value dr_value_blob(const void *data, size_t size_bytes)
{
    return (struct dr_value){
        .kind = DR_VALUE_BLOB, .data = size_bytes != 0 ? data : "", .size_bytes = size_bytes};
}

/* Statements. */

static struct cached *cache_slot(struct dr_db *db, const char *sql)
{
    size_t hash = (size_t)(((uintptr_t)sql >> 3) * 0x9e3779b97f4a7c15u >> 40);
    for (size_t i = 0; i < CACHE_PROBES; i++) {
        struct cached *slot = &db->cache[(hash + i) & (CACHE_SIZE - 1u)];
        if (slot->sql == sql || slot->sql == NULL) {
            return slot;
        }
    }
    return NULL;
}

/* A statement ready to be bound: from the cache unless it is in use or the cache has no room. */
static enum dr_status take(struct dr_db *db, const char *sql, sqlite3_stmt **ret_statement)
{
    struct cached *slot = cache_slot(db, sql);
    if (slot != NULL && slot->is_busy) {
        slot = NULL;
    }
    if (slot != NULL && slot->statement != NULL) {
        slot->is_busy = true;
        *ret_statement = slot->statement;
        return DR_OK;
    }
    unsigned flags = slot != NULL ? SQLITE_PREPARE_PERSISTENT : 0;
    DR_TRY(note(db, sqlite3_prepare_v3(db->handle, sql, -1, flags, ret_statement, NULL)));
    if (slot != NULL) {
        *slot = (struct cached){.sql = sql, .statement = *ret_statement, .is_busy = true};
    }
    return DR_OK;
}

/* Returns the error of the statement's last step, as reset does. */
static int give_back(struct dr_db *db, sqlite3_stmt *statement)
{
    for (size_t i = 0; i < CACHE_SIZE; i++) {
        if (db->cache[i].statement == statement) {
            int code = sqlite3_reset(statement);
            (void)sqlite3_clear_bindings(statement);
            db->cache[i].is_busy = false;
            return code;
        }
    }
    return sqlite3_finalize(statement);
}

static enum dr_status bind(sqlite3_stmt *statement, const struct dr_value *values, size_t count)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        int at = (int)i + 1;
        const struct dr_value *value = &values[i];
        switch (value->kind) {
        case DR_VALUE_NULL:
            code = sqlite3_bind_null(statement, at);
            break;
        case DR_VALUE_INT:
            code = sqlite3_bind_int64(statement, at, value->number);
            break;
        case DR_VALUE_TEXT:
            code = sqlite3_bind_text64(
                statement, at, value->data, value->size_bytes, SQLITE_STATIC, SQLITE_UTF8);
            break;
        case DR_VALUE_BLOB:
            code =
                sqlite3_bind_blob64(statement, at, value->data, value->size_bytes, SQLITE_STATIC);
            break;
        }
    }
    return status_of(code);
}

enum dr_status
dr_db_run(struct dr_db *db, const char *sql, const struct dr_value *values, size_t value_count)
{
    sqlite3_stmt *statement = NULL;
    DR_TRY(take(db, sql, &statement));
    enum dr_status status = bind(statement, values, value_count);
    if (status == DR_OK) {
        status = note(db, sqlite3_step(statement));
    }
    enum dr_status ended = note(db, give_back(db, statement));
    return status != DR_OK ? status : ended;
}

void dr_db_select(
    struct dr_db *db, struct dr_rows *rows, const char *sql, const struct dr_value *values,
    size_t value_count)
{
    sqlite3_stmt *statement = NULL;
    *rows = (struct dr_rows){.db = db};
    rows->status = take(db, sql, &statement);
    rows->statement = statement;
    if (rows->status == DR_OK) {
        rows->status = bind(statement, values, value_count);
    }
}

bool dr_rows_next(struct dr_rows *rows)
{
    if (rows->status != DR_OK || rows->statement == NULL) {
        return false;
    }
    int code = sqlite3_step(rows->statement);
    rows->status = note(rows->db, code);
    return code == SQLITE_ROW;
}

bool dr_rows_is_null(const struct dr_rows *rows, int column)
{
    return sqlite3_column_type(rows->statement, column) == SQLITE_NULL;
}

int64_t dr_rows_int(const struct dr_rows *rows, int column)
{
    return sqlite3_column_int64(rows->statement, column);
}

const char *dr_rows_text(const struct dr_rows *rows, int column)
{
    const unsigned char *text = sqlite3_column_text(rows->statement, column);
    return text != NULL ? (const char *)text : "";
}

const void *dr_rows_blob(const struct dr_rows *rows, int column, size_t *ret_size_bytes)
{
    const void *data = sqlite3_column_blob(rows->statement, column);
    *ret_size_bytes = (size_t)sqlite3_column_bytes(rows->statement, column);
    return data != NULL ? data : "";
}

enum dr_status dr_rows_end(struct dr_rows *rows)
{
    if (rows->statement != NULL) {
        (void)give_back(rows->db, rows->statement);
        rows->statement = NULL;
    }
    return rows->status;
}

enum dr_status dr_db_int(
    struct dr_db *db, const char *sql, const struct dr_value *values, size_t value_count,
    int64_t *ret_number)
{
    struct dr_rows rows;
    dr_db_select(db, &rows, sql, values, value_count);
    bool found = dr_rows_next(&rows);
    int64_t number = found ? dr_rows_int(&rows, 0) : 0;
    DR_TRY(dr_rows_end(&rows));
    if (!found) {
        return DR_E_NOT_FOUND;
    }
    *ret_number = number;
    return DR_OK;
}

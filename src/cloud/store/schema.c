/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The tables, as numbered steps: step n brings a store from version n - 1 to n. A step that has
 * been released is never edited.
 *
 * Times are Unix milliseconds (..._ms) or seconds (..._s). 64-bit identifiers of sessions and gates
 * are stored as SQLite's signed integers. JSON columns hold text that this service wrote.
 */
#include "base/check.h"
#include "cloud/store/store_priv.h"

#include <stdio.h>

#define APPLICATION_ID 0x44525354 /* "DRST" */

static const char *const step_1[] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;",

    /* Registry. */
    "CREATE TABLE thing(name TEXT PRIMARY KEY, uuid TEXT NOT NULL, type TEXT,"
    " attributes TEXT NOT NULL, version INTEGER NOT NULL, created_ms INTEGER NOT NULL);"
    "CREATE TABLE certificate(id TEXT PRIMARY KEY, pem TEXT NOT NULL, status INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL, not_before_s INTEGER NOT NULL,"
    " not_after_s INTEGER NOT NULL);"
    "CREATE TABLE thing_principal(thing TEXT NOT NULL, certificate TEXT NOT NULL,"
    " exclusive INTEGER NOT NULL, PRIMARY KEY(thing, certificate)) WITHOUT ROWID;"
    "CREATE INDEX thing_principal_certificate ON thing_principal(certificate, thing);"
    "CREATE TABLE policy(name TEXT PRIMARY KEY, default_version INTEGER NOT NULL,"
    " next_version INTEGER NOT NULL, created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL);"
    "CREATE TABLE policy_version(policy TEXT NOT NULL, version INTEGER NOT NULL,"
    " document TEXT NOT NULL, compiled BLOB NOT NULL, created_ms INTEGER NOT NULL,"
    " PRIMARY KEY(policy, version));"
    "CREATE TABLE policy_target(policy TEXT NOT NULL, target TEXT NOT NULL,"
    " PRIMARY KEY(policy, target)) WITHOUT ROWID;"
    "CREATE INDEX policy_target_target ON policy_target(target, policy);",

    /* Images. digest is null on a delete marker. */
    "CREATE TABLE bucket(name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE object(sequence INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL,"
    " key TEXT NOT NULL, version TEXT NOT NULL, digest BLOB, size INTEGER NOT NULL,"
    " etag TEXT NOT NULL, content_type TEXT NOT NULL, modified_ms INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX object_version ON object(bucket, key, version);"
    "CREATE INDEX object_key ON object(bucket, key, sequence);"
    "CREATE INDEX object_digest ON object(digest);"
    "CREATE TABLE stream(id TEXT PRIMARY KEY, version INTEGER NOT NULL, description TEXT,"
    " role_arn TEXT, ota_update TEXT, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);"
    "CREATE TABLE stream_file(stream TEXT NOT NULL, file INTEGER NOT NULL, bucket TEXT NOT NULL,"
    " key TEXT NOT NULL, object_version TEXT NOT NULL, digest BLOB NOT NULL,"
    " size INTEGER NOT NULL, PRIMARY KEY(stream, file)) WITHOUT ROWID;"
    "CREATE INDEX stream_file_digest ON stream_file(digest);",

    /* Updates and jobs. rollout_next: the first target without an execution; null when all have
     * theirs. */
    "CREATE TABLE ota_update(sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL,"
    " status TEXT NOT NULL, job TEXT NOT NULL, stream TEXT NOT NULL, request TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL);"
    "CREATE TABLE job(sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL,"
    " status INTEGER NOT NULL, target_selection TEXT NOT NULL, description TEXT,"
    " document TEXT NOT NULL, settings TEXT NOT NULL, in_progress_minutes INTEGER NOT NULL,"
    " ota_update TEXT, rollout_next INTEGER, force_canceled INTEGER NOT NULL DEFAULT 0,"
    " reason_code TEXT, comment TEXT, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,"
    " completed_ms INTEGER);"
    "CREATE INDEX job_rollout ON job(sequence) WHERE rollout_next IS NOT NULL;"
    "CREATE TABLE job_target(job TEXT NOT NULL, position INTEGER NOT NULL, thing TEXT NOT NULL,"
    " PRIMARY KEY(job, position)) WITHOUT ROWID;"
    "CREATE TABLE execution(id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL,"
    " thing TEXT NOT NULL, number INTEGER NOT NULL, status INTEGER NOT NULL, details TEXT,"
    " queued_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,"
    " version INTEGER NOT NULL, in_progress_deadline_ms INTEGER NOT NULL,"
    " step_deadline_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,"
    " force_canceled INTEGER NOT NULL DEFAULT 0);"
    "CREATE UNIQUE INDEX execution_number ON execution(thing, job, number);"
    "CREATE INDEX execution_pending ON execution(thing, queued_ms) WHERE status <= 2;"
    "CREATE INDEX execution_job ON execution(job, status);"
    "CREATE INDEX execution_deadline ON execution(deadline_ms) WHERE deadline_ms <> 0;",

    /* Devices. */
    "CREATE TABLE device_state(thing TEXT PRIMARY KEY, report TEXT NOT NULL,"
    " reported_ms INTEGER NOT NULL);"
    "CREATE TABLE timeline(id INTEGER PRIMARY KEY AUTOINCREMENT, thing TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);"
    "CREATE INDEX timeline_thing ON timeline(thing, id);"
    "CREATE TABLE session(client_id TEXT PRIMARY KEY, certificate TEXT NOT NULL,"
    " session INTEGER NOT NULL, gate_boot INTEGER NOT NULL, connected INTEGER NOT NULL,"
    " changed_ms INTEGER NOT NULL, source_ip TEXT, reason TEXT);"
    "CREATE INDEX session_connected ON session(gate_boot) WHERE connected = 1;",

    /* In and out. */
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
    " qos INTEGER NOT NULL, thing TEXT NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,"
    " client_id TEXT NOT NULL, session INTEGER NOT NULL, created_ms INTEGER NOT NULL);"
    "CREATE TABLE gate(boot INTEGER PRIMARY KEY, number INTEGER NOT NULL,"
    " seen_ms INTEGER NOT NULL);"
    "CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,"
    " actor TEXT NOT NULL, action TEXT NOT NULL, resource TEXT NOT NULL, detail TEXT NOT NULL);",
    NULL,
};

/* Each step is a list of scripts that ends with NULL. */
static const char *const *const steps[] = {step_1};
DR_STATIC_ASSERT(DR_ARRAY_COUNT(steps) == DR_STORE_SCHEMA_VERSION, "one step per version");

static enum dr_status refuse(enum dr_status status, char *error, const char *what)
{
    snprintf(error, DR_STORE_ERROR_SIZE, "%s", what);
    return status;
}

static enum dr_status check_content(struct dr_db *db, int64_t version, char *error)
{
    int64_t application = 0;
    int64_t tables = 0;
    DR_TRY(dr_db_int(db, "PRAGMA application_id", DR_NO_VALUES, &application));
    DR_TRY(dr_db_int(db, "SELECT count(*) FROM sqlite_schema", DR_NO_VALUES, &tables));
    if (application != APPLICATION_ID && (application != 0 || tables != 0)) {
        return refuse(DR_E_CORRUPT, error, "the file is a database, but not a Daruma store");
    }
    if (version > DR_STORE_SCHEMA_VERSION) {
        snprintf(
            error, DR_STORE_ERROR_SIZE,
            "the store has schema version %lld, this program knows %d: use a newer program",
            (long long)version, DR_STORE_SCHEMA_VERSION);
        return DR_E_UNSUPPORTED;
    }
    return DR_OK;
}

static enum dr_status quick_check(struct dr_db *db, char *error)
{
    struct dr_rows rows;
    char found[128] = "";
    dr_db_select(db, &rows, "PRAGMA quick_check(1)", DR_NO_VALUES);
    if (dr_rows_next(&rows)) {
        snprintf(found, sizeof found, "%s", dr_rows_text(&rows, 0));
    }
    enum dr_status status = dr_rows_end(&rows);
    if (status == DR_OK && found[0] == 'o' && found[1] == 'k' && found[2] == '\0') {
        return DR_OK;
    }
    snprintf(
        error, DR_STORE_ERROR_SIZE, "the store is damaged (%s): restore it from a copy",
        found[0] != '\0' ? found : dr_db_error(db));
    return DR_E_CORRUPT;
}

static enum dr_status run_step(struct dr_db *db, size_t index)
{
    char mark[96];
    snprintf(
        mark, sizeof mark, "PRAGMA user_version=%zu; PRAGMA application_id=%d;", index + 1,
        APPLICATION_ID);
    DR_TRY(dr_db_script(db, "BEGIN IMMEDIATE"));
    enum dr_status status = DR_OK;
    for (size_t i = 0; steps[index][i] != NULL && status == DR_OK; i++) {
        status = dr_db_script(db, steps[index][i]);
    }
    if (status == DR_OK) {
        status = dr_db_script(db, mark);
    }
    if (status == DR_OK) {
        return dr_db_script(db, "COMMIT");
    }
    DR_IGNORE(dr_db_script(db, "ROLLBACK")); /* the first failure is the one to report */
    return status;
}

enum dr_status dr_schema_migrate(struct dr_db *db, char *error)
{
    int64_t version = 0;
    DR_TRY(dr_db_int(db, "PRAGMA user_version", DR_NO_VALUES, &version));
    DR_TRY(check_content(db, version, error));
    DR_TRY(quick_check(db, error));
    for (size_t i = (size_t)version; i < DR_ARRAY_COUNT(steps); i++) {
        enum dr_status status = run_step(db, i);
        if (status != DR_OK) {
            snprintf(
                error, DR_STORE_ERROR_SIZE, "migration to version %zu failed: %s", i + 1,
                dr_db_error(db));
            return status;
        }
    }
    return DR_OK;
}

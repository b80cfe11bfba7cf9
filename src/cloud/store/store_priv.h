/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private to cloud/store: connections and transactions (sqlite.c), migrations (schema.c), the
 * writer (writer.c). */
#ifndef DR_CLOUD_STORE_STORE_PRIV_H
#define DR_CLOUD_STORE_STORE_PRIV_H

#include "cloud/store/store.h"

/* sqlite.c: the only file that knows SQLite */

enum dr_db_mode { DR_DB_WRITER, DR_DB_READER };

DR_MUST_USE enum dr_status
dr_db_open(const char *path, enum dr_db_mode mode, struct dr_db **ret_db, char *error);
void dr_db_close(struct dr_db *db); /* NULL is fine */

/* One or more statements without values or rows, not kept. */
DR_MUST_USE enum dr_status dr_db_script(struct dr_db *db, const char *sql);

/* What the library says about the last failure. */
const char *dr_db_error(const struct dr_db *db);

/* False: no transaction, or the library gave it up by itself. */
bool dr_db_in_transaction(const struct dr_db *db);

/* Statements that a caller left open do not survive its transaction. */
void dr_db_reset_all(struct dr_db *db);

/* Rows were added to the outbox in this transaction. */
void dr_db_note_outbox(struct dr_db *db);
bool dr_db_take_outbox_note(struct dr_db *db);

/* Schema.c */

/* Bring the database to DR_STORE_SCHEMA_VERSION. */
DR_MUST_USE enum dr_status dr_schema_migrate(struct dr_db *db, char *error);

/* Writer.c */

struct dr_writer_thread;

/* Takes the connection over. */
DR_MUST_USE enum dr_status
dr_writer_thread_start(struct dr_db *db, struct dr_writer_thread **ret_writer);
void dr_writer_thread_stop(struct dr_writer_thread *writer);
DR_MUST_USE enum dr_status
dr_writer_thread_submit(struct dr_writer_thread *writer, const struct dr_mutation *mutation);
void dr_writer_thread_on_outbox(
    struct dr_writer_thread *writer, void (*ready)(void *context), void *context);
uint64_t dr_writer_thread_take_longest_us(struct dr_writer_thread *writer);
bool dr_writer_thread_is_self(const struct dr_writer_thread *writer);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/store/outbox.h"

#include "cloud/store/store_priv.h"

#include <stdlib.h>
#include <string.h>

#define GATES_KEPT 16 /* boots whose last number is remembered */

enum dr_status dr_outbox_add(struct dr_db *db, const struct dr_outbox_row *row, int64_t now_ms)
{
    DR_TRY(dr_db_run(
        db,
        "INSERT INTO outbox(kind, qos, thing, topic, payload, client_id, session, created_ms)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        DR_VALUES(
            dr_value_int((int64_t)row->kind), dr_value_int(row->qos), dr_value_text(row->thing),
            dr_value_text(row->topic), dr_value_blob(row->payload, row->payload_size),
            dr_value_text(row->client_id != NULL ? row->client_id : ""),
            dr_value_int((int64_t)row->session), dr_value_int(now_ms))));
    dr_db_note_outbox(db);
    return DR_OK;
}

static bool visit_row(
    const struct dr_rows *rows, bool (*visit)(void *context, const struct dr_outbox_row *row),
    void *context)
{
    size_t payload_size = 0;
    const void *payload = dr_rows_blob(rows, 5, &payload_size);
    struct dr_outbox_row row = {
        .id = (uint64_t)dr_rows_int(rows, 0),
        .kind = dr_rows_int(rows, 1) == 0 ? DR_OUTBOX_TO_CONNECTION : DR_OUTBOX_TO_SUBSCRIBERS,
        .qos = dr_rows_int(rows, 2) == 0 ? 0 : 1,
        .thing = dr_rows_text(rows, 3),
        .topic = dr_rows_text(rows, 4),
        .payload = payload,
        .payload_size = payload_size,
        .client_id = dr_rows_text(rows, 6),
        .session = (uint64_t)dr_rows_int(rows, 7),
    };
    return visit(context, &row);
}

enum dr_status dr_outbox_fetch(
    struct dr_store *store, uint64_t after_id, size_t limit,
    bool (*visit)(void *context, const struct dr_outbox_row *row), void *context)
{
    struct dr_db *db = NULL;
    DR_TRY(dr_store_read_begin(store, &db));
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT id, kind, qos, thing, topic, payload, client_id, session FROM outbox"
        " WHERE id > ?1 ORDER BY id LIMIT ?2",
        DR_VALUES(dr_value_int((int64_t)after_id), dr_value_int((int64_t)limit)));
    bool goes_on = true;
    while (goes_on && dr_rows_next(&rows)) { /* bound: limit */
        goes_on = visit_row(&rows, visit, context);
    }
    enum dr_status status = dr_rows_end(&rows);
    dr_store_read_end(store, db);
    return status;
}

struct published {
    size_t count;
    uint64_t ids[];
};

static enum dr_status run_published(void *context, struct dr_db *db)
{
    const struct published *published = context;
    for (size_t i = 0; i < published->count; i++) {
        DR_TRY(dr_db_run(
            db, "DELETE FROM outbox WHERE id = ?1",
            DR_VALUES(dr_value_int((int64_t)published->ids[i]))));
    }
    return DR_OK;
}

/* A failure leaves the rows: they are published once more after a restart, and dropped as repeats
 * by the gate. */
static void end_published(void *context, enum dr_status status)
{
    (void)status;
    free(context);
}

enum dr_status dr_outbox_published(struct dr_store *store, const uint64_t *ids, size_t count)
{
    if (count == 0) {
        return DR_OK;
    }
    if (count > SIZE_MAX / sizeof *ids - sizeof(struct published)) {
        return DR_E_RANGE;
    }
    struct published *published = malloc(sizeof *published + count * sizeof *ids);
    if (published == NULL) {
        return DR_E_SPACE;
    }
    published->count = count;
    memcpy(published->ids, ids, count * sizeof *ids);
    struct dr_mutation mutation = {run_published, end_published, published};
    enum dr_status status = dr_store_submit(store, &mutation);
    if (status != DR_OK) {
        free(published);
    }
    return status;
}

enum dr_status dr_gate_mark(
    struct dr_db *db, uint64_t gate_boot, uint64_t number, uint64_t previous, int64_t now_ms)
{
    int64_t last = 0;
    enum dr_status status = dr_db_int(
        db, "SELECT number FROM gate WHERE boot = ?1", DR_VALUES(dr_value_int((int64_t)gate_boot)),
        &last);
    if (status == DR_OK || status == DR_E_NOT_FOUND) {
        if (number <= (uint64_t)last) {
            return DR_E_EXISTS;
        }
        if (previous > (uint64_t)last) {
            return DR_E_STATE;
        }
    }
    if (status == DR_OK) {
        return dr_db_run(
            db, "UPDATE gate SET number = ?2, seen_ms = ?3 WHERE boot = ?1",
            DR_VALUES(
                dr_value_int((int64_t)gate_boot), dr_value_int((int64_t)number),
                dr_value_int(now_ms)));
    }
    if (status != DR_E_NOT_FOUND) {
        return status;
    }
    DR_TRY(dr_db_run(
        db, "INSERT INTO gate(boot, number, seen_ms) VALUES(?1, ?2, ?3)",
        DR_VALUES(
            dr_value_int((int64_t)gate_boot), dr_value_int((int64_t)number),
            dr_value_int(now_ms))));
    return dr_db_run(
        db,
        "DELETE FROM gate WHERE boot NOT IN"
        " (SELECT boot FROM gate ORDER BY seen_ms DESC, boot = ?2 DESC LIMIT ?1)",
        DR_VALUES(dr_value_int(GATES_KEPT), dr_value_int((int64_t)gate_boot)));
}

enum dr_status dr_gate_last(struct dr_store *store, uint64_t gate_boot, uint64_t *ret_number)
{
    struct dr_db *db = NULL;
    int64_t last = 0;
    DR_TRY(dr_store_read_begin(store, &db));
    enum dr_status status = dr_db_int(
        db, "SELECT number FROM gate WHERE boot = ?1", DR_VALUES(dr_value_int((int64_t)gate_boot)),
        &last);
    dr_store_read_end(store, db);
    if (status == DR_OK || status == DR_E_NOT_FOUND) {
        *ret_number = (uint64_t)last;
        return DR_OK;
    }
    return status;
}

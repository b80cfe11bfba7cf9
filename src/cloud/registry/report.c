/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What is known of a device. */
#include "cloud/registry/report.h"

#include "cloud/registry/frame.h"
#include "cloud/registry/page.h"

#include <stdio.h>
#include <string.h>

struct query {
    const char *thing;
    json_t *body;
};

static enum dr_status add_session(struct dr_db *db, const char *thing, json_t *body)
{
    struct dr_rows rows;
    bool connected = false;
    dr_db_select(
        db, &rows,
        "SELECT connected, changed_ms, reason, source_ip FROM session WHERE client_id = ?1",
        DR_VALUES(dr_value_text(thing)));
    if (dr_rows_next(&rows)) {
        connected = dr_rows_int(&rows, 0) != 0;
        dr_json_set_time(body, connected ? "connectedAt" : "disconnectedAt", dr_rows_int(&rows, 1));
        dr_json_set_text(body, "disconnectReason", dr_rows_text(&rows, 2));
        dr_json_set_text(body, "ipAddress", dr_rows_text(&rows, 3));
    }
    dr_json_set(body, "connected", json_boolean(connected));
    return dr_rows_end(&rows);
}

static enum dr_status add_report(struct dr_db *db, const char *thing, json_t *body)
{
    struct dr_rows rows;
    dr_db_select(
        db, &rows, "SELECT report, reported_ms FROM device_state WHERE thing = ?1",
        DR_VALUES(dr_value_text(thing)));
    if (dr_rows_next(&rows)) {
        json_t *report = json_loads(dr_rows_text(&rows, 0), 0, NULL);
        if (report != NULL) {
            dr_json_set(body, "report", report);
        }
        dr_json_set_time(body, "reportedAt", dr_rows_int(&rows, 1));
    }
    return dr_rows_end(&rows);
}

/* The last word of a firmware that died here. */
static enum dr_status add_crash(struct dr_db *db, const char *thing, json_t *body)
{
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT body, at_ms FROM timeline WHERE thing = ?1 AND kind = 'crash'"
        " ORDER BY id DESC LIMIT 1",
        DR_VALUES(dr_value_text(thing)));
    if (dr_rows_next(&rows)) {
        json_t *crash = json_loads(dr_rows_text(&rows, 0), 0, NULL);
        if (crash != NULL) {
            dr_json_set_time(crash, "at", dr_rows_int(&rows, 1));
            dr_json_set(body, "lastCrash", crash);
        }
    }
    return dr_rows_end(&rows);
}

static enum dr_status run_state(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct query *query = arguments;
    DR_TRY(dr_thing_require(call, db, query->thing));
    query->body = json_object();
    dr_json_set_text(query->body, "thingName", query->thing);
    enum dr_status status = add_session(db, query->thing, query->body);
    if (status == DR_OK) {
        status = add_report(db, query->thing, query->body);
    }
    if (status == DR_OK) {
        status = add_crash(db, query->thing, query->body);
    }
    if (status != DR_OK) {
        json_decref(query->body);
    }
    return status;
}

enum dr_status dr_service_thing_state(struct dr_call *call, const char *thing, json_t **ret_body)
{
    struct query query = {.thing = thing};
    DR_TRY(dr_call_read(call, run_state, &query));
    *ret_body = query.body;
    return DR_OK;
}

static json_t *
timeline_item(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    json_t *item = json_object();
    json_t *body = json_loads(dr_rows_text(row, 3), 0, NULL);
    (void)call;
    (void)context;
    dr_json_set(item, "id", json_integer(dr_rows_int(row, 0)));
    dr_json_set_time(item, "at", dr_rows_int(row, 1));
    dr_json_set_text(item, "kind", dr_rows_text(row, 2));
    if (body != NULL) {
        dr_json_set(item, "body", body);
    }
    return item;
}

enum dr_status dr_service_thing_timeline(
    struct dr_call *call, const char *thing, const struct dr_page *page, json_t **ret_body)
{
    const struct dr_list list = {
        .sql = "SELECT id, at_ms, kind, body FROM timeline WHERE thing = ?3 AND id < ?1"
               " ORDER BY id DESC LIMIT ?2",
        .key = DR_LIST_NEWEST,
        .values = DR_VALUES(dr_value_text(thing)),
        .require = dr_thing_require,
        .owner = thing,
        .item = timeline_item,
        .items_name = "entries",
        .token_name = "nextToken"};
    return dr_list_read(call, &list, page, ret_body);
}

static json_t *
audit_item(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    json_t *item = json_object();
    (void)call;
    (void)context;
    dr_json_set(item, "id", json_integer(dr_rows_int(row, 0)));
    dr_json_set_time(item, "at", dr_rows_int(row, 1));
    dr_json_set_text(item, "actor", dr_rows_text(row, 2));
    dr_json_set_text(item, "action", dr_rows_text(row, 3));
    dr_json_set_text(item, "resource", dr_rows_text(row, 4));
    dr_json_set_text(item, "detail", dr_rows_text(row, 5));
    return item;
}

enum dr_status
dr_service_list_audit(struct dr_call *call, const struct dr_page *page, json_t **ret_body)
{
    const struct dr_list list = {
        .sql = "SELECT id, at_ms, actor, action, resource, detail FROM audit WHERE id < ?1"
               " ORDER BY id DESC LIMIT ?2",
        .key = DR_LIST_NEWEST,
        .item = audit_item,
        .items_name = "entries",
        .token_name = "nextToken"};
    return dr_list_read(call, &list, page, ret_body);
}

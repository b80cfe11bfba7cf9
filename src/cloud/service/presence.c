/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/service/presence.h"

#include "base/text.h"
#include "cloud/service/device_priv.h"
#include "cloud/store/audit.h"
#include "cloud/store/outbox.h"

#include <stdio.h>
#include <stdlib.h>

struct presence_task {
    struct dr_service *service;
    struct dr_device_sink sink; /* answer unused */
    struct dr_wire_presence presence;
    uint64_t gate_boot;
    uint64_t gate_number;
    uint64_t gate_previous;
    int64_t now_ms;
};

/* Nothing is remembered of a client that is away and no thing: whoever may connect under any name
 * would fill the store with them. */
#define NO_THING " AND connected = 0 AND NOT EXISTS (SELECT 1 FROM thing WHERE name = client_id)"

/* The story is kept for things; the agents here connect with their thing's name. */
static enum dr_status add_to_timeline(const struct presence_task *task, struct dr_db *db)
{
    const struct dr_wire_presence *presence = &task->presence;
    bool connected = presence->event == DR_WIRE_CONNECTED;
    int64_t things = 0;
    DR_TRY(dr_db_int(
        db, "SELECT count(*) FROM thing WHERE name = ?1",
        DR_VALUES(dr_value_text(presence->client_id)), &things));
    if (things == 0) {
        return DR_OK;
    }
    json_t *body = json_object();
    dr_json_set_text(body, "ipAddress", presence->address);
    if (!connected) {
        dr_json_set_text(body, "reason", dr_wire_disconnect_word(presence->reason));
    }
    char *text = dr_json_text(body);
    json_decref(body);
    if (text == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = dr_timeline_add(
        db, presence->client_id, (int64_t)presence->time_ms,
        connected ? "connected" : "disconnected", text);
    free(text);
    return status;
}

static enum dr_status come(const struct presence_task *task, struct dr_db *db)
{
    const struct dr_wire_presence *presence = &task->presence;
    char certificate[DR_HEX_SIZE(DR_WIRE_CERTIFICATE_ID_BYTES)];
    dr_hex_encode(presence->certificate_id, sizeof presence->certificate_id, certificate);
    return dr_db_run(
        db,
        "INSERT INTO session(client_id, certificate, session, gate_boot, connected, changed_ms,"
        " source_ip, reason) VALUES(?1, ?2, ?3, ?4, 1, ?5, ?6, NULL)"
        " ON CONFLICT(client_id) DO UPDATE SET certificate = ?2, session = ?3, gate_boot = ?4,"
        " connected = 1, changed_ms = ?5, source_ip = ?6, reason = NULL",
        DR_VALUES(
            dr_value_text(presence->client_id), dr_value_text(certificate),
            dr_value_int((int64_t)presence->session), dr_value_int((int64_t)task->gate_boot),
            dr_value_int((int64_t)presence->time_ms), dr_value_text(presence->address)));
}

/* Only the latest session's end counts: after a takeover the old one's comes late. */
static enum dr_status go(const struct presence_task *task, struct dr_db *db, bool *ret_counts)
{
    const struct dr_wire_presence *presence = &task->presence;
    DR_TRY(dr_db_run(
        db,
        "UPDATE session SET connected = 0, changed_ms = ?3, reason = ?4"
        " WHERE client_id = ?1 AND session = ?2 AND connected = 1",
        DR_VALUES(
            dr_value_text(presence->client_id), dr_value_int((int64_t)presence->session),
            dr_value_int((int64_t)presence->time_ms),
            dr_value_text(dr_wire_disconnect_word(presence->reason)))));
    *ret_counts = dr_db_changes(db) != 0;
    return dr_db_run(
        db, "DELETE FROM session WHERE client_id = ?1" NO_THING,
        DR_VALUES(dr_value_text(presence->client_id)));
}

static enum dr_status run_presence(void *context, struct dr_db *db)
{
    const struct presence_task *task = context;
    bool counts = true;
    if (task->gate_boot != 0 && task->gate_number != 0) {
        enum dr_status status =
            dr_gate_mark(db, task->gate_boot, task->gate_number, task->gate_previous, task->now_ms);
        if (status == DR_E_EXISTS) {
            return DR_OK;
        }
        DR_TRY(status);
    }
    if (task->presence.event == DR_WIRE_CONNECTED) {
        DR_TRY(come(task, db));
    } else {
        DR_TRY(go(task, db, &counts));
    }
    return counts ? add_to_timeline(task, db) : DR_OK;
}

static void end_presence(void *context, enum dr_status status)
{
    struct presence_task *task = context;
    struct dr_service *service = task->service;
    task->sink.done(task->sink.context, task->gate_boot, task->gate_number, status);
    free(task);
    dr_task_leave(service, NULL);
}

void dr_service_presence(
    struct dr_service *service, const struct dr_wire_presence *presence, uint64_t gate_boot,
    uint64_t gate_number, const struct dr_device_sink *sink, int64_t now_ms)
{
    struct presence_task *task = malloc(sizeof *task);
    enum dr_status status = DR_E_SPACE;
    if (task != NULL) {
        *task = (struct presence_task){
            .service = service,
            .sink = *sink,
            .presence = *presence,
            .gate_boot = gate_boot,
            .gate_number = gate_number,
            .now_ms = now_ms};
        struct dr_task_entry entry = {
            .gate_boot = gate_number != 0 ? gate_boot : 0,
            .gate_number = gate_number,
            .ret_previous = &task->gate_previous};
        struct dr_mutation mutation = {run_presence, end_presence, task};
        status = dr_task_enter(service, &entry, &mutation);
    }
    if (status != DR_OK) {
        free(task);
        sink->done(sink->context, gate_boot, gate_number, status);
    }
}

struct boot_task {
    struct dr_service *service;
    uint64_t gate_boot;
    int64_t now_ms;
};

static enum dr_status run_boot(void *context, struct dr_db *db)
{
    const struct boot_task *task = context;
    DR_TRY(dr_db_run(
        db,
        "UPDATE session SET connected = 0, changed_ms = ?2, reason = 'CONNECTION_LOST'"
        " WHERE connected = 1 AND gate_boot <> ?1",
        DR_VALUES(dr_value_int((int64_t)task->gate_boot), dr_value_int(task->now_ms))));
    return dr_db_run(db, "DELETE FROM session WHERE true" NO_THING, DR_NO_VALUES);
}

/* A failure is repaired at the gate's next word: it names its boot at every reconnect. */
static void end_boot(void *context, enum dr_status status)
{
    struct boot_task *task = context;
    struct dr_service *service = task->service;
    (void)status;
    free(task);
    dr_task_leave(service, NULL);
}

void dr_service_gate_boot(struct dr_service *service, uint64_t gate_boot, int64_t now_ms)
{
    struct boot_task *task = malloc(sizeof *task);
    if (task == NULL) {
        return;
    }
    *task = (struct boot_task){.service = service, .gate_boot = gate_boot, .now_ms = now_ms};
    struct dr_task_entry entry = {.gate_boot = 0};
    struct dr_mutation mutation = {run_boot, end_boot, task};
    if (dr_task_enter(service, &entry, &mutation) != DR_OK) {
        free(task);
    }
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private to cloud/service: one device message on its way through. */
#ifndef DR_CLOUD_SERVICE_DEVICE_PRIV_H
#define DR_CLOUD_SERVICE_DEVICE_PRIV_H

#include "cloud/service/device_message.h"
#include "cloud/service/executions_priv.h"
#include "format/topic.h"

/* Handled at once (message borrowed), or copied and handled by the store's writer. */
struct dr_task {
    struct dr_service *service;
    struct dr_device_sink sink;
    int64_t now_ms;
    enum dr_topic_kind kind;
    enum dr_dialect dialect;
    char thing[DR_THING_NAME_MAX + 1];
    char id[DR_STREAM_ID_MAX + 1]; /* job ("$next" too) or stream, "" when there is none */
    char client_id[DR_CLIENT_ID_MAX + 1];
    uint64_t session;
    uint64_t gate_boot;
    uint64_t gate_number;
    uint64_t gate_previous; /* of a change; see dr_gate_mark */
    int qos;
    size_t unsent_bytes;
    bool is_change;

    /* An answer without an outbox row: a read's, or a refusal. */
    char reply_topic[DR_TOPIC_BYTES_MAX + 16];
    uint8_t *reply; /* owned; NULL: none */
    size_t reply_size;

    const uint8_t *payload;
    size_t payload_size;
    uint8_t copy[]; /* of the payload, when it has to outlive the call */
};

/* Keep an answer for the sink; takes over payload (malloc). */
void dr_task_reply(struct dr_task *task, enum dr_topic_answer answer, void *payload, size_t size);

/* An answer that follows from a change: an outbox row. */
DR_MUST_USE enum dr_status
dr_task_accept(const struct dr_task *task, struct dr_db *db, const char *payload, size_t size);

/* Hand one message to the sink now. */
void dr_task_send(
    const struct dr_task *task, const char *topic, const uint8_t *payload, size_t size, int qos);

/* device_jobs.c: DR_OK also for refusals, which are replies; else the store failed. */
DR_MUST_USE enum dr_status dr_device_jobs(struct dr_task *task, struct dr_db *db);

struct dr_refusal {
    const char *client_token;
    enum dr_job_error error;
    const char *message;
    const struct dr_execution_row *row; /* executionState, or NULL */
};
void dr_task_refuse(struct dr_task *task, const struct dr_refusal *refusal);

/* device_streams.c: answers at once. */
void dr_device_stream(struct dr_task *task);

/* device_report.c */
DR_MUST_USE enum dr_status dr_device_report(struct dr_task *task, struct dr_db *db);

/* tasks.c: what waits for the writer. */

/* Is a change of this thing (or of one with the same hash) waiting for its commit? */
bool dr_task_thing_is_busy(struct dr_service *service, const char *thing);

/* Submit run and done for the context, counted until dr_task_leave. gate_boot 0: not numbered;
 * else *ret_previous is what dr_gate_mark wants. thing NULL: changes none. On failure nothing is
 * called. */
struct dr_task_entry {
    const char *thing;
    uint64_t gate_boot;
    uint64_t gate_number;
    uint64_t *ret_previous;
};
DR_MUST_USE enum dr_status dr_task_enter(
    struct dr_service *service, const struct dr_task_entry *entry,
    const struct dr_mutation *mutation);
void dr_task_leave(struct dr_service *service, const char *thing);

#endif

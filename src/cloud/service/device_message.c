/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* From a message to its handler: at once, or through the store's writer. */
#include "cloud/service/device_message.h"

#include "base/check.h"
#include "cloud/service/device_priv.h"
#include "cloud/store/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_QOS 1

static enum dr_status
answer_topic(const struct dr_task *task, enum dr_topic_answer answer, char out[DR_TOPIC_BYTES_MAX])
{
    size_t len = 0;
    struct dr_topic topic = {
        .kind = task->kind,
        .answer = answer,
        .dialect = task->dialect,
        .thing = task->thing,
        .thing_len = strlen(task->thing),
        .id = task->id[0] != '\0' ? task->id : NULL,
        .id_len = strlen(task->id),
    };
    return dr_topic_build(&topic, out, DR_TOPIC_BYTES_MAX, &len);
}

void dr_task_reply(struct dr_task *task, enum dr_topic_answer answer, void *payload, size_t size)
{
    /* A message on an unknown topic already has its reply topic. */
    if (task->reply_topic[0] == '\0' && answer_topic(task, answer, task->reply_topic) != DR_OK) {
        free(payload);
        return;
    }
    free(task->reply);
    task->reply = payload;
    task->reply_size = size;
}

enum dr_status
dr_task_accept(const struct dr_task *task, struct dr_db *db, const char *payload, size_t size)
{
    char topic[DR_TOPIC_BYTES_MAX];
    DR_TRY(answer_topic(task, DR_TOPIC_ACCEPTED, topic));
    struct dr_outbox_row row = {
        .kind = DR_OUTBOX_TO_CONNECTION,
        .qos = ANSWER_QOS,
        .thing = task->thing,
        .topic = topic,
        .payload = (const uint8_t *)payload,
        .payload_size = size,
        .client_id = task->client_id,
        .session = task->session,
    };
    return dr_outbox_add(db, &row, task->now_ms);
}

void dr_task_send(
    const struct dr_task *task, const char *topic, const uint8_t *payload, size_t size, int qos)
{
    struct dr_device_answer answer = {
        .topic = topic,
        .payload = payload,
        .payload_size = size,
        .qos = qos,
        .client_id = task->client_id,
        .session = task->session,
    };
    task->sink.answer(task->sink.context, &answer);
}

static void send_reply(struct dr_task *task)
{
    if (task->reply != NULL) {
        dr_task_send(task, task->reply_topic, task->reply, task->reply_size, ANSWER_QOS);
        free(task->reply);
        task->reply = NULL;
    }
}

static void finish(struct dr_task *task, enum dr_status status)
{
    send_reply(task);
    task->sink.done(task->sink.context, task->gate_boot, task->gate_number, status);
}

/* The store failed. Whoever sent at QoS 1 gets no answer: the message is sent again. */
static void refuse_for_store(struct dr_task *task, enum dr_status status)
{
    free(task->reply);
    task->reply = NULL;
    if (task->qos == 0 || !task->is_change) {
        struct dr_refusal refusal = {
            .error = status == DR_E_BUSY ? DR_JOB_ERROR_THROTTLED : DR_JOB_ERROR_INTERNAL,
            .message = status == DR_E_BUSY ? "too much at once, try again"
                                           : "the service cannot store anything at the moment"};
        dr_task_refuse(task, &refusal);
    }
}

static enum dr_status handle(void *context, struct dr_db *db)
{
    struct dr_task *task = context;
    return task->kind == DR_TOPIC_REPORT ? dr_device_report(task, db) : dr_device_jobs(task, db);
}

static enum dr_status run_task(void *context, struct dr_db *db)
{
    struct dr_task *task = context;
    free(task->reply);
    task->reply = NULL;
    task->reply_topic[0] = '\0';
    if (task->is_change && task->gate_boot != 0) {
        enum dr_status status =
            dr_gate_mark(db, task->gate_boot, task->gate_number, task->gate_previous, task->now_ms);
        if (status == DR_E_EXISTS) {
            return DR_OK; /* committed before: the answer is in the outbox or was delivered */
        }
        DR_TRY(status);
    }
    /* What fails by its own content would fail again and hold up everybody behind it: it counts as
     * handled, and is refused. Only a store that fails stops the line. */
    enum dr_status outcome = DR_OK;
    DR_TRY(dr_db_attempt(db, handle, task, &outcome));
    if (outcome != DR_OK) {
        struct dr_refusal refusal = {
            .error = DR_JOB_ERROR_INTERNAL, .message = "the message could not be handled"};
        free(task->reply);
        task->reply = NULL;
        task->reply_topic[0] = '\0';
        dr_task_refuse(task, &refusal);
    }
    return DR_OK;
}

static void end_task(void *context, enum dr_status status)
{
    struct dr_task *task = context;
    struct dr_service *service = task->service;
    char thing[DR_THING_NAME_MAX + 1];
    bool is_change = task->is_change;
    memcpy(thing, task->thing, sizeof thing);
    if (status != DR_OK) {
        refuse_for_store(task, status);
    }
    finish(task, is_change ? status : DR_OK);
    free(task);
    dr_task_leave(service, is_change ? thing : NULL);
}

/* Let the writer handle it, after whatever of this thing waits there already. */
static void handle_later(const struct dr_task *borrowed)
{
    struct dr_task *task = malloc(sizeof *task + borrowed->payload_size);
    enum dr_status status = DR_E_SPACE;
    if (task != NULL) {
        *task = *borrowed;
        if (task->payload_size != 0) {
            memcpy(task->copy, borrowed->payload, task->payload_size);
        }
        task->payload = task->copy;
        struct dr_task_entry entry = {
            .thing = task->is_change ? borrowed->thing : NULL,
            .gate_boot = task->is_change ? task->gate_boot : 0,
            .gate_number = task->gate_number,
            .ret_previous = &task->gate_previous,
        };
        struct dr_mutation mutation = {run_task, end_task, task};
        status = dr_task_enter(task->service, &entry, &mutation);
    }
    if (status != DR_OK) {
        free(task);
        struct dr_task copy = *borrowed;
        refuse_for_store(&copy, status);
        finish(&copy, copy.is_change ? status : DR_OK);
    }
}

static void read_now(struct dr_task *task)
{
    struct dr_db *db = NULL;
    enum dr_status status = dr_store_read_begin(task->service->store, &db);
    if (status == DR_OK) {
        status = dr_device_jobs(task, db);
        dr_store_read_end(task->service->store, db);
    }
    if (status != DR_OK) {
        refuse_for_store(task, status);
    }
    finish(task, DR_OK);
}

static void dispatch(struct dr_task *task)
{
    switch (task->kind) {
    case DR_TOPIC_START_NEXT:
    case DR_TOPIC_JOB_UPDATE:
    case DR_TOPIC_REPORT:
        task->is_change = true;
        handle_later(task);
        return;
    case DR_TOPIC_JOBS_GET:
    case DR_TOPIC_JOB_GET:
        if (dr_task_thing_is_busy(task->service, task->thing)) {
            handle_later(task);
        } else {
            read_now(task);
        }
        return;
    case DR_TOPIC_STREAM_GET:
    case DR_TOPIC_STREAM_DESCRIBE:
        dr_device_stream(task);
        finish(task, DR_OK);
        return;
    case DR_TOPIC_NONE:
    case DR_TOPIC_NOTIFY:
    case DR_TOPIC_NOTIFY_NEXT:
    case DR_TOPIC_STREAM_DATA:
    case DR_TOPIC_STREAM_DESCRIPTION:
    case DR_TOPIC_STREAM_REJECTED:
        break;
    }
    finish(task, DR_OK); /* what only we send, or nothing of ours: not a request */
}

/* Nothing we know, but in the jobs' name space: refused by name. An agent that lost its job id does
 * publish to "jobs//update". */
static void refuse_topic(struct dr_task *task, const char *topic)
{
    static const struct dr_refusal refusal = {
        .error = DR_JOB_ERROR_TOPIC, .message = "there is no such operation"};
    int len = snprintf(task->reply_topic, sizeof task->reply_topic, "%s/rejected", topic);
    if (len > 0 && (size_t)len < sizeof task->reply_topic) {
        dr_task_refuse(task, &refusal);
    }
    finish(task, DR_OK);
}

static void copy_view(char *out, size_t capacity, const char *text, size_t len)
{
    size_t fits = len < capacity ? len : capacity - 1;
    if (fits != 0) {
        memcpy(out, text, fits);
    }
    out[fits] = '\0';
}

void dr_service_device_message(
    struct dr_service *service, const struct dr_device_message *message,
    const struct dr_device_sink *sink, int64_t now_ms)
{
    char text[DR_TOPIC_BYTES_MAX];
    struct dr_topic topic;
    struct dr_task task = {
        .service = service,
        .sink = *sink,
        .now_ms = now_ms,
        .session = message->session,
        .gate_boot = message->gate_boot,
        .gate_number = message->gate_number,
        .qos = message->qos,
        .unsent_bytes = message->unsent_bytes,
        .payload = message->payload,
        .payload_size = message->payload_size,
    };
    int len = snprintf(text, sizeof text, "$aws/things/%s/%s", message->thing, message->rest);
    size_t client_len = strlen(message->client_id);
    if (len <= 0 || (size_t)len >= sizeof text || client_len > DR_CLIENT_ID_MAX) {
        finish(&task, DR_OK);
        return;
    }
    enum dr_status status = dr_topic_parse(text, (size_t)len, &topic);
    if (status != DR_OK && status != DR_E_NOT_FOUND) {
        finish(&task, DR_OK);
        return;
    }
    copy_view(task.client_id, sizeof task.client_id, message->client_id, client_len);
    copy_view(task.thing, sizeof task.thing, topic.thing, topic.thing_len);
    if (status == DR_E_NOT_FOUND) {
        if (dr_topic_family(&topic) == DR_TOPIC_FAMILY_JOBS) {
            refuse_topic(&task, text);
        } else {
            finish(&task, DR_OK);
        }
        return;
    }
    if (topic.answer != DR_TOPIC_REQUEST) {
        finish(&task, DR_OK);
        return;
    }
    task.kind = topic.kind;
    task.dialect = topic.dialect;
    copy_view(task.id, sizeof task.id, topic.id, topic.id_len);
    dispatch(&task);
}

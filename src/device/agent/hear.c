/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/letter.h"

#include "device/agent/agent_priv.h"
#include "format/job.h"
#include "format/stream.h"

#include <string.h>

/* Can this document be carried out? DR_REASON_NONE, and the job is filled in. */
static enum dr_reason
read_document(const struct dr_agent *agent, struct dr_json text, struct dr_agent_job *job)
{
    struct dr_job_document document;
    if (dr_job_parse_document(text, &document) != DR_OK) {
        return DR_REASON_DOCUMENT;
    }
    if (document.has_digest) {
        memcpy(job->ref.digest, document.digest, sizeof(job->ref.digest));
    }
    if (document.action != DR_JOB_ACTION_UPDATE) {
        job->command = (uint8_t)document.action;
        return DR_REASON_RESERVED_FEATURE;
    }
    if ((document.protocols & (DR_JOB_PROTOCOL_MQTT | agent->facts->more_protocols)) == 0) {
        return DR_REASON_PROTOCOL;
    }
    if (document.file_type != 0 || document.file_size_bytes == 0 ||
        strlen(document.stream) > DR_AGENT_STREAM_BYTES_MAX) {
        return DR_REASON_DOCUMENT;
    }
    dr_agent_copy_text(job->stream, sizeof(job->stream), document.stream);
    job->file = document.file_id;
    job->size_bytes = document.file_size_bytes;
    job->has_digest = document.has_digest;
    return DR_REASON_NONE;
}

static void hear_offer(
    const struct dr_agent *agent, const struct dr_job_message *message, struct dr_heard *heard)
{
    const struct dr_job_execution *execution = &message->execution;
    struct dr_agent_job *job = &heard->job;
    heard->event.kind = DR_EVENT_NO_JOB;
    if (!message->has_execution || execution->status > DR_JOB_IN_PROGRESS) {
        return;
    }
    heard->event.kind = DR_EVENT_JOB;
    heard->event.job = job;
    dr_agent_copy_text(job->ref.id, sizeof(job->ref.id), execution->job_id);
    job->ref.execution = execution->execution_number;
    job->ref.version = execution->version_number;
    job->started = execution->status == DR_JOB_IN_PROGRESS;
    job->fault = read_document(agent, execution->document, job);
    heard->document = execution->document;
}

/* What a refusal means, by enum dr_job_error; the rest is DR_CODE_OTHER. */
static const uint8_t codes[] = {
    [DR_JOB_ERROR_TOPIC] = DR_CODE_INVALID_REQUEST,
    [DR_JOB_ERROR_JSON] = DR_CODE_INVALID_REQUEST,
    [DR_JOB_ERROR_REQUEST] = DR_CODE_INVALID_REQUEST,
    [DR_JOB_ERROR_TRANSITION] = DR_CODE_GONE,
    [DR_JOB_ERROR_NOT_FOUND] = DR_CODE_GONE,
    [DR_JOB_ERROR_VERSION] = DR_CODE_VERSION_MISMATCH,
    [DR_JOB_ERROR_TERMINAL] = DR_CODE_GONE,
};

static void hear_update(
    const struct dr_topic *topic, const struct dr_job_message *message, struct dr_heard *heard)
{
    struct dr_agent_event *event = &heard->event;
    event->kind =
        topic->answer == DR_TOPIC_ACCEPTED ? DR_EVENT_UPDATE_ACCEPTED : DR_EVENT_UPDATE_REFUSED;
    memcpy(heard->id, topic->id, topic->id_len); /* a job's id: no longer than its bound */
    event->update.job_id = heard->id;
    event->update.code =
        message->error < sizeof(codes) ? (enum dr_agent_code)codes[message->error] : DR_CODE_OTHER;
    event->update.canceled = message->execution.status == DR_JOB_CANCELED;
    event->update.outcome = message->client_token[0] == 'o';
    event->update.version = message->execution.version_number;
}

/* What the next job is counts when it was asked for, and once. */
static bool was_asked(const struct dr_agent *agent, const struct dr_job_message *message)
{
    char token[DR_AGENT_TOKEN_BYTES];
    dr_agent_token(token, 'p', agent->question);
    return agent->question != 0 && strcmp(message->client_token, token) == 0;
}

/* The service's answer to one of our questions. */
static enum dr_status hear_answer(
    const struct dr_agent *agent, const struct dr_topic *topic, const uint8_t *payload,
    size_t size_bytes, struct dr_heard *heard)
{
    struct dr_job_message message;
    if (topic->answer == DR_TOPIC_REQUEST || topic->id_len > DR_JOB_ID_BYTES_MAX) {
        return DR_E_NOT_FOUND;
    }
    DR_TRY(dr_job_parse_message(payload, size_bytes, &message));
    heard->time_s = message.timestamp_s;
    if (topic->kind == DR_TOPIC_JOB_UPDATE) {
        hear_update(topic, &message, heard);
    } else if (topic->kind == DR_TOPIC_REPORT) {
        heard->event.kind = DR_EVENT_REPORT_ACCEPTED; /* refused: saying it again would not help */
    } else if (topic->answer == DR_TOPIC_REJECTED) {
        heard->event.kind = DR_EVENT_ASK_REFUSED;
    } else if (was_asked(agent, &message)) {
        hear_offer(agent, &message, heard);
    } else {
        return DR_E_NOT_FOUND;
    }
    return DR_OK;
}

static enum dr_status hear_stream(
    const struct dr_agent *agent, const struct dr_topic *topic, const uint8_t *payload,
    size_t size_bytes, struct dr_heard *heard)
{
    struct dr_agent_event *event = &heard->event;
    const char *stream = agent->job.stream;
    if (strncmp(stream, topic->id, topic->id_len) != 0 || stream[topic->id_len] != '\0') {
        return DR_E_NOT_FOUND;
    }
    if (topic->kind == DR_TOPIC_STREAM_DATA) {
        struct dr_stream_block block;
        DR_TRY(dr_stream_parse_block(payload, size_bytes, &block));
        if (block.file_id > UINT8_MAX) {
            return DR_E_NOT_FOUND;
        }
        event->kind = DR_EVENT_BLOCK;
        event->block.data = block.payload;
        event->block.size_bytes = block.size_bytes;
        event->block.index = block.index;
        event->block.file = (uint8_t)block.file_id;
        return DR_OK;
    }
    const char *word = NULL;
    size_t word_len = 0;
    DR_TRY(dr_stream_parse_rejected(payload, size_bytes, &word, &word_len));
    event->kind = DR_EVENT_STREAM_REFUSED;
    event->stream.code =
        dr_stream_code_is_transient(word, word_len) ? DR_CODE_OTHER : DR_CODE_STREAM_FINAL;
    return DR_OK;
}

enum dr_status dr_agent_hear(
    const struct dr_agent *agent, const char *topic_text, const uint8_t *payload, size_t size_bytes,
    struct dr_heard *ret_heard)
{
    struct dr_topic topic;
    DR_TRY(dr_topic_parse(topic_text, strlen(topic_text), &topic));
    memset(ret_heard, 0, sizeof(*ret_heard));
    switch (topic.kind) {
    case DR_TOPIC_JOB_GET:
    case DR_TOPIC_JOB_UPDATE:
    case DR_TOPIC_REPORT:
        return hear_answer(agent, &topic, payload, size_bytes, ret_heard);
    case DR_TOPIC_STREAM_DATA:
    case DR_TOPIC_STREAM_REJECTED:
        return hear_stream(agent, &topic, payload, size_bytes, ret_heard);
    case DR_TOPIC_NOTIFY_NEXT:
        ret_heard->event.kind = DR_EVENT_NOTIFIED;
        return DR_OK;
    case DR_TOPIC_NONE:
    case DR_TOPIC_JOBS_GET:
    case DR_TOPIC_START_NEXT:
    case DR_TOPIC_NOTIFY:
    case DR_TOPIC_STREAM_GET:
    case DR_TOPIC_STREAM_DESCRIBE:
    case DR_TOPIC_STREAM_DESCRIPTION:
        break;
    }
    return DR_E_NOT_FOUND;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/letter.h"

#include "format/job.h"
#include "format/stream.h"

#include <string.h>

/* Can this document be carried out? DR_REASON_NONE, and the job is filled in. */
static enum dr_reason read_document(struct dr_json text, struct dr_agent_job *job)
{
    struct dr_job_document document;
    if (dr_job_parse_document(text, &document) != DR_OK) {
        return DR_REASON_DOCUMENT;
    }
    if (document.action != DR_JOB_ACTION_UPDATE) {
        return DR_REASON_RESERVED_FEATURE;
    }
    if ((document.protocols & DR_JOB_PROTOCOL_MQTT) == 0) {
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
    if (document.has_digest) {
        memcpy(job->ref.digest, document.digest, sizeof(job->ref.digest));
    }
    return DR_REASON_NONE;
}

static enum dr_status hear_offer(const uint8_t *payload, size_t size_bytes, struct dr_heard *heard)
{
    struct dr_job_message offer;
    DR_TRY(dr_job_parse_message(payload, size_bytes, &offer));
    const struct dr_job_execution *execution = &offer.execution;
    heard->time_s = offer.timestamp_s;
    heard->event.kind = DR_EVENT_NO_JOB;
    if (!offer.has_execution ||
        (execution->status != DR_JOB_QUEUED && execution->status != DR_JOB_IN_PROGRESS)) {
        return DR_OK;
    }
    struct dr_agent_job *job = &heard->job;
    dr_agent_copy_text(job->ref.id, sizeof(job->ref.id), execution->job_id);
    job->ref.execution = execution->execution_number;
    job->ref.version = execution->version_number;
    job->started = execution->status == DR_JOB_IN_PROGRESS;
    job->fault = read_document(execution->document, job);
    heard->event.kind = DR_EVENT_JOB;
    heard->event.job = job;
    return DR_OK;
}

static enum dr_agent_code code_of(enum dr_job_error error)
{
    switch (error) {
    case DR_JOB_ERROR_REQUEST:
    case DR_JOB_ERROR_JSON:
    case DR_JOB_ERROR_TOPIC:
        return DR_CODE_INVALID_REQUEST;
    case DR_JOB_ERROR_TRANSITION:
    case DR_JOB_ERROR_NOT_FOUND:
    case DR_JOB_ERROR_TERMINAL:
        return DR_CODE_GONE;
    case DR_JOB_ERROR_VERSION:
        return DR_CODE_VERSION_MISMATCH;
    case DR_JOB_ERROR_NONE:
    case DR_JOB_ERROR_INTERNAL:
    case DR_JOB_ERROR_THROTTLED:
        return DR_CODE_OTHER;
    }
    return DR_CODE_OTHER;
}

static enum dr_status hear_answer(
    const struct dr_topic *topic, const uint8_t *payload, size_t size_bytes, struct dr_heard *heard)
{
    struct dr_job_message answer;
    struct dr_agent_event *event = &heard->event;
    DR_TRY(dr_job_parse_message(payload, size_bytes, &answer));
    heard->time_s = answer.timestamp_s;
    if (topic->kind == DR_TOPIC_JOB_GET) {
        event->kind = DR_EVENT_ASK_REFUSED;
        event->code = code_of(answer.error);
        return DR_OK;
    }
    if (topic->id_len > DR_JOB_ID_BYTES_MAX) {
        return DR_E_NOT_FOUND;
    }
    memcpy(heard->id, topic->id, topic->id_len);
    event->kind =
        topic->answer == DR_TOPIC_ACCEPTED ? DR_EVENT_UPDATE_ACCEPTED : DR_EVENT_UPDATE_REFUSED;
    event->update.job_id = heard->id;
    event->update.code = code_of(answer.error);
    event->update.canceled = answer.execution.status == DR_JOB_CANCELED;
    event->update.outcome = answer.client_token[0] == 'o';
    event->update.version = answer.execution.version_number;
    return DR_OK;
}

static enum dr_status hear_stream(
    const struct dr_agent *agent, const struct dr_topic *topic, const uint8_t *payload,
    size_t size_bytes, struct dr_heard *heard)
{
    struct dr_agent_event *event = &heard->event;
    const char *stream = agent->job.stream;
    if (strlen(stream) != topic->id_len || memcmp(stream, topic->id, topic->id_len) != 0) {
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
    event->code =
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
    bool accepted = topic.answer == DR_TOPIC_ACCEPTED;
    if (topic.kind == DR_TOPIC_JOB_GET && accepted) {
        return hear_offer(payload, size_bytes, ret_heard);
    }
    if (topic.kind == DR_TOPIC_JOB_UPDATE ||
        (topic.kind == DR_TOPIC_JOB_GET && topic.answer == DR_TOPIC_REJECTED)) {
        return hear_answer(&topic, payload, size_bytes, ret_heard);
    }
    if (topic.kind == DR_TOPIC_STREAM_DATA || topic.kind == DR_TOPIC_STREAM_REJECTED) {
        return hear_stream(agent, &topic, payload, size_bytes, ret_heard);
    }
    if (topic.kind == DR_TOPIC_NOTIFY_NEXT) {
        ret_heard->event.kind = DR_EVENT_NOTIFIED;
        return DR_OK;
    }
    if (topic.kind == DR_TOPIC_REPORT && accepted) {
        struct dr_job_message answer;
        ret_heard->event.kind = DR_EVENT_REPORT_ACCEPTED;
        DR_TRY(dr_job_parse_message(payload, size_bytes, &answer));
        ret_heard->time_s = answer.timestamp_s;
        return DR_OK;
    }
    return DR_E_NOT_FOUND;
}

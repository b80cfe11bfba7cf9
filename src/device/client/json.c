/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/client/json.h"

#include "format/stream_json.h"

#include <string.h>

static enum dr_status
ask(const struct dr_client *client, const struct dr_block_range *blocks, struct dr_letter *letter)
{
    const struct dr_agent_job *job = &client->agent.job;
    const uint8_t bitmap[] = {
        (uint8_t)blocks->bits, (uint8_t)(blocks->bits >> 8), (uint8_t)(blocks->bits >> 16),
        (uint8_t)(blocks->bits >> 24)};
    struct dr_stream_get get = {
        .file_id = job->file,
        .block_size_bytes = client->agent.window.block_bytes,
        .offset = blocks->first,
        .bitmap = bitmap,
        .bitmap_size_bytes = sizeof(bitmap),
    };
    const struct dr_topic topic = {
        .kind = DR_TOPIC_STREAM_GET,
        .dialect = DR_DIALECT_JSON,
        .thing = client->endpoint.thing,
        .thing_len = strlen(client->endpoint.thing),
        .id = job->stream,
        .id_len = strlen(job->stream),
    };
    size_t len = 0;
    for (uint32_t bits = blocks->bits; bits != 0; bits &= bits - 1u) {
        get.count++;
    }
    letter->qos = 0; /* as in CBOR: blocks heal by themselves */
    DR_TRY(dr_topic_build(&topic, letter->topic, sizeof(letter->topic), &len));
    return dr_stream_json_write_get(
        &get, letter->payload, sizeof(letter->payload), &letter->size_bytes);
}

static enum dr_status hear_block(
    const struct dr_client_json_state *state, const struct dr_link_event *event,
    struct dr_agent_event *out)
{
    struct dr_stream_block block;
    DR_TRY(dr_stream_json_parse_block(
        event->payload, event->size_bytes, state->block, state->block_capacity_bytes, &block));
    if (block.file_id > UINT8_MAX) {
        return DR_E_FORMAT;
    }
    out->kind = DR_EVENT_BLOCK;
    out->block.data = block.payload;
    out->block.size_bytes = block.size_bytes;
    out->block.index = block.index;
    out->block.file = (uint8_t)block.file_id;
    return DR_OK;
}

static enum dr_status hear_refusal(const struct dr_link_event *event, struct dr_agent_event *out)
{
    const char *word = NULL;
    size_t len = 0;
    DR_TRY(dr_stream_json_parse_rejected(event->payload, event->size_bytes, &word, &len));
    out->kind = DR_EVENT_STREAM_REFUSED;
    out->stream.code =
        dr_stream_code_is_transient(word, len) ? DR_CODE_OTHER : DR_CODE_STREAM_FINAL;
    return DR_OK;
}

static enum dr_status
hear(const struct dr_client *client, const struct dr_link_event *event, struct dr_heard *ret_heard)
{
    const char *stream = client->agent.job.stream;
    struct dr_topic topic;
    DR_TRY(dr_topic_parse(event->topic, strlen(event->topic), &topic));
    if (topic.dialect != DR_DIALECT_JSON || strlen(stream) != topic.id_len ||
        memcmp(stream, topic.id, topic.id_len) != 0) {
        return DR_E_NOT_FOUND;
    }
    memset(ret_heard, 0, sizeof(*ret_heard));
    if (topic.kind == DR_TOPIC_STREAM_DATA) {
        return hear_block(client->config.json, event, &ret_heard->event);
    }
    return topic.kind == DR_TOPIC_STREAM_REJECTED ? hear_refusal(event, &ret_heard->event)
                                                  : DR_E_NOT_FOUND;
}

const struct dr_client_dialect dr_client_json = {.ending = "/json", .ask = ask, .hear = hear};

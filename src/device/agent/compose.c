/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/letter.h"

#include "base/cursor.h"
#include "base/text.h"
#include "format/job.h"
#include "format/stream.h"

#include <string.h>

/* Answers are told apart by the first letter of the token; the rest tells requests apart. */
#define TOKEN_BYTES 10u

static void make_token(char out[TOKEN_BYTES], char kind, uint64_t now_ms)
{
    uint32_t now = (uint32_t)now_ms;
    uint8_t bytes[4] = {
        (uint8_t)(now >> 24), (uint8_t)(now >> 16), (uint8_t)(now >> 8), (uint8_t)now};
    out[0] = kind;
    dr_hex_encode(bytes, sizeof(bytes), out + 1);
}

static enum dr_status
set_topic(struct dr_letter *letter, const char *thing, enum dr_topic_kind kind, const char *id)
{
    size_t len = 0;
    struct dr_topic topic = {
        .kind = kind,
        .dialect = DR_DIALECT_CBOR,
        .thing = thing,
        .thing_len = strlen(thing),
        .id = id,
        .id_len = id != NULL ? strlen(id) : 0,
    };
    return dr_topic_build(&topic, letter->topic, sizeof(letter->topic), &len);
}

static enum dr_status write_blocks(
    const struct dr_agent *agent, const struct dr_block_range *blocks, struct dr_letter *letter)
{
    uint8_t bitmap[DR_WINDOW_SPAN / 8u];
    size_t bitmap_bytes = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < DR_WINDOW_SPAN; i++) {
        count += (uint32_t)(blocks->bits >> i) & 1u;
    }
    for (uint32_t i = 0; i < sizeof(bitmap); i++) {
        bitmap[i] = (uint8_t)(blocks->bits >> (8u * i));
        bitmap_bytes = bitmap[i] != 0 ? i + 1u : bitmap_bytes;
    }
    const struct dr_stream_get get = {
        .file_id = agent->job.file,
        .block_size_bytes = agent->window.block_bytes,
        .offset = blocks->first,
        .count = count,
        .bitmap = bitmap,
        .bitmap_size_bytes = bitmap_bytes,
    };
    return dr_stream_write_get(&get, letter->payload, sizeof(letter->payload), &letter->size_bytes);
}

/* What the execution's details are to say: progress of the download, AWS's handshake before and
 * after the reset, or how it ended. An update replaces all of them. */
static void fill_details(
    const struct dr_agent *agent, const struct dr_agent_self *self, enum dr_agent_message message,
    struct dr_job_details *details)
{
    const struct dr_window *window = &agent->window;
    const struct dr_outcome *outcome = &agent->record.outcome;
    if (message == DR_SEND_PROGRESS) {
        if (agent->admitted) {
            details->progress_done = window->block_count - window->missing_count;
            details->progress_total = window->block_count;
        }
        return;
    }
    details->updated_by = &self->report.version;
    details->slot = dr_report_slot_word(self->report.slot);
    if (message != DR_SEND_OUTCOME) {
        details->self_test =
            message == DR_SEND_READY ? DR_JOB_SELF_TEST_READY : DR_JOB_SELF_TEST_ACTIVE;
        return;
    }
    if (outcome->state == DR_OUTCOME_SUCCEEDED) {
        details->self_test = DR_JOB_SELF_TEST_ACCEPTED;
    }
    details->reason = outcome->reason;
    details->detail = outcome->detail;
    details->has_tries = outcome->tries != 0;
    details->tries = outcome->tries;
}

static enum dr_status write_update(
    const struct dr_agent *agent, const struct dr_agent_self *self, enum dr_agent_message message,
    const char *token, struct dr_letter *letter)
{
    static const uint8_t ends[] = {DR_JOB_SUCCEEDED, DR_JOB_FAILED, DR_JOB_REJECTED};
    const struct dr_outcome *outcome = &agent->record.outcome;
    const struct dr_job_ref *job = &agent->record.installing.job;
    struct dr_job_details details = {0};
    struct dr_job_update update = {
        .status = DR_JOB_IN_PROGRESS, .client_token = token, .details = &details};
    if (message == DR_SEND_PROGRESS) {
        job = &agent->job.ref;
    } else if (message == DR_SEND_OUTCOME) {
        job = &outcome->job;
        update.expected_version = job->version;
        update.status = (enum dr_job_status)ends[(outcome->state - DR_OUTCOME_SUCCEEDED) % 3u];
    }
    update.execution_number = job->execution;
    fill_details(agent, self, message, &details);
    DR_TRY(set_topic(letter, self->thing, DR_TOPIC_JOB_UPDATE, job->id));
    return dr_job_write_update(
        &update, (char *)letter->payload, sizeof(letter->payload), &letter->size_bytes);
}

static enum dr_status write_report(
    const struct dr_agent *agent, const struct dr_agent_self *self, const char *token,
    struct dr_letter *letter)
{
    struct dr_report report = self->report;
    report.uptime_s = agent->total_s - agent->base_s;
    if (agent->health.confirm_written) {
        report.state = DR_REPORT_CONFIRMED; /* read back: the next boot finds it */
    }
    dr_agent_copy_text(report.client_token, sizeof(report.client_token), token);
    for (size_t i = 0; i < DR_AGENT_NOTES_MAX; i++) {
        const struct dr_note *note = &agent->record.notes[i];
        if (note->reason != DR_REASON_NONE) {
            struct dr_report_note *out = &report.notes[report.note_count++];
            out->reason = note->reason;
            out->uptime_s = note->uptime_s;
            dr_agent_copy_text(out->detail, sizeof(out->detail), note->detail);
        }
    }
    return dr_report_write(
        &report, (char *)letter->payload, sizeof(letter->payload), &letter->size_bytes);
}

enum dr_status dr_agent_compose(
    const struct dr_agent *agent, const struct dr_agent_action *action,
    const struct dr_agent_self *self, struct dr_letter *ret_letter)
{
    char token[TOKEN_BYTES];
    make_token(token, action->send.message == DR_SEND_OUTCOME ? 'o' : 'p', agent->now_ms);
    ret_letter->qos = 1;
    switch (action->send.message) {
    case DR_SEND_ASK:
        DR_TRY(set_topic(ret_letter, self->thing, DR_TOPIC_JOB_GET, DR_JOB_NEXT));
        return dr_job_write_get(
            token, (char *)ret_letter->payload, sizeof(ret_letter->payload),
            &ret_letter->size_bytes);
    case DR_SEND_BLOCKS:
        ret_letter->qos = 0;
        DR_TRY(set_topic(ret_letter, self->thing, DR_TOPIC_STREAM_GET, agent->job.stream));
        return write_blocks(agent, &action->send.blocks, ret_letter);
    case DR_SEND_REPORT:
        DR_TRY(set_topic(ret_letter, self->thing, DR_TOPIC_REPORT, NULL));
        return write_report(agent, self, token, ret_letter);
    case DR_SEND_PROGRESS:
    case DR_SEND_READY:
    case DR_SEND_ACTIVE:
    case DR_SEND_OUTCOME:
        break;
    }
    return write_update(agent, self, action->send.message, token, ret_letter);
}

enum dr_status dr_agent_filter(const char *thing, size_t index, char out[DR_TOPIC_BYTES_MAX])
{
    static const char *const ends[DR_AGENT_FILTERS] = {
        "/jobs/notify-next", "/streams/+/data/cbor", "/streams/+/rejected/cbor"};
    struct dr_writer writer;
    dr_writer_init(&writer, (uint8_t *)out, DR_TOPIC_BYTES_MAX);
    dr_write_text(&writer, "$aws/things/");
    dr_write_text(&writer, thing);
    dr_write_text(&writer, ends[index < DR_AGENT_FILTERS ? index : 0]);
    dr_write_u8(&writer, 0);
    return writer.status;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/letter.h"

#include "base/cursor.h"
#include "base/text.h"
#include "device/agent/agent_priv.h"
#include "format/job.h"
#include "format/stream.h"

#include <string.h>

void dr_agent_token(char out[DR_AGENT_TOKEN_BYTES], char kind, uint32_t number)
{
    uint8_t bytes[4] = {
        (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
    out[0] = kind;
    dr_hex_encode(bytes, sizeof(bytes), out + 1);
}

static enum dr_status write_blocks(
    const struct dr_agent *agent, const struct dr_block_range *blocks, struct dr_letter *letter)
{
    const uint8_t bitmap[] = {
        (uint8_t)blocks->bits, (uint8_t)(blocks->bits >> 8), (uint8_t)(blocks->bits >> 16),
        (uint8_t)(blocks->bits >> 24)};
    uint32_t count = 0;
    for (uint32_t bits = blocks->bits; bits != 0; bits &= bits - 1u) {
        count++;
    }
    const struct dr_stream_get get = {
        .file_id = agent->job.file,
        .block_size_bytes = agent->window.block_bytes,
        .offset = blocks->first,
        .count = count,
        .bitmap = bitmap,
        .bitmap_size_bytes = sizeof(bitmap),
    };
    return dr_stream_write_get(&get, letter->payload, sizeof(letter->payload), &letter->size_bytes);
}

/* An update of an execution. Its details are the progress of a download, AWS's handshake before and
 * after the reset, or how it ended; each replaces all that was there. */
static enum dr_status write_update(
    const struct dr_agent *agent, const struct dr_agent_self *self, enum dr_agent_message message,
    const struct dr_job_ref *job, struct dr_letter *letter, const char *token)
{
    const struct dr_outcome *outcome = &agent->record.outcome;
    struct dr_job_details details = {0};
    struct dr_job_update update = {
        .status = DR_JOB_IN_PROGRESS,
        .execution_number = job->execution,
        .client_token = token,
        .details = &details};
    if (message == DR_SEND_PROGRESS) {
        details.path = self->path;
        if (agent->admitted) {
            details.progress_total = agent->window.block_count;
            details.progress_done = agent->window.block_count - agent->window.missing_count;
        }
    } else {
        details.updated_by = &self->report.version;
        details.slot = dr_report_slot_word(self->report.slot);
        details.self_test =
            message == DR_SEND_READY ? DR_JOB_SELF_TEST_READY : DR_JOB_SELF_TEST_ACTIVE;
    }
    if (message == DR_SEND_OUTCOME) {
        update.expected_version = job->version;
        update.status = outcome->state == DR_OUTCOME_REJECTED ? DR_JOB_REJECTED : DR_JOB_FAILED;
        details.self_test = DR_JOB_SELF_TEST_NONE;
        if (outcome->state == DR_OUTCOME_SUCCEEDED) {
            update.status = DR_JOB_SUCCEEDED;
            details.self_test = DR_JOB_SELF_TEST_ACCEPTED;
        }
        details.reason = (enum dr_reason)outcome->reason;
        details.detail = outcome->detail;
        details.tries = outcome->tries;
    }
    return dr_job_write_update(
        &update, (char *)letter->payload, sizeof(letter->payload), &letter->size_bytes);
}

static enum dr_status write_report(
    const struct dr_agent *agent, const struct dr_agent_self *self, struct dr_letter *letter,
    const char *token)
{
    struct dr_report report = self->report;
    const struct dr_note *note = agent->record.notes;
    report.uptime_s = agent->total_s - agent->base_s;
    if (agent->health.confirm_written) {
        report.state = DR_REPORT_CONFIRMED; /* read back: the next boot finds it */
    }
    dr_agent_copy_text(report.client_token, sizeof(report.client_token), token);
    for (; report.note_count < DR_AGENT_NOTES_MAX && note->reason != DR_REASON_NONE; note++) {
        struct dr_report_note *out = &report.notes[report.note_count++];
        out->reason = (enum dr_reason)note->reason;
        out->uptime_s = note->uptime_s;
        dr_agent_copy_text(out->detail, sizeof(out->detail), note->detail);
    }
    return dr_report_write(
        &report, (char *)letter->payload, sizeof(letter->payload), &letter->size_bytes);
}

enum dr_status dr_agent_compose(
    const struct dr_agent *agent, const struct dr_agent_action *action,
    const struct dr_agent_self *self, struct dr_letter *ret_letter)
{
    char token[DR_AGENT_TOKEN_BYTES];
    size_t len = 0;
    enum dr_agent_message message = action->send.message;
    const struct dr_job_ref *job = &agent->record.installing.job;
    struct dr_topic topic = {.kind = DR_TOPIC_JOB_UPDATE, .thing = self->thing};
    if (message == DR_SEND_PROGRESS) {
        job = &agent->job.ref;
    } else if (message == DR_SEND_OUTCOME) {
        job = &agent->record.outcome.job;
    }
    topic.id = job->id;
    if (message == DR_SEND_ASK) {
        topic.kind = DR_TOPIC_JOB_GET;
        topic.id = DR_JOB_NEXT;
    } else if (message == DR_SEND_BLOCKS) {
        topic.kind = DR_TOPIC_STREAM_GET;
        topic.id = agent->job.stream;
    } else if (message == DR_SEND_REPORT) {
        topic.kind = DR_TOPIC_REPORT;
    }
    topic.thing_len = strlen(topic.thing);
    topic.id_len = strlen(topic.id);
    DR_TRY(dr_topic_build(&topic, ret_letter->topic, sizeof(ret_letter->topic), &len));
    dr_agent_token(
        token, message == DR_SEND_OUTCOME ? 'o' : 'p',
        message == DR_SEND_ASK ? agent->question : (uint32_t)agent->now_ms);
    ret_letter->qos = message != DR_SEND_BLOCKS;
    if (message == DR_SEND_ASK) {
        return dr_job_write_get(
            token, (char *)ret_letter->payload, sizeof(ret_letter->payload),
            &ret_letter->size_bytes);
    }
    if (message == DR_SEND_BLOCKS) {
        return write_blocks(agent, &action->send.blocks, ret_letter);
    }
    if (message == DR_SEND_REPORT) {
        return write_report(agent, self, ret_letter, token);
    }
    return write_update(agent, self, message, job, ret_letter, token);
}

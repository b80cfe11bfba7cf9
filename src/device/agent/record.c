/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/record.h"

#include "base/check.h"
#include "base/cursor.h"

#include <string.h>

#define RECORD_VERSION 1u

DR_STATIC_ASSERT(
    1u + 4u +
            2u * (1u + 1u + DR_JOB_ID_BYTES_MAX + 12u + 32u + 1u + 1u + DR_DETAIL_BYTES_MAX + 2u) +
            36u + DR_AGENT_WAITS_MAX * 37u + DR_AGENT_NOTES_MAX * (6u + DR_DETAIL_BYTES_MAX) <=
        DR_AGENT_RECORD_BYTES_MAX,
    "the record does not fit");

/* u8 length, then the bytes. */
static void put_text(struct dr_writer *out, const char *text)
{
    dr_write_u8(out, (uint8_t)strlen(text));
    dr_write_text(out, text);
}

static void get_text(struct dr_reader *in, char *text, size_t len_max)
{
    size_t len = dr_read_u8(in);
    if (len > len_max) {
        dr_reader_fail(in, DR_E_FORMAT);
        return;
    }
    dr_read_bytes(in, (uint8_t *)text, len);
    text[len] = '\0';
}

static void put_outcome(struct dr_writer *out, const struct dr_outcome *outcome)
{
    dr_write_u8(out, (uint8_t)outcome->state);
    put_text(out, outcome->job_id);
    dr_write_u32(out, outcome->execution);
    dr_write_u32(out, outcome->version);
    dr_write_u32(out, outcome->since_s);
    dr_write_bytes(out, outcome->digest, sizeof(outcome->digest));
    dr_write_u8(out, (uint8_t)outcome->reason);
    put_text(out, outcome->detail);
    dr_write_u8(out, outcome->tries);
    dr_write_u8(out, outcome->installs);
}

static void get_outcome(struct dr_reader *in, struct dr_outcome *outcome)
{
    uint8_t state = dr_read_u8(in);
    if (state > DR_OUTCOME_REJECTED) {
        dr_reader_fail(in, DR_E_FORMAT);
        return;
    }
    outcome->state = (enum dr_outcome_state)state;
    get_text(in, outcome->job_id, DR_JOB_ID_BYTES_MAX);
    outcome->execution = dr_read_u32(in);
    outcome->version = dr_read_u32(in);
    outcome->since_s = dr_read_u32(in);
    dr_read_bytes(in, outcome->digest, sizeof(outcome->digest));
    outcome->reason = (enum dr_reason)dr_read_u8(in);
    get_text(in, outcome->detail, DR_DETAIL_BYTES_MAX);
    outcome->tries = dr_read_u8(in);
    outcome->installs = dr_read_u8(in);
}

size_t dr_agent_record_encode(const struct dr_agent_record *record, uint8_t *out)
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_AGENT_RECORD_BYTES_MAX);
    dr_write_u8(&writer, RECORD_VERSION);
    dr_write_u32(&writer, record->uptime_s);
    put_outcome(&writer, &record->installing);
    put_outcome(&writer, &record->outcome);
    dr_write_bytes(&writer, record->confirmed, sizeof(record->confirmed));
    dr_write_u32(&writer, record->confirmed_s);
    for (size_t i = 0; i < DR_AGENT_WAITS_MAX; i++) {
        const struct dr_wait *wait = &record->waits[i];
        dr_write_bytes(&writer, wait->digest, sizeof(wait->digest));
        dr_write_u8(&writer, wait->failures);
        dr_write_u32(&writer, wait->until_s);
    }
    for (size_t i = 0; i < DR_AGENT_NOTES_MAX; i++) {
        const struct dr_note *note = &record->notes[i];
        dr_write_u8(&writer, (uint8_t)note->reason);
        put_text(&writer, note->detail);
        dr_write_u32(&writer, note->uptime_s);
    }
    return writer.size_bytes;
}

enum dr_status
dr_agent_record_decode(const uint8_t *data, size_t size_bytes, struct dr_agent_record *ret_record)
{
    struct dr_reader reader;
    memset(ret_record, 0, sizeof(*ret_record));
    dr_reader_init(&reader, data, size_bytes);
    if (dr_read_u8(&reader) != RECORD_VERSION) {
        dr_reader_fail(&reader, DR_E_UNSUPPORTED);
    }
    ret_record->uptime_s = dr_read_u32(&reader);
    get_outcome(&reader, &ret_record->installing);
    get_outcome(&reader, &ret_record->outcome);
    dr_read_bytes(&reader, ret_record->confirmed, sizeof(ret_record->confirmed));
    ret_record->confirmed_s = dr_read_u32(&reader);
    for (size_t i = 0; i < DR_AGENT_WAITS_MAX; i++) {
        struct dr_wait *wait = &ret_record->waits[i];
        dr_read_bytes(&reader, wait->digest, sizeof(wait->digest));
        wait->failures = dr_read_u8(&reader);
        wait->until_s = dr_read_u32(&reader);
    }
    for (size_t i = 0; i < DR_AGENT_NOTES_MAX; i++) {
        struct dr_note *note = &ret_record->notes[i];
        note->reason = (enum dr_reason)dr_read_u8(&reader);
        get_text(&reader, note->detail, DR_DETAIL_BYTES_MAX);
        note->uptime_s = dr_read_u32(&reader);
    }
    enum dr_status status = dr_reader_end(&reader);
    if (status != DR_OK) {
        memset(ret_record, 0, sizeof(*ret_record));
    }
    return status;
}

void dr_agent_copy_text(char *out, size_t capacity, const char *text)
{
    size_t len = 0;
    while (text != NULL && text[len] != '\0' && len + 1u < capacity) {
        out[len] = text[len];
        len++;
    }
    memset(out + len, 0, capacity - len);
}

bool dr_agent_note(
    struct dr_agent_record *record, enum dr_reason reason, const char *detail, uint32_t uptime_s)
{
    struct dr_note *notes = record->notes;
    size_t at = 0;
    while (at < DR_AGENT_NOTES_MAX - 1u && notes[at].reason != DR_REASON_NONE &&
           notes[at].reason != reason) {
        at++;
    }
    bool is_new = notes[at].reason != reason;
    if (is_new && notes[at].reason != DR_REASON_NONE) {
        memmove(&notes[0], &notes[1], at * sizeof(notes[0]));
    }
    notes[at].reason = reason;
    notes[at].uptime_s = uptime_s;
    dr_agent_copy_text(notes[at].detail, sizeof(notes[at].detail), detail);
    return is_new;
}

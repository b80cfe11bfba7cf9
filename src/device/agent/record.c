/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/record.h"

#include "base/check.h"
#include "base/cursor.h"

#include <string.h>

#define RECORD_VERSION 1u
#define OUTCOME_BYTES (DR_JOB_ID_BYTES_MAX + 1u + 12u + 32u + DR_DETAIL_BYTES + 4u)

DR_STATIC_ASSERT(
    1u + 4u + 2u * OUTCOME_BYTES + 36u + DR_AGENT_WAITS_MAX * 37u +
            DR_AGENT_NOTES_MAX * (5u + DR_DETAIL_BYTES) <=
        DR_AGENT_RECORD_BYTES_MAX,
    "the record does not fit");

/* One walk over the fields serves both ways: exactly one of out and in is set. */
struct walk {
    struct dr_writer *out;
    struct dr_reader *in;
};

static void walk_bytes(const struct walk *walk, void *field, size_t size_bytes)
{
    if (walk->out != NULL) {
        dr_write_bytes(walk->out, field, size_bytes);
    } else {
        dr_read_bytes(walk->in, field, size_bytes);
    }
}

static void walk_u32(const struct walk *walk, uint32_t *field)
{
    if (walk->out != NULL) {
        dr_write_u32(walk->out, *field);
    } else {
        *field = dr_read_u32(walk->in);
    }
}

static void walk_text(const struct walk *walk, char *field, size_t size_bytes)
{
    walk_bytes(walk, field, size_bytes);
    field[size_bytes - 1u] = '\0';
}

static uint8_t walk_u8(const struct walk *walk, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    walk_bytes(walk, &byte, 1);
    return byte;
}

static void walk_outcome(const struct walk *walk, struct dr_outcome *outcome)
{
    outcome->state = (enum dr_outcome_state)walk_u8(walk, outcome->state);
    walk_u32(walk, &outcome->job.execution);
    walk_u32(walk, &outcome->job.version);
    walk_bytes(walk, outcome->job.digest, sizeof(outcome->job.digest));
    walk_text(walk, outcome->job.id, sizeof(outcome->job.id));
    walk_u32(walk, &outcome->since_s);
    outcome->reason = (enum dr_reason)walk_u8(walk, outcome->reason);
    walk_text(walk, outcome->detail, sizeof(outcome->detail));
    outcome->tries = walk_u8(walk, outcome->tries);
    outcome->installs = walk_u8(walk, outcome->installs);
}

static void walk_record(const struct walk *walk, struct dr_agent_record *record)
{
    walk_u32(walk, &record->uptime_s);
    walk_outcome(walk, &record->installing);
    walk_outcome(walk, &record->outcome);
    walk_bytes(walk, record->confirmed, sizeof(record->confirmed));
    walk_u32(walk, &record->confirmed_s);
    for (size_t i = 0; i < DR_AGENT_WAITS_MAX; i++) {
        struct dr_wait *wait = &record->waits[i];
        walk_bytes(walk, wait->digest, sizeof(wait->digest));
        wait->failures = walk_u8(walk, wait->failures);
        walk_u32(walk, &wait->until_s);
    }
    for (size_t i = 0; i < DR_AGENT_NOTES_MAX; i++) {
        struct dr_note *note = &record->notes[i];
        note->reason = (enum dr_reason)walk_u8(walk, note->reason);
        walk_text(walk, note->detail, sizeof(note->detail));
        walk_u32(walk, &note->uptime_s);
    }
}

size_t dr_agent_record_encode(const struct dr_agent_record *record, uint8_t *out)
{
    struct dr_agent_record copy = *record; /* the walk writes to what it walks */
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_AGENT_RECORD_BYTES_MAX);
    dr_write_u8(&writer, RECORD_VERSION);
    walk_record(&(struct walk){.out = &writer}, &copy);
    return writer.size_bytes;
}

enum dr_status
dr_agent_record_decode(const uint8_t *data, size_t size_bytes, struct dr_agent_record *ret_record)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data, size_bytes);
    if (dr_read_u8(&reader) != RECORD_VERSION) {
        dr_reader_fail(&reader, DR_E_UNSUPPORTED);
    }
    walk_record(&(struct walk){.in = &reader}, ret_record);
    enum dr_status status = dr_reader_end(&reader);
    if (status == DR_OK && (ret_record->installing.state > DR_OUTCOME_INSTALLING ||
                            ret_record->outcome.state > DR_OUTCOME_REJECTED)) {
        status = DR_E_FORMAT;
    }
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

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/record.h"

#include "base/check.h"
#include "base/cursor.h"

#include <string.h>

#define RECORD_VERSION 2u

/* The stored form: version, then these runs, each some words and the bytes right behind them. The
 * last byte of a text is not stored: it is the zero that ends it. */
static const struct {
    uint16_t offset; /* in struct dr_agent_record */
    uint8_t words;
    uint8_t bytes;
} runs[] = {
/* clang-format off */
#define RUN(field, words, bytes) {(uint16_t)offsetof(struct dr_agent_record, field), words, bytes}
    RUN(uptime_s, 3, 32),
    RUN(installing.job, 2, 32 + DR_JOB_ID_BYTES_MAX),
    RUN(installing.state, 0, 4),
    RUN(installing.since_s, 1, DR_DETAIL_BYTES_MAX),
    RUN(outcome.job, 2, 32 + DR_JOB_ID_BYTES_MAX),
    RUN(outcome.state, 0, 4),
    RUN(outcome.since_s, 1, DR_DETAIL_BYTES_MAX),
    RUN(waits[0], 1, 32 + 1), RUN(waits[1], 1, 32 + 1),
    RUN(waits[2], 1, 32 + 1), RUN(waits[3], 1, 32 + 1),
    RUN(waits[4], 1, 32 + 1), RUN(waits[5], 1, 32 + 1),
    RUN(waits[6], 1, 32 + 1), RUN(waits[7], 1, 32 + 1),
    RUN(notes[0], 1, 1 + DR_DETAIL_BYTES_MAX), RUN(notes[1], 1, 1 + DR_DETAIL_BYTES_MAX),
    RUN(notes[2], 1, 1 + DR_DETAIL_BYTES_MAX), RUN(notes[3], 1, 1 + DR_DETAIL_BYTES_MAX),
#undef RUN
    /* clang-format on */
};

DR_STATIC_ASSERT(DR_AGENT_WAITS_MAX == 8u && DR_AGENT_NOTES_MAX == 4u, "every entry has its run");
DR_STATIC_ASSERT(
    offsetof(struct dr_outcome, installs) == offsetof(struct dr_outcome, state) + 3u,
    "the four bytes of an outcome lie together");
DR_STATIC_ASSERT(
    sizeof(struct dr_agent_record) < DR_AGENT_RECORD_BYTES_MAX, "the record does not fit");

/* Exactly one of out and in is set. */
static void walk(struct dr_agent_record *record, struct dr_writer *out, struct dr_reader *in)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(runs); i++) {
        uint8_t *field = (uint8_t *)record + runs[i].offset;
        for (uint8_t words = runs[i].words; words > 0; words--) {
            uint32_t word;
            memcpy(&word, field, sizeof(word));
            if (out != NULL) {
                dr_write_u32(out, word);
            } else {
                word = dr_read_u32(in);
                memcpy(field, &word, sizeof(word));
            }
            field += sizeof(word);
        }
        if (out != NULL) {
            dr_write_bytes(out, field, runs[i].bytes);
        } else {
            dr_read_bytes(in, field, runs[i].bytes);
        }
    }
}

size_t dr_agent_record_encode(const struct dr_agent_record *record, uint8_t *out)
{
    struct dr_agent_record copy = *record; /* the walk goes both ways */
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_AGENT_RECORD_BYTES_MAX);
    dr_write_u8(&writer, RECORD_VERSION);
    walk(&copy, &writer, NULL);
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
    walk(ret_record, NULL, &reader);
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
    while (len > 0 && ((uint8_t)text[len] & 0xc0u) == 0x80u) {
        len--; /* what does not fit is cut between characters */
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
    notes[at].reason = (uint8_t)reason;
    notes[at].uptime_s = uptime_s;
    dr_agent_copy_text(notes[at].detail, sizeof(notes[at].detail), detail);
    return is_new;
}

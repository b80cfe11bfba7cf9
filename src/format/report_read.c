/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The service's half of reports. */
#include "format/report.h"

#include "base/text.h"
#include "format/json.h"
#include "format/report_words.h"
#include "format/word.h"

#include <string.h>

/* What the tables fill: the report, and members that need a second look. */
struct parts {
    struct dr_report report;
    struct dr_json token;
    struct dr_json version;
    struct dr_json digest;
    struct dr_json slot;
    struct dr_json state;
    struct dr_json mode;
    struct dr_json boot_reason;
    struct dr_json last_reason;
    struct dr_json counters;
    struct dr_json notes;
};

#define PART(field) offsetof(struct parts, field)

static const struct dr_json_fields report_fields = {
    "version\0digest\0slot\0clientToken\0state\0mode\0rung\0triesLeft\0bootReason\0lastReason\0"
    "counters\0alerts\0uptime\0notes\0",
    1u | 2u | 4u, /* the first three are required */
    (const struct dr_json_field[]){
        {PART(version), DR_JSON_FIELD_STRING, 0},
        {PART(digest), DR_JSON_FIELD_STRING, 0},
        {PART(slot), DR_JSON_FIELD_STRING, 0},
        {PART(token), DR_JSON_FIELD_STRING, 0},
        {PART(state), DR_JSON_FIELD_STRING, 0},
        {PART(mode), DR_JSON_FIELD_STRING, 0},
        {PART(report.rung), DR_JSON_FIELD_U8, 0},
        {PART(report.tries_left), DR_JSON_FIELD_U8, 0},
        {PART(boot_reason), DR_JSON_FIELD_STRING, 0},
        {PART(last_reason), DR_JSON_FIELD_STRING, 0},
        {PART(counters), DR_JSON_FIELD_OBJECT, 0},
        {PART(report.alerts), DR_JSON_FIELD_U32, 0},
        {PART(report.uptime_s), DR_JSON_FIELD_U32, 0},
        {PART(notes), DR_JSON_FIELD_VALUE, 0},
    }};

static const struct dr_json_fields counter_fields = {
    "security\0revocation\0epoch\0", 0,
    (const struct dr_json_field[]){
        {PART(report.counter_security), DR_JSON_FIELD_U32, 0},
        {PART(report.counter_revocation), DR_JSON_FIELD_U32, 0},
        {PART(report.counter_epoch), DR_JSON_FIELD_U32, 0},
    }};

struct note_parts {
    struct dr_report_note note;
    struct dr_json reason;
    struct dr_json detail;
};

static const struct dr_json_fields note_fields = {
    "reason\0detail\0uptime\0", 1u,
    (const struct dr_json_field[]){
        {offsetof(struct note_parts, reason), DR_JSON_FIELD_STRING, 0},
        {offsetof(struct note_parts, detail), DR_JSON_FIELD_STRING, 0},
        {offsetof(struct note_parts, note.uptime_s), DR_JSON_FIELD_U32, 0},
    }};

static enum dr_reason reason_of(struct dr_json value)
{
    struct dr_json raw = dr_json_raw(value);
    return raw.len > 0 ? dr_reason_from_word(raw.text, raw.len) : DR_REASON_NONE;
}

/* More notes than there is room for are dropped, the first ones kept. */
static enum dr_status parse_notes(struct dr_json notes, struct dr_report *report)
{
    struct dr_json_iterator each = dr_json_each(notes);
    while (report->note_count < DR_REPORT_NOTES_MAX && dr_json_next(&each)) {
        struct note_parts parts;
        memset(&parts, 0, sizeof(parts));
        DR_TRY(dr_json_read_fields(each.value, &note_fields, &parts));
        parts.note.reason = reason_of(parts.reason);
        if (parts.detail.len > 0) {
            DR_TRY(dr_json_string(parts.detail, parts.note.detail, sizeof(parts.note.detail)));
        }
        report->notes[report->note_count++] = parts.note;
    }
    return DR_OK;
}

static enum dr_status parse_identity(struct parts *parts)
{
    struct dr_report *report = &parts->report;
    struct dr_json version = dr_json_raw(parts->version);
    struct dr_json digest = dr_json_raw(parts->digest);
    if (parts->token.len > 0) {
        DR_TRY(dr_json_string(parts->token, report->client_token, sizeof(report->client_token)));
    }
    DR_TRY(dr_version_parse(version.text, version.len, &report->version));
    DR_TRY(dr_hex_decode(digest.text, digest.len, report->digest, sizeof(report->digest)));
    report->slot = (enum dr_report_slot)dr_word_of(&parts->slot, DR_REPORT_SLOTS);
    return report->slot != DR_REPORT_SLOT_NONE ? DR_OK : DR_E_FORMAT;
}

enum dr_status dr_report_parse(const void *message, size_t size_bytes, struct dr_report *ret_report)
{
    struct parts parts;
    struct dr_json root;
    memset(&parts, 0, sizeof(parts));
    DR_TRY(dr_json_check_utf8(message, size_bytes, &root));
    DR_TRY(dr_json_read_fields(root, &report_fields, &parts));
    DR_TRY(dr_json_read_fields(parts.counters, &counter_fields, &parts));
    DR_TRY(parse_identity(&parts));
    DR_TRY(parse_notes(parts.notes, &parts.report));
    parts.report.state = (enum dr_report_state)dr_word_of(&parts.state, DR_REPORT_STATES);
    parts.report.mode = (enum dr_report_mode)dr_word_of(&parts.mode, DR_REPORT_MODES);
    parts.report.boot_reason = reason_of(parts.boot_reason);
    parts.report.last_reason = reason_of(parts.last_reason);
    *ret_report = parts.report;
    return DR_OK;
}

enum dr_status dr_report_write_accepted(
    const char *client_token, uint64_t timestamp_s, char *out, size_t capacity, size_t *ret_len)
{
    struct dr_json_writer json;
    dr_json_begin(&json, out, capacity);
    dr_json_open(&json, NULL, '{');
    if (client_token[0] != '\0') {
        dr_json_put_text(&json, "clientToken", client_token);
    }
    dr_json_put_u64(&json, "timestamp", timestamp_s);
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

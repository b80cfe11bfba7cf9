/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The device's half of reports. */
#include "format/report.h"

#include "base/check.h"
#include "format/json.h"
#include "format/report_words.h"
#include "format/word.h"

#include <string.h>

const char *dr_report_slot_word(enum dr_report_slot slot)
{
    return dr_word(DR_REPORT_SLOTS, (unsigned)slot);
}

const char *dr_report_state_word(enum dr_report_state state)
{
    return dr_word(DR_REPORT_STATES, (unsigned)state);
}

const char *dr_report_mode_word(enum dr_report_mode mode)
{
    return dr_word(DR_REPORT_MODES, (unsigned)mode);
}

static void put_notes(struct dr_json_writer *json, const struct dr_report *report)
{
    dr_json_open(json, "notes", '[');
    for (size_t i = 0; i < report->note_count && i < DR_REPORT_NOTES_MAX; i++) {
        const struct dr_report_note *note = &report->notes[i];
        dr_json_open(json, NULL, '{');
        dr_json_put_text(json, "reason", dr_reason_word(note->reason));
        if (note->detail[0] != '\0') {
            dr_json_put_text(json, "detail", note->detail);
        }
        dr_json_put_number(json, "uptime", note->uptime_s);
        dr_json_close(json, '}');
    }
    dr_json_close(json, ']');
}

enum dr_status
dr_report_write(const struct dr_report *report, char *out, size_t capacity, size_t *ret_len)
{
    struct dr_json_writer json;
    char version[DR_VERSION_TEXT_BYTES];
    dr_version_text(&report->version, version);
    dr_json_begin(&json, out, capacity);
    dr_json_open(&json, NULL, '{');
    dr_json_put_text(&json, "clientToken", report->client_token);
    dr_json_put_text(&json, "version", version);
    dr_json_put_hex(&json, "digest", report->digest, sizeof(report->digest));
    dr_json_put_text(&json, "slot", dr_report_slot_word(report->slot));
    dr_json_put_text(&json, "state", dr_report_state_word(report->state));
    dr_json_put_text(&json, "mode", dr_report_mode_word(report->mode));
    dr_json_put_number(&json, "rung", report->rung);
    dr_json_put_number(&json, "triesLeft", report->tries_left);
    dr_json_put_text(&json, "bootReason", dr_reason_word(report->boot_reason));
    dr_json_put_text(&json, "lastReason", dr_reason_word(report->last_reason));
    dr_json_open(&json, "counters", '{');
    dr_json_put_number(&json, "security", report->counter_security);
    dr_json_put_number(&json, "revocation", report->counter_revocation);
    dr_json_put_number(&json, "epoch", report->counter_epoch);
    dr_json_close(&json, '}');
    dr_json_put_number(&json, "alerts", report->alerts);
    dr_json_put_number(&json, "uptime", report->uptime_s);
    put_notes(&json, report);
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

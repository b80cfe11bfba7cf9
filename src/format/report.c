/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The device's half of reports. */
#include "format/report.h"

#include "base/text.h"
#include "format/json.h"
#include "format/report_words.h"
#include "format/word.h"

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
        const char *const texts[] = {dr_reason_word(note->reason), note->detail};
        dr_json_open(json, NULL, '{');
        dr_json_put_texts(json, "reason\0detail\0", texts);
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
    char digest[DR_HEX_SIZE(DR_IMAGE_DIGEST_BYTES)];
    const char *const texts[] = {
        report->client_token,
        version,
        digest,
        dr_report_slot_word(report->slot),
        dr_report_state_word(report->state),
        dr_report_mode_word(report->mode),
        dr_reason_word(report->boot_reason),
        dr_reason_word(report->last_reason),
    };
    const uint32_t numbers[] = {report->rung, report->tries_left, report->alerts, report->uptime_s};
    const uint32_t counters[] = {
        report->counter_security, report->counter_revocation, report->counter_epoch};
    dr_version_text(&report->version, version);
    dr_hex_encode(report->digest, sizeof(report->digest), digest);
    dr_json_begin(&json, out, capacity);
    dr_json_open(&json, NULL, '{');
    dr_json_put_texts(
        &json, "clientToken\0version\0digest\0slot\0state\0mode\0bootReason\0lastReason\0", texts);
    dr_json_put_numbers(&json, "rung\0triesLeft\0alerts\0uptime\0", numbers);
    dr_json_open(&json, "counters", '{');
    dr_json_put_numbers(&json, "security\0revocation\0epoch\0", counters);
    dr_json_close(&json, '}');
    put_notes(&json, report);
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

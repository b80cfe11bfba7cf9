/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The device's report about itself: what runs, how it got there, what it noticed.
 *
 * Published on $aws/things/T/daruma/report; answered on .../accepted. docs/protocol.md section 4.
 */
#ifndef DR_FORMAT_REPORT_H
#define DR_FORMAT_REPORT_H

#include "base/status.h"
#include "format/image.h"
#include "format/reason.h"
#include "format/topic.h"

#include <stddef.h>
#include <stdint.h>

#define DR_REPORT_NOTES_MAX 4u
#define DR_REPORT_DETAIL_LEN_MAX 64u
/* Longest report, every field at its longest. */
#define DR_REPORT_BYTES_MAX 1400u

/* The numbers of slot, state and mode are those of the hand-off (device/flash, device/boot). */
enum dr_report_slot {
    DR_REPORT_SLOT_NONE = 0,
    DR_REPORT_SLOT_A = 1,
    DR_REPORT_SLOT_B = 2,
    DR_REPORT_SLOT_FACTORY = 3,
};

enum dr_report_state {
    DR_REPORT_STATE_NONE = 0,
    DR_REPORT_CANDIDATE = 1,
    DR_REPORT_CONFIRMED = 2,
    DR_REPORT_SEALED = 3,
    DR_REPORT_FACTORY = 4,
};

enum dr_report_mode {
    DR_REPORT_MODE_NONE = 0,
    DR_REPORT_NORMAL = 1,
    DR_REPORT_SAFE = 2,
    DR_REPORT_RECOVERY = 3,
    DR_REPORT_PROVISIONING = 4,
};

/* "A", "B", "factory"; "candidate"...; "normal"...; "" for anything else. Never NULL. */
const char *dr_report_slot_word(enum dr_report_slot slot);
const char *dr_report_state_word(enum dr_report_state state);
const char *dr_report_mode_word(enum dr_report_mode mode);

/* Something worth telling at the next contact: a refused TLS server, a seal, ... */
struct dr_report_note {
    enum dr_reason reason;
    uint32_t uptime_s; /* when it happened */
    char detail[DR_REPORT_DETAIL_LEN_MAX + 1u];
};

struct dr_report {
    char client_token[DR_CLIENT_TOKEN_LEN_MAX + 1u];
    struct dr_version version;
    uint8_t digest[DR_IMAGE_DIGEST_BYTES];
    enum dr_report_slot slot;
    enum dr_report_state state;
    enum dr_report_mode mode;
    uint8_t rung;
    uint8_t tries_left;
    enum dr_reason boot_reason;
    enum dr_reason last_reason;
    uint32_t counter_security;
    uint32_t counter_revocation;
    uint32_t counter_epoch;
    uint32_t alerts;
    uint32_t uptime_s;
    uint8_t note_count;
    struct dr_report_note notes[DR_REPORT_NOTES_MAX];
};

/* Device. DR_E_SPACE. */
DR_MUST_USE enum dr_status
dr_report_write(const struct dr_report *report, char *out, size_t capacity, size_t *ret_len);

/* The answer is read with dr_job_parse_message (format/job.h). */

/* Service. Unknown members are skipped, missing ones are 0; version, digest and slot must be there.
 * DR_E_FORMAT, DR_E_RANGE, DR_E_SPACE. */
DR_MUST_USE enum dr_status
dr_report_parse(const void *message, size_t size_bytes, struct dr_report *ret_report);

/* Service. */
DR_MUST_USE enum dr_status dr_report_write_accepted(
    const char *client_token, uint64_t timestamp_s, char *out, size_t capacity, size_t *ret_len);

#endif

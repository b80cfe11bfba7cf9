/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the agent remembers over a reset: the outcome record of docs/device.md, the waits
 * after failures that were nobody's fault, uptime added up, and notes for the next good contact.
 *
 * The owner keeps the encoded bytes in a store that detects damage; the format below is versioned
 * and bounded, and a record that cannot be read counts as none.
 */
#ifndef DR_DEVICE_AGENT_RECORD_H
#define DR_DEVICE_AGENT_RECORD_H

#include "base/status.h"
#include "format/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_JOB_ID_BYTES_MAX 64u
#define DR_JOB_ID_BYTES (DR_JOB_ID_BYTES_MAX + 1u)
#define DR_DETAIL_BYTES_MAX 31u
#define DR_DETAIL_BYTES (DR_DETAIL_BYTES_MAX + 1u)
#define DR_AGENT_NOTES_MAX 4u
#define DR_AGENT_WAITS_MAX 8u /* as many as the boot journal remembers rejections */
#define DR_AGENT_RECORD_BYTES_MAX 1024u

enum dr_outcome_state {
    DR_OUTCOME_NONE = 0,
    DR_OUTCOME_INSTALLING = 1, /* INSTALL may have been written: the next boot tells */
    DR_OUTCOME_SUCCEEDED = 2,  /* the rest: to be told to the service until it settles them */
    DR_OUTCOME_FAILED = 3,
    DR_OUTCOME_REJECTED = 4,
};

/* Which execution of which job, and the image it brings. */
struct dr_job_ref {
    uint32_t execution; /* executionNumber */
    uint32_t version;   /* versionNumber */
    uint8_t digest[32];
    char id[DR_JOB_ID_BYTES];
};

struct dr_outcome {
    struct dr_job_ref job;
    uint8_t state;    /* enum dr_outcome_state */
    uint8_t reason;   /* enum dr_reason */
    uint8_t tries;    /* faults of the candidate */
    uint8_t installs; /* INSTALL requests written for it */
    uint32_t since_s; /* total uptime when it became final; INSTALLING: facts.journal_sequence of
                       * the boot that asked */
    char detail[DR_DETAIL_BYTES];
};

/* A failure that was the environment's: how often, and until when (total uptime) not again. */
struct dr_wait {
    uint32_t until_s;
    uint8_t digest[32];
    uint8_t failures; /* 0: free */
};

/* Something worth telling once: a refused TLS connection, an image sealed, an outcome dropped. */
struct dr_note {
    uint32_t uptime_s; /* total */
    uint8_t reason;    /* enum dr_reason; DR_REASON_NONE: free */
    char detail[DR_DETAIL_BYTES];
};

struct dr_agent_record {
    uint32_t uptime_s;     /* total of all boots, when saved */
    uint32_t confirmed_s;  /* total uptime at the last CONFIRM */
    uint32_t lower_s;      /* 1 + total uptime when a lower rung was entered; 0: not on one */
    uint8_t confirmed[32]; /* the image that wrote it; zeros = none */
    struct dr_outcome installing; /* state NONE or INSTALLING */
    struct dr_outcome outcome;    /* any other state */
    struct dr_wait waits[DR_AGENT_WAITS_MAX];
    struct dr_note notes[DR_AGENT_NOTES_MAX];
};

/* out holds DR_AGENT_RECORD_BYTES_MAX. Returns the size. */
size_t dr_agent_record_encode(const struct dr_agent_record *record, uint8_t *out);

/* DR_E_FORMAT, DR_E_TRUNCATED, DR_E_UNSUPPORTED (another version); ret_record is then all zeros. */
DR_MUST_USE enum dr_status
dr_agent_record_decode(const uint8_t *data, size_t size_bytes, struct dr_agent_record *ret_record);

/* text, cut to what fits, and zeros to the end of out. text may be NULL. */
void dr_agent_copy_text(char *out, size_t capacity, const char *text);

/* Add a note; one with the same reason is replaced, else the oldest goes. true: it was not there.
 */
bool dr_agent_note(
    struct dr_agent_record *record, enum dr_reason reason, const char *detail, uint32_t uptime_s);

#endif

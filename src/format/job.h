/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* AWS IoT Jobs over MQTT, the device's half: requests out, executions and verdicts in.
 *
 * docs/protocol.md section 2. The service's half is format/job_service.h. Messages are JSON; times
 * are whole seconds since 1970. What is parsed may hold views into the message (struct dr_json):
 * they live as long as the message's buffer.
 */
#ifndef DR_FORMAT_JOB_H
#define DR_FORMAT_JOB_H

#include "base/status.h"
#include "format/image.h"
#include "format/json.h"
#include "format/reason.h"
#include "format/topic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, number, word): numbers are stored, words travel. */
#define DR_JOB_STATUS_LIST(X)                                                                      \
    X(DR_JOB_QUEUED, 1, "QUEUED")                                                                  \
    X(DR_JOB_IN_PROGRESS, 2, "IN_PROGRESS")                                                        \
    X(DR_JOB_SUCCEEDED, 3, "SUCCEEDED")                                                            \
    X(DR_JOB_FAILED, 4, "FAILED")                                                                  \
    X(DR_JOB_TIMED_OUT, 5, "TIMED_OUT")                                                            \
    X(DR_JOB_REJECTED, 6, "REJECTED")                                                              \
    X(DR_JOB_REMOVED, 7, "REMOVED")                                                                \
    X(DR_JOB_CANCELED, 8, "CANCELED")

enum dr_job_status {
    DR_JOB_NO_STATUS = 0,
#define DR_JOB_STATUS_ENUM(name, number, word) name = number,
    DR_JOB_STATUS_LIST(DR_JOB_STATUS_ENUM)
#undef DR_JOB_STATUS_ENUM
};

#define DR_JOB_ERROR_LIST(X)                                                                       \
    X(DR_JOB_ERROR_TOPIC, 1, "InvalidTopic")                                                       \
    X(DR_JOB_ERROR_JSON, 2, "InvalidJson")                                                         \
    X(DR_JOB_ERROR_REQUEST, 3, "InvalidRequest")                                                   \
    X(DR_JOB_ERROR_TRANSITION, 4, "InvalidStateTransition")                                        \
    X(DR_JOB_ERROR_NOT_FOUND, 5, "ResourceNotFound")                                               \
    X(DR_JOB_ERROR_VERSION, 6, "VersionMismatch")                                                  \
    X(DR_JOB_ERROR_INTERNAL, 7, "InternalError")                                                   \
    X(DR_JOB_ERROR_THROTTLED, 8, "RequestThrottled")                                               \
    X(DR_JOB_ERROR_TERMINAL, 9, "TerminalStateReached")

enum dr_job_error {
    DR_JOB_ERROR_NONE = 0, /* no error, or a code we do not know */
#define DR_JOB_ERROR_ENUM(name, number, word) name = number,
    DR_JOB_ERROR_LIST(DR_JOB_ERROR_ENUM)
#undef DR_JOB_ERROR_ENUM
};

/* The word on the wire; "" for an unknown number. Never NULL. */
const char *dr_job_status_word(enum dr_job_status status);
const char *dr_job_error_word(enum dr_job_error error);
/* DR_JOB_NO_STATUS / DR_JOB_ERROR_NONE for anything else than a known word. */
enum dr_job_status dr_job_status_from(struct dr_json value);
enum dr_job_error dr_job_error_from(struct dr_json value);

/* One execution as the service describes it. Numbers that are missing are 0. */
struct dr_job_execution {
    char job_id[DR_JOB_ID_LEN_MAX + 1u];
    enum dr_job_status status;
    uint32_t version_number;
    uint32_t execution_number;
    struct dr_json status_details; /* absent, or an object */
    struct dr_json document;       /* absent, or an object */
};

/* What arrives on .../get/accepted, start-next/accepted, notify-next, .../update/accepted, on any
 * .../rejected and, with no more than token and time, on daruma/report/accepted. */
struct dr_job_message {
    char client_token[DR_CLIENT_TOKEN_LEN_MAX + 1u]; /* "" when there is none */
    uint32_t timestamp_s;                            /* 0 when there is none */
    enum dr_job_error error;                         /* of a rejection; NONE: none, or unknown */
    bool has_execution;                /* false in an answer to get: nothing pending */
    struct dr_job_execution execution; /* without has_execution: status and version_number of an
                                        * executionState, when one came */
};

/* DR_E_FORMAT: not such a message. DR_E_SPACE, DR_E_RANGE: a text or number too large. */
DR_MUST_USE enum dr_status
dr_job_parse_message(const void *message, size_t size_bytes, struct dr_job_message *ret_message);

/* {"clientToken": ...} for jobs/$next/get and start-next. */
DR_MUST_USE enum dr_status
dr_job_write_get(const char *client_token, char *out, size_t capacity, size_t *ret_len);

/* How far the AWS-compatible self-test handshake is. */
enum dr_job_self_test {
    DR_JOB_SELF_TEST_NONE = 0,
    DR_JOB_SELF_TEST_READY = 1,    /* "ready": installed, about to restart into it */
    DR_JOB_SELF_TEST_ACTIVE = 2,   /* "active": running, not yet healthy */
    DR_JOB_SELF_TEST_ACCEPTED = 3, /* "accepted": confirmed */
};

/* Our agent's statusDetails. Whatever is zero, empty or NULL is left out; an update replaces the
 * whole map, so each carries all that is to stay. */
struct dr_job_details {
    enum dr_reason reason;
    const char *detail; /* the self-test's own words */
    uint32_t progress_done;
    uint32_t progress_total; /* blocks; 0: no progress */
    enum dr_job_self_test self_test;
    const struct dr_version *updated_by; /* "0x%08x" of 8, 8 and 16 bits, as AWS's agent has it */
    const char *slot;                    /* "A", "B", "factory" */
    const char *path;                    /* how the blocks travel: "mqtt", "https" */
    uint8_t tries;                       /* fault tries used */
};

/* Body of jobs/J/update. */
struct dr_job_update {
    enum dr_job_status status;
    uint32_t expected_version; /* 0: not sent */
    uint32_t execution_number; /* 0: not sent */
    const char *client_token;
    const struct dr_job_details *details; /* NULL: unchanged */
};

DR_MUST_USE enum dr_status dr_job_write_update(
    const struct dr_job_update *update, char *out, size_t capacity, size_t *ret_len);

/* Body of jobs/J/update for a job that waits because the product asked for it: IN_PROGRESS, with
 * the details reason "postponed", detail, and deadline in seconds from now. */
struct dr_job_postponed {
    const char *client_token;
    uint32_t execution_number;
    const char *why;     /* the product's own word */
    uint32_t deadline_s; /* after this many more seconds the job is given up */
};

DR_MUST_USE enum dr_status dr_job_write_postponed(
    const struct dr_job_postponed *postponed, char *out, size_t capacity, size_t *ret_len);

#define DR_JOB_PROTOCOL_MQTT 1u
#define DR_JOB_PROTOCOL_HTTP 2u

enum dr_job_action {
    DR_JOB_ACTION_NONE = 0,
    DR_JOB_ACTION_UPDATE = 1,  /* an afr_ota document: install a file */
    DR_JOB_ACTION_REVERT = 2,  /* daruma.command: leave the running, unsealed image */
    DR_JOB_ACTION_FACTORY = 3, /* daruma.command: return to the factory image */
};

/* A job document: AWS's afr_ota with one file, and our extra root key "daruma". What it says beyond
 * these fields are hints or belongs to features of later; the objects are there to look it up. */
struct dr_job_document {
    enum dr_job_action action;
    struct dr_json file;   /* afr_ota.files[0]; absent for commands */
    struct dr_json daruma; /* absent when there is none */

    /* action UPDATE */
    uint32_t protocols; /* DR_JOB_PROTOCOL_* */
    char stream[DR_STREAM_ID_LEN_MAX + 1u];
    uint8_t file_id;
    uint8_t file_type; /* 0 is firmware */
    uint32_t file_size_bytes;

    /* daruma.digest: of the image to install (a hint), or of the one to leave */
    bool has_digest;
    uint8_t digest[DR_IMAGE_DIGEST_BYTES];
};

/* DR_E_FORMAT: a required key is missing or malformed, daruma.size contradicts filesize.
 * DR_E_UNSUPPORTED: neither afr_ota nor a command of ours. On failure *ret_document is undefined.
 */
DR_MUST_USE enum dr_status
dr_job_parse_document(struct dr_json document, struct dr_job_document *ret_document);

/* The bytes that a command's signature covers: "daruma-cmd-1", the action's word, the product and
 * the digest of the image to leave, each text followed by one zero byte. */
#define DR_JOB_COMMAND_BYTES_MAX                                                                   \
    (13u + 8u + DR_IMAGE_PRODUCT_BYTES_MAX + 1u + DR_IMAGE_DIGEST_BYTES)
void dr_job_write_command(
    struct dr_writer *writer, enum dr_job_action action, const char *product,
    const uint8_t digest[DR_IMAGE_DIGEST_BYTES]);

#endif

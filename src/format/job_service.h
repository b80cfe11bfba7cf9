/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* AWS IoT Jobs over MQTT, the service's half: requests in, answers, notices and documents out.
 *
 * docs/protocol.md section 2. Devices do not link this. */
#ifndef DR_FORMAT_JOB_SERVICE_H
#define DR_FORMAT_JOB_SERVICE_H

#include "format/job.h"

#define DR_JOB_DETAIL_KEY_LEN_MAX 128u
#define DR_JOB_DETAIL_VALUE_LEN_MAX 1024u
#define DR_JOB_DETAILS_BYTES_MAX 32768u /* of all statusDetails, as they were written */
#define DR_JOB_DOCUMENT_LEN_MAX 32768u
#define DR_JOB_LIST_MAX 10u /* summaries in one answer */

/* Any request: get, start-next, describe, update. A field that was not sent is 0, absent or its
 * default. */
struct dr_job_request {
    char client_token[DR_CLIENT_TOKEN_LEN_MAX + 1u];
    uint32_t execution_number;
    bool include_document; /* default: true for describe, else false */
    bool include_state;
    bool has_expected_version;
    uint32_t expected_version; /* sent as a number or as a string of digits */
    enum dr_job_status status; /* update only, and there only what a device may set */
    bool has_step_timeout;
    bool clear_step_timeout;       /* -1 was sent */
    uint32_t step_timeout_minutes; /* 1 to 10080 */
    struct dr_json status_details; /* absent: unchanged; else a checked object that replaces */
};

/* kind is DR_TOPIC_JOBS_GET, _START_NEXT, _JOB_GET or _JOB_UPDATE. An empty message counts as {}
 * except for updates. *ret_error says what to answer: InvalidJson or InvalidRequest, with *ret_text
 * for its message (static). client_token is filled whenever it could be read, so that the refusal
 * can echo it. */
DR_MUST_USE enum dr_status dr_job_parse_request(
    enum dr_topic_kind kind, const void *message, size_t size_bytes,
    struct dr_job_request *ret_request, enum dr_job_error *ret_error, const char **ret_text);

/* DR_OK when value is an object of at most 64 strings: keys 1 to 128 of [a-zA-Z0-9:_-], values 1 to
 * 1024 characters without control characters, all together at most 32 KiB, so that they fit into
 * any answer beside the document. *ret_text says what is wrong. */
DR_MUST_USE enum dr_status dr_job_check_details(struct dr_json value, const char **ret_text);

/* One execution as it is told to devices. Texts that are NULL or empty, and times that are 0, are
 * left out. */
struct dr_job_execution_out {
    const char *job_id;
    const char *thing_name; /* NULL: left out, as AWS does */
    enum dr_job_status status;
    struct dr_json status_details;
    uint64_t queued_at_s;
    uint64_t started_at_s;
    uint64_t last_updated_at_s;
    uint32_t version_number;
    uint32_t execution_number;
    uint32_t seconds_before_timeout; /* with a timer running, else 0 */
    struct dr_json document;         /* absent: left out */
};

/* Members of one execution (JobExecution) or, with summary, of a JobExecutionSummary. */
void dr_job_put_execution(
    struct dr_json_writer *json, const char *name, const struct dr_job_execution_out *execution,
    bool summary);

/* Body of $next/get/accepted, J/get/accepted, start-next/accepted: client_token, timestamp and
 * execution; NULL execution: nothing pending, the member is left out. */
DR_MUST_USE enum dr_status dr_job_write_offer(
    const char *client_token, uint64_t timestamp_s, const struct dr_job_execution_out *execution,
    char *out, size_t capacity, size_t *ret_len);

/* Body of notify-next: timestamp, and execution when there is one. */
DR_MUST_USE enum dr_status dr_job_write_notify_next(
    uint64_t timestamp_s, const struct dr_job_execution_out *execution, char *out, size_t capacity,
    size_t *ret_len);

/* The pending executions in order: IN_PROGRESS before QUEUED, each oldest first; the caller sorts
 * and cuts at DR_JOB_LIST_MAX. */
struct dr_job_list {
    const struct dr_job_execution_out *executions;
    size_t count;
};

/* Body of jobs/get/accepted: inProgressJobs and queuedJobs. */
DR_MUST_USE enum dr_status dr_job_write_list(
    const char *client_token, uint64_t timestamp_s, const struct dr_job_list *list, char *out,
    size_t capacity, size_t *ret_len);

/* Body of notify: jobs by status, empty statuses left out. */
DR_MUST_USE enum dr_status dr_job_write_notify(
    uint64_t timestamp_s, const struct dr_job_list *list, char *out, size_t capacity,
    size_t *ret_len);

/* Body of update/accepted and of every rejected. Used as the request asked: state and document may
 * be absent. */
struct dr_job_verdict {
    const char *client_token;
    uint64_t timestamp_s;
    enum dr_job_error error; /* NONE: accepted */
    const char *message;     /* of a rejection */
    bool has_state;          /* accepted when asked for; InvalidStateTransition, VersionMismatch */
    enum dr_job_status state_status;
    uint32_t state_version;
    struct dr_json state_details;
    struct dr_json document;
};

DR_MUST_USE enum dr_status dr_job_write_verdict(
    const struct dr_job_verdict *verdict, char *out, size_t capacity, size_t *ret_len);

/* An afr_ota document with one file. Texts that are NULL are left out. */
struct dr_job_document_out {
    const char *stream;
    uint32_t protocols;    /* DR_JOB_PROTOCOL_* */
    bool http_first;       /* of two: devices without a wish of their own take the first */
    const char *file_path; /* default "/" */
    uint32_t file_id;
    uint32_t file_type;
    uint32_t file_size_bytes;
    const char *certfile;
    const char *signature_base64; /* sig-sha256-ecdsa */
    const char *url;
    /* The extra root key "daruma"; left out when digest is NULL. */
    const uint8_t *digest;
    struct dr_order order;
    bool has_counter;
    uint32_t counter;
    const char *product;
    const char *bundle_base64; /* format/enclosed.h */
};

DR_MUST_USE enum dr_status dr_job_write_document(
    const struct dr_job_document_out *document, char *out, size_t capacity, size_t *ret_len);

/* {"daruma":{"command":...,"digest":...,"product":...,"signature":...}} */
DR_MUST_USE enum dr_status dr_job_write_command_document(
    enum dr_job_action action, const char *product, const uint8_t digest[DR_IMAGE_DIGEST_BYTES],
    const char *signature_base64, char *out, size_t capacity, size_t *ret_len);

#endif

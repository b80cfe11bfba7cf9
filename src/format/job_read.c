/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The device's half: what the service sends. */
#include "format/job.h"
#include "format/job_words.h"
#include "format/word.h"

#include <string.h>

/* What the tables fill: the message, and members that need a second look. */
struct parts {
    struct dr_job_message message;
    struct dr_json code;
    struct dr_json execution;
    struct dr_json state;
    struct dr_json status;
};

#define PART(field) offsetof(struct parts, field)

static const struct dr_json_fields root_fields = {
    "clientToken\0timestamp\0code\0execution\0executionState\0", 0,
    (const struct dr_json_field[]){
        {PART(message.client_token), DR_JSON_FIELD_TEXT, DR_CLIENT_TOKEN_LEN_MAX + 1u},
        {PART(message.timestamp_s), DR_JSON_FIELD_U32, 0},
        {PART(code), DR_JSON_FIELD_STRING, 0},
        {PART(execution), DR_JSON_FIELD_OBJECT, 0},
        {PART(state), DR_JSON_FIELD_OBJECT, 0},
    }};

/* The members of executionState are among those of an execution. */
static const struct dr_json_fields execution_fields = {
    "jobId\0status\0versionNumber\0executionNumber\0statusDetails\0jobDocument\0", 0,
    (const struct dr_json_field[]){
        {PART(message.execution.job_id), DR_JSON_FIELD_TEXT, DR_JOB_ID_LEN_MAX + 1u},
        {PART(status), DR_JSON_FIELD_STRING, 0},
        {PART(message.execution.version_number), DR_JSON_FIELD_U32, 0},
        {PART(message.execution.execution_number), DR_JSON_FIELD_U32, 0},
        {PART(message.execution.status_details), DR_JSON_FIELD_OBJECT, 0},
        {PART(message.execution.document), DR_JSON_FIELD_OBJECT, 0},
    }};

enum dr_status
dr_job_parse_message(const void *message, size_t size_bytes, struct dr_job_message *ret_message)
{
    struct parts parts;
    struct dr_json root;
    memset(&parts, 0, sizeof(parts));
    DR_TRY(dr_json_check_object(message, size_bytes, &root));
    DR_TRY(dr_json_read_fields(root, &root_fields, &parts));
    /* Nothing pending: the member is left out, or empty ("{}"). */
    parts.message.has_execution = parts.execution.len > 2;
    DR_TRY(dr_json_read_fields(
        parts.message.has_execution ? parts.execution : parts.state, &execution_fields, &parts));
    const char *id = parts.message.execution.job_id;
    if (parts.message.has_execution && !dr_job_id_valid(id, strlen(id))) {
        return DR_E_FORMAT; /* it will stand in topics */
    }
    parts.message.execution.status =
        (enum dr_job_status)dr_word_of(&parts.status, dr_job_status_words);
    parts.message.error = (enum dr_job_error)dr_word_of(&parts.code, dr_job_error_words);
    *ret_message = parts.message;
    return DR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The device's half: what the service sends. */
#include "format/job.h"

#include "base/check.h"

#include <string.h>

struct offer_message {
    struct dr_job_offer offer;
    struct dr_json execution;
};

struct answer_message {
    struct dr_job_answer answer;
    struct dr_json code;
    struct dr_json state;
};

struct execution_message {
    struct dr_job_execution execution;
    struct dr_json status;
};

#define FIELD(type, field) offsetof(struct type, field)

static const struct dr_json_field offer_fields[] = {
    {"clientToken", FIELD(offer_message, offer.client_token), DR_JSON_FIELD_TEXT,
     DR_CLIENT_TOKEN_LEN_MAX + 1u},
    {"timestamp", FIELD(offer_message, offer.timestamp_s), DR_JSON_FIELD_U64, 0},
    {"execution", FIELD(offer_message, execution), DR_JSON_FIELD_OBJECT, 0},
};

static const struct dr_json_field execution_fields[] = {
    {"jobId", FIELD(execution_message, execution.job_id),
     DR_JSON_FIELD_TEXT | DR_JSON_FIELD_REQUIRED, DR_JOB_ID_LEN_MAX + 1u},
    {"status", FIELD(execution_message, status), DR_JSON_FIELD_STRING, 0},
    {"versionNumber", FIELD(execution_message, execution.version_number), DR_JSON_FIELD_U32, 0},
    {"executionNumber", FIELD(execution_message, execution.execution_number), DR_JSON_FIELD_U32, 0},
    {"statusDetails", FIELD(execution_message, execution.status_details), DR_JSON_FIELD_OBJECT, 0},
    {"jobDocument", FIELD(execution_message, execution.document), DR_JSON_FIELD_OBJECT, 0},
};

static const struct dr_json_field answer_fields[] = {
    {"clientToken", FIELD(answer_message, answer.client_token), DR_JSON_FIELD_TEXT,
     DR_CLIENT_TOKEN_LEN_MAX + 1u},
    {"timestamp", FIELD(answer_message, answer.timestamp_s), DR_JSON_FIELD_U64, 0},
    {"code", FIELD(answer_message, code), DR_JSON_FIELD_STRING, 0},
    {"executionState", FIELD(answer_message, state), DR_JSON_FIELD_OBJECT, 0},
};

/* The part of executionState that is of use: the same names as in an execution. */
static const struct dr_json_field state_fields[] = {
    {"status", FIELD(execution_message, status), DR_JSON_FIELD_STRING, 0},
    {"versionNumber", FIELD(execution_message, execution.version_number), DR_JSON_FIELD_U32, 0},
};

enum dr_status
dr_job_parse_offer(const void *message, size_t size_bytes, struct dr_job_offer *ret_offer)
{
    struct offer_message offer;
    struct execution_message e;
    struct dr_json root;
    memset(&offer, 0, sizeof(offer));
    memset(&e, 0, sizeof(e));
    DR_TRY(dr_json_check_object(message, size_bytes, &root));
    DR_TRY(dr_json_read_fields(root, offer_fields, DR_ARRAY_COUNT(offer_fields), &offer, NULL));
    /* Nothing pending: the member is left out, or empty ("{}"). */
    if (offer.execution.len > 2) {
        DR_TRY(dr_json_read_fields(
            offer.execution, execution_fields, DR_ARRAY_COUNT(execution_fields), &e, NULL));
        if (!dr_job_id_valid(e.execution.job_id, strlen(e.execution.job_id))) {
            return DR_E_FORMAT; /* it will stand in topics */
        }
        e.execution.status = dr_job_status_from(e.status);
        offer.offer.has_execution = true;
        offer.offer.execution = e.execution;
    }
    *ret_offer = offer.offer;
    return DR_OK;
}

enum dr_status
dr_job_parse_answer(const void *message, size_t size_bytes, struct dr_job_answer *ret_answer)
{
    struct answer_message answer;
    struct execution_message state;
    struct dr_json root;
    memset(&answer, 0, sizeof(answer));
    memset(&state, 0, sizeof(state));
    DR_TRY(dr_json_check_object(message, size_bytes, &root));
    DR_TRY(dr_json_read_fields(root, answer_fields, DR_ARRAY_COUNT(answer_fields), &answer, NULL));
    DR_TRY(dr_json_read_fields(
        answer.state, state_fields, DR_ARRAY_COUNT(state_fields), &state, NULL));
    answer.answer.error = dr_job_error_from(answer.code);
    answer.answer.state_status = dr_job_status_from(state.status);
    answer.answer.state_version = state.execution.version_number;
    *ret_answer = answer.answer;
    return DR_OK;
}

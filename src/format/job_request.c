/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The service's half: what devices ask. Every refusal says what is wrong, in words for the log of
 * whoever wrote the client. */
#include "format/job_service.h"

#include <string.h>

#define DETAILS_MAX 64u
#define STEP_TIMEOUT_MINUTES_MAX 10080u

/* What is wrong with a request, or NULL. */
typedef const char *problem;

/* A member that is absent or null counts as not sent. */
static struct dr_json sent(struct dr_json object, const char *name)
{
    struct dr_json value = dr_json_member(object, name);
    if (dr_json_kind(value) == DR_JSON_NULL) {
        value.len = 0;
    }
    return value;
}

static bool key_allowed(const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < len; i++) {
        char c = key[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == ':' || c == '_' || c == '-')) {
            return false;
        }
    }
    return len > 0 && len <= DR_JOB_DETAIL_KEY_LEN_MAX;
}

static bool value_allowed(struct dr_json value)
{
    size_t characters = 0;
    return dr_json_measure(value, &characters) == DR_OK && characters > 0 &&
           characters <= DR_JOB_DETAIL_VALUE_LEN_MAX;
}

enum dr_status dr_job_check_details(struct dr_json value, const char **ret_text)
{
    char key[DR_JOB_DETAIL_KEY_LEN_MAX + 1u];
    size_t count = 0;
    if (dr_json_kind(value) != DR_JSON_OBJECT) {
        *ret_text = "statusDetails must be an object of strings";
        return DR_E_FORMAT;
    }
    if (value.len > DR_JOB_DETAILS_BYTES_MAX) {
        *ret_text = "statusDetails is longer than 32768 bytes";
        return DR_E_FORMAT;
    }
    struct dr_json_iterator each = dr_json_each(value);
    while (dr_json_next(&each)) {
        *ret_text = NULL;
        if (++count > DETAILS_MAX) {
            *ret_text = "statusDetails has more than 64 members";
        } else if (dr_json_string(each.key, key, sizeof(key)) != DR_OK || !key_allowed(key)) {
            *ret_text = "a key of statusDetails must be 1 to 128 of [a-zA-Z0-9:_-]";
        } else if (!value_allowed(each.value)) {
            *ret_text = "a value of statusDetails must be a string of 1 to 1024 characters without "
                        "control characters";
        }
        if (*ret_text != NULL) {
            return DR_E_FORMAT;
        }
    }
    return DR_OK;
}

static problem
take_number(struct dr_json root, const char *name, uint32_t *ret_number, problem text)
{
    enum dr_status status = dr_json_u32(sent(root, name), ret_number);
    return status == DR_OK || status == DR_E_NOT_FOUND ? NULL : text;
}

static problem take_bool(struct dr_json root, const char *name, bool *ret_bool, problem text)
{
    enum dr_status status = dr_json_bool(sent(root, name), ret_bool);
    return status == DR_OK || status == DR_E_NOT_FOUND ? NULL : text;
}

static problem take_common(struct dr_json root, struct dr_job_request *request)
{
    static const char text[] = "clientToken must be a string of at most 64 bytes";
    enum dr_status status = dr_json_string(
        sent(root, "clientToken"), request->client_token, sizeof(request->client_token));
    if (status != DR_OK && status != DR_E_NOT_FOUND) {
        return text;
    }
    problem wrong = take_number(
        root, "executionNumber", &request->execution_number,
        "executionNumber must be a whole number");
    if (wrong == NULL) {
        wrong = take_bool(
            root, "includeJobDocument", &request->include_document,
            "includeJobDocument must be true or false");
    }
    return wrong;
}

/* On start-next and update. -1 clears the timer. */
static problem take_step_timeout(struct dr_json root, struct dr_job_request *request)
{
    static const char text[] = "stepTimeoutInMinutes must be 1 to 10080, or -1";
    struct dr_json value = sent(root, "stepTimeoutInMinutes");
    if (value.len == 0) {
        return NULL;
    }
    request->has_step_timeout = true;
    if (value.len == 2 && memcmp(value.text, "-1", 2) == 0) {
        request->clear_step_timeout = true;
        return NULL;
    }
    enum dr_status status = dr_json_u32(value, &request->step_timeout_minutes);
    bool allowed = status == DR_OK && request->step_timeout_minutes >= 1 &&
                   request->step_timeout_minutes <= STEP_TIMEOUT_MINUTES_MAX;
    return allowed ? NULL : text;
}

static problem take_details(struct dr_json root, struct dr_job_request *request)
{
    problem wrong = NULL;
    request->status_details = sent(root, "statusDetails");
    if (request->status_details.len > 0) {
        DR_IGNORE(dr_job_check_details(request->status_details, &wrong)); /* wrong says it all */
    }
    return wrong;
}

static problem take_update(struct dr_json root, struct dr_job_request *request)
{
    request->status = dr_job_status_from(sent(root, "status"));
    if (request->status != DR_JOB_IN_PROGRESS && request->status != DR_JOB_SUCCEEDED &&
        request->status != DR_JOB_FAILED && request->status != DR_JOB_REJECTED) {
        request->status = DR_JOB_NO_STATUS;
        return "status must be IN_PROGRESS, SUCCEEDED, FAILED or REJECTED";
    }
    request->has_expected_version = sent(root, "expectedVersion").len > 0;
    problem wrong = take_number(
        root, "expectedVersion", &request->expected_version,
        "expectedVersion must be a whole number");
    if (wrong == NULL) {
        wrong = take_bool(
            root, "includeJobExecutionState", &request->include_state,
            "includeJobExecutionState must be true or false");
    }
    return wrong;
}

enum dr_status dr_job_parse_request(
    enum dr_topic_kind kind, const void *message, size_t size_bytes,
    struct dr_job_request *ret_request, enum dr_job_error *ret_error, const char **ret_text)
{
    struct dr_json root = {NULL, 0};
    bool empty_allowed = kind != DR_TOPIC_JOB_UPDATE;
    memset(ret_request, 0, sizeof(*ret_request));
    ret_request->include_document = kind == DR_TOPIC_JOB_GET;
    if (size_bytes == 0 && empty_allowed) {
        return DR_OK;
    }
    if (dr_json_check_utf8(message, size_bytes, &root) != DR_OK) {
        *ret_error = DR_JOB_ERROR_JSON;
        *ret_text = "the message is not a JSON object in UTF-8";
        return DR_E_FORMAT;
    }
    problem wrong = take_common(root, ret_request);
    if (wrong == NULL && kind == DR_TOPIC_JOB_UPDATE) {
        wrong = take_update(root, ret_request);
    }
    if (wrong == NULL && (kind == DR_TOPIC_JOB_UPDATE || kind == DR_TOPIC_START_NEXT)) {
        wrong = take_step_timeout(root, ret_request);
    }
    if (wrong == NULL && (kind == DR_TOPIC_JOB_UPDATE || kind == DR_TOPIC_START_NEXT)) {
        wrong = take_details(root, ret_request);
    }
    if (wrong != NULL) {
        *ret_error = DR_JOB_ERROR_REQUEST;
        *ret_text = wrong;
        return DR_E_FORMAT;
    }
    return DR_OK;
}

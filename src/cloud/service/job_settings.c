/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Targets and settings of a new job. */
#include "cloud/service/jobs_priv.h"
#include "cloud/service/presign_priv.h"

#include <string.h>

enum dr_status
dr_job_targets_check(struct dr_call *call, const json_t *targets, json_t **ret_things)
{
    size_t count = json_array_size(targets);
    size_t max = call->service->strict ? DR_JOB_TARGETS_MAX : DR_JOB_TARGETS_OWN_MAX;
    if (count == 0 || count > max) {
        return dr_call_fail(
            call, DR_E_RANGE, DR_CODE_INVALID, "targets must name 1 to %zu things", max);
    }
    json_t *things = json_object();
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(targets, i));
        const char *name = text != NULL ? dr_call_arn_name(call, "thing", text) : NULL;
        if (name == NULL || text == name || !dr_name_thing(name)) {
            json_decref(things);
            bool is_group = text != NULL && strstr(text, ":thinggroup/") != NULL;
            return dr_call_fail(
                call, DR_E_ARGUMENT, DR_CODE_INVALID, "targets[%zu]: %s", i,
                is_group ? "thing groups are not supported yet, name things"
                         : "not the ARN of a thing of this account");
        }
        dr_json_set(things, name, json_true());
    }
    *ret_things = things;
    return DR_OK;
}

static enum dr_status check_rollout(struct dr_call *call, const json_t *config)
{
    int64_t number = 0;
    json_t *rate = NULL;
    DR_TRY(dr_body_int(call, config, "maximumPerMinute", 1, 1000, 1000, &number));
    DR_TRY(dr_body_object(call, config, "exponentialRate", &rate));
    if (rate != NULL) {
        return dr_call_invalid(
            call, "exponentialRate is not supported yet: set maximumPerMinute, and make one job "
                  "after another for a rate that grows");
    }
    return DR_OK;
}

static enum dr_status
check_timeout(struct dr_call *call, const json_t *config, uint32_t *ret_minutes)
{
    int64_t minutes = 0;
    DR_TRY(dr_body_int(
        call, config, "inProgressTimeoutInMinutes", 1, DR_JOB_TIMEOUT_MINUTES_MAX, 0, &minutes));
    *ret_minutes = (uint32_t)minutes;
    return DR_OK;
}

static enum dr_status check_presigned(struct dr_call *call, const json_t *config)
{
    int64_t seconds = 0;
    int64_t least = call->service->strict ? DR_PRESIGN_EXPIRES_S_MIN_STRICT : 1;
    return dr_body_int(
        call, config, "expiresInSec", least, DR_PRESIGN_EXPIRES_S_MAX, DR_PRESIGN_EXPIRES_S_MAX,
        &seconds);
}

enum dr_status dr_job_settings_check(
    struct dr_call *call, const json_t *body, json_t **ret_settings, uint32_t *ret_minutes)
{
    static const char *const names[] = {
        "jobExecutionsRolloutConfig", "abortConfig", "timeoutConfig", "presignedUrlConfig"};
    json_t *values[4];
    json_t *retries = NULL;
    *ret_minutes = 0;
    for (size_t i = 0; i < 4; i++) {
        DR_TRY(dr_body_object(call, body, names[i], &values[i]));
    }
    DR_TRY(dr_body_object(call, body, "jobExecutionsRetryConfig", &retries));
    if (retries != NULL) {
        return dr_call_invalid(
            call, "jobExecutionsRetryConfig is not supported yet: make a new job for the things "
                  "whose execution failed");
    }
    if (values[0] != NULL) {
        DR_TRY(check_rollout(call, values[0]));
    }
    if (values[1] != NULL) {
        DR_TRY(dr_job_abort_check(call, values[1]));
    }
    if (values[2] != NULL) {
        DR_TRY(check_timeout(call, values[2], ret_minutes));
    }
    if (values[3] != NULL) {
        DR_TRY(check_presigned(call, values[3]));
    }
    json_t *settings = json_object();
    for (size_t i = 0; i < 4; i++) {
        if (values[i] != NULL) {
            (void)json_object_set(settings, names[i], values[i]);
        }
    }
    *ret_settings = settings;
    return DR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Jobs and their executions, as an operator sees them. */
#ifndef DR_CLOUD_SERVICE_JOBS_H
#define DR_CLOUD_SERVICE_JOBS_H

#include "cloud/service/service.h"

#define DR_JOB_TARGETS_MAX                                                                         \
    100u /* things per CreateJob in strict mode; else DR_JOB_TARGETS_OWN_MAX */
#define DR_JOB_TARGETS_OWN_MAX 10000u

/* body: targets, document (a JSON object as text), description, timeoutConfig, and the rollout,
 * abort and retry settings, which are checked, kept and returned. */
DR_MUST_USE enum dr_status
dr_service_create_job(struct dr_call *call, const char *id, const json_t *body, json_t **ret_body);
DR_MUST_USE enum dr_status
dr_service_describe_job(struct dr_call *call, const char *id, json_t **ret_body);
DR_MUST_USE enum dr_status
dr_service_get_job_document(struct dr_call *call, const char *id, json_t **ret_body);
/* status, target_selection NULL: all. */
DR_MUST_USE enum dr_status dr_service_list_jobs(
    struct dr_call *call, const char *status, const char *target_selection,
    const struct dr_page *page, json_t **ret_body);

/* body: reasonCode, comment (may be NULL). Without force only QUEUED executions are canceled. */
DR_MUST_USE enum dr_status dr_service_cancel_job(
    struct dr_call *call, const char *id, bool force, const json_t *body, json_t **ret_body);
/* Without force only from COMPLETED and CANCELED. */
DR_MUST_USE enum dr_status dr_service_delete_job(struct dr_call *call, const char *id, bool force);

/* In the order in which they were queued; those of a thing the newest first. */
DR_MUST_USE enum dr_status dr_service_list_executions_for_job(
    struct dr_call *call, const char *job, const char *status, const struct dr_page *page,
    json_t **ret_body);
DR_MUST_USE enum dr_status dr_service_list_executions_for_thing(
    struct dr_call *call, const char *thing, const char *status, const struct dr_page *page,
    json_t **ret_body);

/* execution_number 0: the latest. statusDetails is always present. */
DR_MUST_USE enum dr_status dr_service_describe_execution(
    struct dr_call *call, const char *thing, const char *job, int64_t execution_number,
    json_t **ret_body);

/* body: expectedVersion, statusDetails (may be NULL). Without force only QUEUED. */
DR_MUST_USE enum dr_status dr_service_cancel_execution(
    struct dr_call *call, const char *thing, const char *job, bool force, const json_t *body);
DR_MUST_USE enum dr_status dr_service_delete_execution(
    struct dr_call *call, const char *thing, const char *job, int64_t execution_number, bool force);

#endif

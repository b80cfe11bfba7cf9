/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private to cloud/service: making jobs, for CreateJob and CreateOTAUpdate alike. */
#ifndef DR_CLOUD_SERVICE_JOBS_PRIV_H
#define DR_CLOUD_SERVICE_JOBS_PRIV_H

#include "cloud/service/executions_priv.h"
#include "cloud/service/jobs.h"

struct dr_job_new {
    const char *id;
    const char *target_selection; /* NULL: SNAPSHOT */
    const char *description;      /* NULL: none */
    const char *document;
    const json_t *settings; /* as dr_job_settings_check returns them */
    uint32_t in_progress_timeout_minutes;
    const char *ota_update; /* NULL: none */
    json_t *things;         /* names, each once, as the keys of an object */
};

/* targets: a list of ARNs. *ret_things is the caller's. */
DR_MUST_USE enum dr_status
dr_job_targets_check(struct dr_call *call, const json_t *targets, json_t **ret_things);

/* Check jobExecutionsRolloutConfig, abortConfig, timeoutConfig and presignedUrlConfig of a body and
 * collect those that are there; refuse what is not acted on. *ret_settings is the caller's. */
DR_MUST_USE enum dr_status dr_job_settings_check(
    struct dr_call *call, const json_t *body, json_t **ret_settings, uint32_t *ret_minutes);

/* job_abort.c: check an abortConfig. */
DR_MUST_USE enum dr_status dr_job_abort_check(struct dr_call *call, const json_t *config);

/* Within an act: the job, its targets, and the executions of the first chunk. *ret_more: call
 * dr_rollout_continue after the commit. */
DR_MUST_USE enum dr_status
dr_job_insert(struct dr_act *act, struct dr_db *db, const struct dr_job_new *job, bool *ret_more);

DR_MUST_USE enum dr_status dr_job_require(
    struct dr_call *call, struct dr_db *db, const char *id, enum dr_job_state *ret_state);

/* Remove a job and all its executions, some at a time; several transactions. */
DR_MUST_USE enum dr_status dr_job_remove(struct dr_call *call, const char *id, bool force);

struct dr_scope dr_scope_of(const struct dr_act *act, struct dr_db *db);

#endif

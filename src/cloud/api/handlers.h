/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Every handler, named as AWS names the operation; the tables in routes_*.c point at them. */
#ifndef DR_CLOUD_API_HANDLERS_H
#define DR_CLOUD_API_HANDLERS_H

#include "cloud/api/call.h"

/* iot: registry (iot_things.c) */
void dr_api_describe_endpoint(struct dr_api_call *call);
void dr_api_create_thing(struct dr_api_call *call);
void dr_api_describe_thing(struct dr_api_call *call);
void dr_api_update_thing(struct dr_api_call *call);
void dr_api_delete_thing(struct dr_api_call *call);
void dr_api_list_things(struct dr_api_call *call);
void dr_api_attach_thing_principal(struct dr_api_call *call);
void dr_api_detach_thing_principal(struct dr_api_call *call);
void dr_api_list_thing_principals(struct dr_api_call *call);
void dr_api_list_principal_things(struct dr_api_call *call);

/* iot: certificates (iot_certificates.c) */
void dr_api_create_keys_and_certificate(struct dr_api_call *call);
void dr_api_create_certificate_from_csr(struct dr_api_call *call);
void dr_api_register_certificate(struct dr_api_call *call);
void dr_api_describe_certificate(struct dr_api_call *call);
void dr_api_update_certificate(struct dr_api_call *call);
void dr_api_list_certificates(struct dr_api_call *call);
void dr_api_delete_certificate(struct dr_api_call *call);

/* iot: policies (iot_policies.c) */
void dr_api_create_policy(struct dr_api_call *call);
void dr_api_get_policy(struct dr_api_call *call);
void dr_api_list_policies(struct dr_api_call *call);
void dr_api_delete_policy(struct dr_api_call *call);
void dr_api_create_policy_version(struct dr_api_call *call);
void dr_api_get_policy_version(struct dr_api_call *call);
void dr_api_list_policy_versions(struct dr_api_call *call);
void dr_api_set_default_policy_version(struct dr_api_call *call);
void dr_api_delete_policy_version(struct dr_api_call *call);
void dr_api_attach_policy(struct dr_api_call *call);
void dr_api_detach_policy(struct dr_api_call *call);
void dr_api_list_attached_policies(struct dr_api_call *call);
void dr_api_list_targets_for_policy(struct dr_api_call *call);
void dr_api_attach_principal_policy(struct dr_api_call *call);
void dr_api_detach_principal_policy(struct dr_api_call *call);
void dr_api_list_principal_policies(struct dr_api_call *call);
void dr_api_list_policy_principals(struct dr_api_call *call);

/* iot: streams, OTA updates (iot_ota.c) */
void dr_api_create_stream(struct dr_api_call *call);
void dr_api_describe_stream(struct dr_api_call *call);
void dr_api_list_streams(struct dr_api_call *call);
void dr_api_delete_stream(struct dr_api_call *call);
void dr_api_create_ota_update(struct dr_api_call *call);
void dr_api_get_ota_update(struct dr_api_call *call);
void dr_api_list_ota_updates(struct dr_api_call *call);
void dr_api_delete_ota_update(struct dr_api_call *call);

/* iot: jobs (iot_jobs.c) */
void dr_api_create_job(struct dr_api_call *call);
void dr_api_describe_job(struct dr_api_call *call);
void dr_api_get_job_document(struct dr_api_call *call);
void dr_api_list_jobs(struct dr_api_call *call);
void dr_api_cancel_job(struct dr_api_call *call);
void dr_api_delete_job(struct dr_api_call *call);
void dr_api_list_executions_for_job(struct dr_api_call *call);
void dr_api_list_executions_for_thing(struct dr_api_call *call);
void dr_api_describe_execution(struct dr_api_call *call);
void dr_api_cancel_execution(struct dr_api_call *call);
void dr_api_delete_execution(struct dr_api_call *call);

/* /daruma/ (own.c) */
void dr_api_health(struct dr_api_call *call);
void dr_api_ready(struct dr_api_call *call);
void dr_api_thing_state(struct dr_api_call *call);
void dr_api_thing_timeline(struct dr_api_call *call);
void dr_api_thing_counters(struct dr_api_call *call);
void dr_api_recovery_certificate(struct dr_api_call *call);
void dr_api_command(struct dr_api_call *call);
void dr_api_list_audit(struct dr_api_call *call);

/* s3 (s3_buckets.c, s3_objects.c, s3_copy.c, s3_list.c) */
void dr_api_list_buckets(struct dr_api_call *call);
void dr_api_create_bucket(struct dr_api_call *call);
void dr_api_head_bucket(struct dr_api_call *call);
void dr_api_delete_bucket(struct dr_api_call *call);
void dr_api_put_versioning(struct dr_api_call *call);
void dr_api_get_versioning(struct dr_api_call *call);
void dr_api_get_bucket_location(struct dr_api_call *call);
void dr_api_list_objects_v2(struct dr_api_call *call);
void dr_api_list_object_versions(struct dr_api_call *call);
void dr_api_put_object(struct dr_api_call *call);
void dr_api_copy_object(struct dr_api_call *call);
void dr_api_get_object(struct dr_api_call *call); /* HEAD too */
void dr_api_delete_object(struct dr_api_call *call);
void dr_api_refuse_multipart(struct dr_api_call *call);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Device policies: documents, their versions, and whom they are attached to. */
#ifndef DR_CLOUD_REGISTRY_POLICIES_H
#define DR_CLOUD_REGISTRY_POLICIES_H

#include "cloud/registry/call.h"

#define DR_POLICY_VERSIONS_MAX 5u

DR_MUST_USE enum dr_status dr_service_create_policy(
    struct dr_call *call, const char *name, const char *document, json_t **ret_body);
DR_MUST_USE enum dr_status
dr_service_get_policy(struct dr_call *call, const char *name, json_t **ret_body);
DR_MUST_USE enum dr_status
dr_service_list_policies(struct dr_call *call, const struct dr_page *page, json_t **ret_body);
DR_MUST_USE enum dr_status dr_service_delete_policy(struct dr_call *call, const char *name);

DR_MUST_USE enum dr_status dr_service_create_policy_version(
    struct dr_call *call, const char *name, const char *document, bool set_default,
    json_t **ret_body);
DR_MUST_USE enum dr_status dr_service_get_policy_version(
    struct dr_call *call, const char *name, const char *version, json_t **ret_body);
DR_MUST_USE enum dr_status
dr_service_list_policy_versions(struct dr_call *call, const char *name, json_t **ret_body);
DR_MUST_USE enum dr_status
dr_service_set_default_policy_version(struct dr_call *call, const char *name, const char *version);
DR_MUST_USE enum dr_status
dr_service_delete_policy_version(struct dr_call *call, const char *name, const char *version);

/* target: the ARN of a certificate (a bare id is accepted). */
DR_MUST_USE enum dr_status
dr_service_attach_policy(struct dr_call *call, const char *name, const char *target);
DR_MUST_USE enum dr_status
dr_service_detach_policy(struct dr_call *call, const char *name, const char *target);

/* {"policies":[...],"nextMarker"}; the same answers ListPrincipalPolicies. */
DR_MUST_USE enum dr_status dr_service_list_attached_policies(
    struct dr_call *call, const char *target, const struct dr_page *page, json_t **ret_body);

/* {"targets":[arn...],"nextMarker"}; for ListPolicyPrincipals the caller renames it. */
DR_MUST_USE enum dr_status dr_service_list_targets_for_policy(
    struct dr_call *call, const char *name, const struct dr_page *page, json_t **ret_body);

#endif

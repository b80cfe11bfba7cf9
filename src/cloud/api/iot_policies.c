/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/handlers.h"
#include "cloud/registry/policies.h"

/* --- policies and their versions --- */

void dr_api_create_policy(struct dr_api_call *call)
{
    json_t *body = NULL;
    const char *document = dr_api_body_required(call, "policyDocument");
    if (document != NULL) {
        dr_api_done(
            call, dr_service_create_policy(&call->use, dr_api_parameter(call, 0), document, &body),
            &body);
    }
}

void dr_api_get_policy(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(call, dr_service_get_policy(&call->use, dr_api_parameter(call, 0), &body), &body);
}

void dr_api_list_policies(struct dr_api_call *call)
{
    struct dr_api_page page;
    json_t *body = NULL;
    if (dr_api_page_read(call, &page)) {
        dr_api_done(call, dr_service_list_policies(&call->use, &page.page, &body), &body);
    }
}

void dr_api_delete_policy(struct dr_api_call *call)
{
    dr_api_done(call, dr_service_delete_policy(&call->use, dr_api_parameter(call, 0)), NULL);
}

void dr_api_create_policy_version(struct dr_api_call *call)
{
    bool set_default = false;
    json_t *body = NULL;
    const char *document = dr_api_body_required(call, "policyDocument");
    if (document != NULL && dr_api_query_bool(call, "setAsDefault", false, &set_default)) {
        dr_api_done(
            call,
            dr_service_create_policy_version(
                &call->use, dr_api_parameter(call, 0), document, set_default, &body),
            &body);
    }
}

void dr_api_get_policy_version(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(
        call,
        dr_service_get_policy_version(
            &call->use, dr_api_parameter(call, 0), dr_api_parameter(call, 1), &body),
        &body);
}

void dr_api_list_policy_versions(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(
        call, dr_service_list_policy_versions(&call->use, dr_api_parameter(call, 0), &body), &body);
}

void dr_api_set_default_policy_version(struct dr_api_call *call)
{
    dr_api_done(
        call,
        dr_service_set_default_policy_version(
            &call->use, dr_api_parameter(call, 0), dr_api_parameter(call, 1)),
        NULL);
}

void dr_api_delete_policy_version(struct dr_api_call *call)
{
    dr_api_done(
        call,
        dr_service_delete_policy_version(
            &call->use, dr_api_parameter(call, 0), dr_api_parameter(call, 1)),
        NULL);
}

/* --- attachments --- */

void dr_api_attach_policy(struct dr_api_call *call)
{
    const char *target = dr_api_body_required(call, "target");
    if (target != NULL) {
        dr_api_done(
            call, dr_service_attach_policy(&call->use, dr_api_parameter(call, 0), target), NULL);
    }
}

void dr_api_detach_policy(struct dr_api_call *call)
{
    const char *target = dr_api_body_required(call, "target");
    if (target != NULL) {
        dr_api_done(
            call, dr_service_detach_policy(&call->use, dr_api_parameter(call, 0), target), NULL);
    }
}

void dr_api_list_attached_policies(struct dr_api_call *call)
{
    struct dr_api_page page;
    bool recursive = false; /* groups do not exist yet: the same either way */
    json_t *body = NULL;
    if (dr_api_query_bool(call, "recursive", false, &recursive) && dr_api_page_read(call, &page)) {
        dr_api_done(
            call,
            dr_service_list_attached_policies(
                &call->use, dr_api_parameter(call, 0), &page.page, &body),
            &body);
    }
}

void dr_api_list_targets_for_policy(struct dr_api_call *call)
{
    struct dr_api_page page;
    json_t *body = NULL;
    if (dr_api_page_read(call, &page)) {
        dr_api_done(
            call,
            dr_service_list_targets_for_policy(
                &call->use, dr_api_parameter(call, 0), &page.page, &body),
            &body);
    }
}

/* --- the older names of the same --- */

void dr_api_attach_principal_policy(struct dr_api_call *call)
{
    char target[DR_API_PARAMETER_BYTES];
    if (dr_api_header_required(call, "x-amzn-iot-principal", target, sizeof target)) {
        dr_api_done(
            call, dr_service_attach_policy(&call->use, dr_api_parameter(call, 0), target), NULL);
    }
}

void dr_api_detach_principal_policy(struct dr_api_call *call)
{
    char target[DR_API_PARAMETER_BYTES];
    if (dr_api_header_required(call, "x-amzn-iot-principal", target, sizeof target)) {
        dr_api_done(
            call, dr_service_detach_policy(&call->use, dr_api_parameter(call, 0), target), NULL);
    }
}

void dr_api_list_principal_policies(struct dr_api_call *call)
{
    struct dr_api_page page;
    char target[DR_API_PARAMETER_BYTES];
    json_t *body = NULL;
    if (dr_api_page_read(call, &page) &&
        dr_api_header_required(call, "x-amzn-iot-principal", target, sizeof target)) {
        dr_api_done(
            call, dr_service_list_attached_policies(&call->use, target, &page.page, &body), &body);
    }
}

void dr_api_list_policy_principals(struct dr_api_call *call)
{
    struct dr_api_page page;
    char policy[DR_API_PARAMETER_BYTES];
    json_t *body = NULL;
    if (!dr_api_page_read(call, &page) ||
        !dr_api_header_required(call, "x-amzn-iot-policy", policy, sizeof policy)) {
        return;
    }
    enum dr_status status =
        dr_service_list_targets_for_policy(&call->use, policy, &page.page, &body);
    if (status == DR_OK &&
        json_object_set(body, "principals", json_object_get(body, "targets")) == 0) {
        (void)json_object_del(body, "targets");
    }
    dr_api_done(call, status, &body);
}

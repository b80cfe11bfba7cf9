/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/handlers.h"
#include "cloud/registry/things.h"
#include "cloud/service/thing_delete.h"

#include <string.h>

void dr_api_describe_endpoint(struct dr_api_call *call)
{
    char type[40];
    json_t *body = NULL;
    const char *asked = dr_api_query(call, "endpointType", type, sizeof type);
    if (!call->answer.set) {
        dr_api_done(call, dr_service_describe_endpoint(&call->use, asked, &body), &body);
    }
}

void dr_api_create_thing(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(
        call, dr_service_create_thing(&call->use, dr_api_parameter(call, 0), call->body, &body),
        &body);
}

void dr_api_describe_thing(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(
        call, dr_service_describe_thing(&call->use, dr_api_parameter(call, 0), &body), &body);
}

void dr_api_update_thing(struct dr_api_call *call)
{
    dr_api_done(
        call, dr_service_update_thing(&call->use, dr_api_parameter(call, 0), call->body), NULL);
}

void dr_api_delete_thing(struct dr_api_call *call)
{
    int64_t version = 0;
    if (dr_api_query_number(call, "expectedVersion", 1, INT64_MAX, 0, &version)) {
        dr_api_done(
            call, dr_service_delete_thing(&call->use, dr_api_parameter(call, 0), version), NULL);
    }
}

void dr_api_list_things(struct dr_api_call *call)
{
    struct dr_api_page page;
    char name[DR_API_PARAMETER_BYTES];
    char value[DR_API_PARAMETER_BYTES];
    json_t *body = NULL;
    if (!dr_api_page_read(call, &page)) {
        return;
    }
    const char *attribute = dr_api_query(call, "attributeName", name, sizeof name);
    const char *wanted = dr_api_query(call, "attributeValue", value, sizeof value);
    if (!call->answer.set) {
        dr_api_done(
            call, dr_service_list_things(&call->use, attribute, wanted, &page.page, &body), &body);
    }
}

void dr_api_attach_thing_principal(struct dr_api_call *call)
{
    char principal[DR_API_PARAMETER_BYTES];
    char type[40];
    const char *asked = dr_api_query(call, "thingPrincipalType", type, sizeof type);
    if (call->answer.set ||
        !dr_api_header_required(call, "x-amzn-principal", principal, sizeof principal)) {
        return;
    }
    bool exclusive = asked != NULL && strcmp(asked, "EXCLUSIVE_THING") == 0;
    if (asked != NULL && !exclusive && strcmp(asked, "NON_EXCLUSIVE_THING") != 0) {
        dr_api_fail(
            call, DR_API_INVALID_REQUEST,
            "thingPrincipalType must be EXCLUSIVE_THING or NON_EXCLUSIVE_THING");
        return;
    }
    dr_api_done(
        call,
        dr_service_attach_thing_principal(
            &call->use, dr_api_parameter(call, 0), principal, exclusive),
        NULL);
}

void dr_api_detach_thing_principal(struct dr_api_call *call)
{
    char principal[DR_API_PARAMETER_BYTES];
    if (dr_api_header_required(call, "x-amzn-principal", principal, sizeof principal)) {
        dr_api_done(
            call,
            dr_service_detach_thing_principal(&call->use, dr_api_parameter(call, 0), principal),
            NULL);
    }
}

void dr_api_list_thing_principals(struct dr_api_call *call)
{
    struct dr_api_page page;
    json_t *body = NULL;
    if (dr_api_page_read(call, &page)) {
        dr_api_done(
            call,
            dr_service_list_thing_principals(
                &call->use, dr_api_parameter(call, 0), &page.page, &body),
            &body);
    }
}

void dr_api_list_principal_things(struct dr_api_call *call)
{
    struct dr_api_page page;
    char principal[DR_API_PARAMETER_BYTES];
    json_t *body = NULL;
    if (dr_api_page_read(call, &page) &&
        dr_api_header_required(call, "x-amzn-principal", principal, sizeof principal)) {
        dr_api_done(
            call, dr_service_list_principal_things(&call->use, principal, &page.page, &body),
            &body);
    }
}

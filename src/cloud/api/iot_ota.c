/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/handlers.h"
#include "cloud/service/ota.h"
#include "cloud/service/streams.h"

void dr_api_create_stream(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(
        call, dr_service_create_stream(&call->use, dr_api_parameter(call, 0), call->body, &body),
        &body);
}

void dr_api_describe_stream(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(
        call, dr_service_describe_stream(&call->use, dr_api_parameter(call, 0), &body), &body);
}

void dr_api_list_streams(struct dr_api_call *call)
{
    struct dr_api_page page;
    json_t *body = NULL;
    if (dr_api_page_read(call, &page)) {
        dr_api_done(call, dr_service_list_streams(&call->use, &page.page, &body), &body);
    }
}

void dr_api_delete_stream(struct dr_api_call *call)
{
    dr_api_done(call, dr_service_delete_stream(&call->use, dr_api_parameter(call, 0)), NULL);
}

void dr_api_create_ota_update(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(
        call,
        dr_service_create_ota_update(&call->use, dr_api_parameter(call, 0), call->body, &body),
        &body);
}

void dr_api_get_ota_update(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(
        call, dr_service_get_ota_update(&call->use, dr_api_parameter(call, 0), &body), &body);
}

void dr_api_list_ota_updates(struct dr_api_call *call)
{
    struct dr_api_page page;
    char status[32];
    json_t *body = NULL;
    if (!dr_api_page_read(call, &page)) {
        return;
    }
    const char *asked = dr_api_query(call, "otaUpdateStatus", status, sizeof status);
    if (!call->answer.set) {
        dr_api_done(call, dr_service_list_ota_updates(&call->use, asked, &page.page, &body), &body);
    }
}

void dr_api_delete_ota_update(struct dr_api_call *call)
{
    bool stream = false;
    bool job = false;
    if (dr_api_query_bool(call, "deleteStream", false, &stream) &&
        dr_api_query_bool(call, "forceDeleteAWSJob", false, &job)) {
        dr_api_done(
            call, dr_service_delete_ota_update(&call->use, dr_api_parameter(call, 0), stream, job),
            NULL);
    }
}

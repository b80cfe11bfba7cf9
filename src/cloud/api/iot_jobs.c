/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/handlers.h"
#include "cloud/service/jobs.h"

#include <stdlib.h>
#include <string.h>

void dr_api_create_job(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(
        call, dr_service_create_job(&call->use, dr_api_parameter(call, 0), call->body, &body),
        &body);
}

void dr_api_describe_job(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(call, dr_service_describe_job(&call->use, dr_api_parameter(call, 0), &body), &body);
}

void dr_api_get_job_document(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(
        call, dr_service_get_job_document(&call->use, dr_api_parameter(call, 0), &body), &body);
}

void dr_api_list_jobs(struct dr_api_call *call)
{
    struct dr_api_page page;
    char status[32];
    char selection[32];
    json_t *body = NULL;
    if (!dr_api_page_read(call, &page)) {
        return;
    }
    const char *wanted = dr_api_query(call, "status", status, sizeof status);
    const char *kind = dr_api_query(call, "targetSelection", selection, sizeof selection);
    if (!call->answer.set) {
        dr_api_done(call, dr_service_list_jobs(&call->use, wanted, kind, &page.page, &body), &body);
    }
}

void dr_api_cancel_job(struct dr_api_call *call)
{
    bool force = false;
    json_t *body = NULL;
    if (dr_api_query_bool(call, "force", false, &force)) {
        dr_api_done(
            call,
            dr_service_cancel_job(&call->use, dr_api_parameter(call, 0), force, call->body, &body),
            &body);
    }
}

void dr_api_delete_job(struct dr_api_call *call)
{
    bool force = false;
    if (dr_api_query_bool(call, "force", false, &force)) {
        dr_api_done(
            call, dr_service_delete_job(&call->use, dr_api_parameter(call, 0), force), NULL);
    }
}

typedef enum dr_status (*list_executions)(
    struct dr_call *use, const char *name, const char *status, const struct dr_page *page,
    json_t **ret_body);

static void list_with(struct dr_api_call *call, list_executions list)
{
    struct dr_api_page page;
    char status[32];
    json_t *body = NULL;
    if (!dr_api_page_read(call, &page)) {
        return;
    }
    const char *wanted = dr_api_query(call, "status", status, sizeof status);
    if (!call->answer.set) {
        dr_api_done(
            call, list(&call->use, dr_api_parameter(call, 0), wanted, &page.page, &body), &body);
    }
}

void dr_api_list_executions_for_job(struct dr_api_call *call)
{
    list_with(call, dr_service_list_executions_for_job);
}

void dr_api_list_executions_for_thing(struct dr_api_call *call)
{
    list_with(call, dr_service_list_executions_for_thing);
}

void dr_api_describe_execution(struct dr_api_call *call)
{
    int64_t number = 0;
    json_t *body = NULL;
    if (dr_api_query_number(call, "executionNumber", 1, INT64_MAX, 0, &number)) {
        dr_api_done(
            call,
            dr_service_describe_execution(
                &call->use, dr_api_parameter(call, 0), dr_api_parameter(call, 1), number, &body),
            &body);
    }
}

void dr_api_cancel_execution(struct dr_api_call *call)
{
    bool force = false;
    if (dr_api_query_bool(call, "force", false, &force)) {
        dr_api_done(
            call,
            dr_service_cancel_execution(
                &call->use, dr_api_parameter(call, 0), dr_api_parameter(call, 1), force,
                call->body),
            NULL);
    }
}

void dr_api_delete_execution(struct dr_api_call *call)
{
    const char *text = dr_api_parameter(call, 2);
    bool force = false;
    bool digits =
        text[0] != '\0' && strlen(text) <= 18 && strspn(text, "0123456789") == strlen(text);
    if (!digits) {
        dr_api_fail(call, DR_API_INVALID_REQUEST, "the execution number must be a number");
        return;
    }
    if (dr_api_query_bool(call, "force", false, &force)) {
        dr_api_done(
            call,
            dr_service_delete_execution(
                &call->use, dr_api_parameter(call, 0), dr_api_parameter(call, 1),
                strtoll(text, NULL, 10), force),
            NULL);
    }
}

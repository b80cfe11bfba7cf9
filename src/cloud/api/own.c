/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What AWS has no name for: /daruma/... */
#include "cloud/api/fetches.h"
#include "cloud/api/handlers.h"
#include "cloud/registry/certificates.h"
#include "cloud/registry/report.h"
#include "cloud/service/commands.h"

#include <stdlib.h>
#include <string.h>

/* The process serves. Says nothing about what stands behind it: that is /daruma/ready. */
void dr_api_health(struct dr_api_call *call)
{
    json_t *body = json_pack("{ss}", "status", "ok");
    dr_api_done(call, DR_OK, &body);
}

void dr_api_ready(struct dr_api_call *call)
{
    const char *why = "";
    if (call->config->ready(call->config->ctx, &why)) {
        json_t *body = json_pack("{ss}", "status", "ready");
        dr_api_done(call, DR_OK, &body);
        return;
    }
    dr_api_fail(call, DR_API_UNAVAILABLE, "not ready: %s", why);
}

void dr_api_thing_state(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(call, dr_service_thing_state(&call->use, dr_api_parameter(call, 0), &body), &body);
}

void dr_api_thing_timeline(struct dr_api_call *call)
{
    struct dr_api_page page;
    json_t *body = NULL;
    if (dr_api_page_read(call, &page)) {
        dr_api_done(
            call,
            dr_service_thing_timeline(&call->use, dr_api_parameter(call, 0), &page.page, &body),
            &body);
    }
}

/* Messages and bytes that went through the broker for a client id, and what the thing of that name
 * fetched over HTTPS. */
void dr_api_thing_counters(struct dr_api_call *call)
{
    const struct dr_api_config *config = call->config;
    const char *name = dr_api_parameter(call, 0);
    const struct dr_api_fetch *fetch = dr_api_fetches_find(call->fetches, name);
    char *text = config->traffic == NULL ? NULL : config->traffic(config->ctx, name);
    if (text == NULL && fetch == NULL) {
        dr_api_fail(call, DR_API_NOT_FOUND, "the broker has told nothing about this client id yet");
        return;
    }
    json_t *body = text != NULL ? json_loads(text, 0, NULL) : json_object();
    free(text);
    if (!json_is_object(body)) {
        json_decref(body);
        dr_api_fail(call, DR_API_INTERNAL, "the broker's counters cannot be read");
        return;
    }
    json_object_set_new(
        body, "httpRequests",
        json_integer(fetch != NULL ? (json_int_t)atomic_load(&fetch->requests) : 0));
    json_object_set_new(
        body, "httpBytes",
        json_integer(fetch != NULL ? (json_int_t)atomic_load(&fetch->bytes) : 0));
    dr_api_done(call, DR_OK, &body);
}

/* A certificate without expiry for the recovery key: body {certificateSigningRequest}. */
void dr_api_recovery_certificate(struct dr_api_call *call)
{
    json_t *body = NULL;
    const char *csr = dr_api_body_required(call, "certificateSigningRequest");
    if (csr == NULL) {
        return;
    }
    dr_api_done(
        call,
        dr_service_create_certificate_from_csr(
            &call->use, csr, dr_api_parameter(call, 0), true, true, &body),
        &body);
}

/* A signed command to one thing: body {command, jobId, signingProfileName}. */
void dr_api_command(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(
        call, dr_service_command(&call->use, dr_api_parameter(call, 0), call->body, &body), &body);
}

void dr_api_list_audit(struct dr_api_call *call)
{
    struct dr_api_page page;
    json_t *body = NULL;
    if (dr_api_page_read(call, &page)) {
        dr_api_done(call, dr_service_list_audit(&call->use, &page.page, &body), &body);
    }
}

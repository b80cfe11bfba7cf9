/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/secret.h"
#include "cloud/api/handlers.h"
#include "cloud/registry/certificates.h"

#include <string.h>

/* The body holds the only copy of a private key: what jansson keeps of it is overwritten. */
static void wipe_private_key(json_t *body)
{
    const json_t *pair = json_object_get(body, "keyPair");
    const json_t *key = json_object_get(pair, "PrivateKey");
    if (json_is_string(key)) {
        dr_wipe((void *)(uintptr_t)json_string_value(key), json_string_length(key));
    }
}

void dr_api_create_keys_and_certificate(struct dr_api_call *call)
{
    bool active = false;
    json_t *body = NULL;
    if (!dr_api_query_bool(call, "setAsActive", false, &active)) {
        return;
    }
    enum dr_status status = dr_service_create_keys_and_certificate(&call->use, active, &body);
    json_t *kept = json_incref(body);
    dr_api_done(call, status, &body);
    wipe_private_key(kept);
    json_decref(kept);
}

void dr_api_create_certificate_from_csr(struct dr_api_call *call)
{
    bool active = false;
    json_t *body = NULL;
    const char *csr = dr_api_body_required(call, "certificateSigningRequest");
    if (csr != NULL && dr_api_query_bool(call, "setAsActive", false, &active)) {
        dr_api_done(
            call,
            dr_service_create_certificate_from_csr(&call->use, csr, NULL, false, active, &body),
            &body);
    }
}

void dr_api_register_certificate(struct dr_api_call *call)
{
    json_t *body = NULL;
    const char *pem = dr_api_body_required(call, "certificatePem");
    if (pem != NULL) {
        dr_api_done(
            call,
            dr_service_register_certificate(
                &call->use, pem, dr_api_body_string(call, "status"), &body),
            &body);
    }
}

void dr_api_describe_certificate(struct dr_api_call *call)
{
    json_t *body = NULL;
    dr_api_done(
        call, dr_service_describe_certificate(&call->use, dr_api_parameter(call, 0), &body), &body);
}

void dr_api_update_certificate(struct dr_api_call *call)
{
    char status[32];
    const char *asked = dr_api_query(call, "newStatus", status, sizeof status);
    if (call->answer.set) {
        return;
    }
    if (asked == NULL) {
        dr_api_fail(call, DR_API_INVALID_REQUEST, "newStatus is missing");
        return;
    }
    dr_api_done(
        call, dr_service_update_certificate(&call->use, dr_api_parameter(call, 0), asked), NULL);
}

void dr_api_list_certificates(struct dr_api_call *call)
{
    struct dr_api_page page;
    json_t *body = NULL;
    if (dr_api_page_read(call, &page)) {
        dr_api_done(call, dr_service_list_certificates(&call->use, &page.page, &body), &body);
    }
}

void dr_api_delete_certificate(struct dr_api_call *call)
{
    bool force = false;
    if (dr_api_query_bool(call, "forceDelete", false, &force)) {
        dr_api_done(
            call, dr_service_delete_certificate(&call->use, dr_api_parameter(call, 0), force),
            NULL);
    }
}

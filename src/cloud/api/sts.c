/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* sts: who am I. The query protocol: a form in, XML out. */
#include "base/check.h"
#include "cloud/api/handlers.h"
#include "cloud/api/xml.h"

#include <stdio.h>
#include <string.h>

static void answer_identity(struct dr_api_call *call)
{
    struct dr_xml xml;
    char arn[DR_SIGV4_ACCESS_KEY_MAX + 80];
    const char *account = dr_service_account(call->use.service);
    (void)snprintf(arn, sizeof arn, "arn:aws:iam::%s:user/%s", account, call->use.actor);
    dr_xml_begin(&xml);
    dr_xml_open(
        &xml, "GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"");
    dr_xml_open(&xml, "GetCallerIdentityResult");
    dr_xml_text(&xml, "Arn", arn);
    dr_xml_text(&xml, "UserId", call->use.actor);
    dr_xml_text(&xml, "Account", account);
    dr_xml_close(&xml, "GetCallerIdentityResult");
    dr_xml_open(&xml, "ResponseMetadata");
    dr_xml_text(&xml, "RequestId", call->request_id);
    dr_xml_close(&xml, "ResponseMetadata");
    dr_xml_close(&xml, "GetCallerIdentityResponse");
    if (xml.failed) {
        dr_xml_drop(&xml);
        dr_api_fail(call, DR_API_INTERNAL, "no memory");
        return;
    }
    dr_api_answer_text(call, 200, "text/xml", xml.text, xml.len);
}

static void get_caller_identity(struct dr_api_call *call)
{
    char target[512];
    char action[64];
    /* The form is a query: read it as one. */
    int len = snprintf(target, sizeof target, "/?%s", call->text);
    if (len < 0 || (size_t)len >= sizeof target ||
        dr_api_query_value(target, "Action", action, sizeof action) != DR_OK) {
        dr_api_fail(call, DR_API_INVALID_REQUEST, "the form names no Action");
        return;
    }
    if (strcmp(action, "GetCallerIdentity") != 0) {
        dr_api_fail(call, DR_API_NOT_IMPLEMENTED, "%s is not implemented by this server", action);
        return;
    }
    answer_identity(call);
}

static const struct dr_api_route routes[] = {
    {"POST", "/", "GetCallerIdentity", get_caller_identity, DR_API_VIEWER, DR_API_BODY_TEXT, NULL,
     NULL, NULL},
};

const struct dr_api_route_table dr_api_routes_sts = {
    .routes = routes, .count = DR_ARRAY_COUNT(routes)};

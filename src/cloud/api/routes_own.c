/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/check.h"
#include "cloud/api/handlers.h"

static const struct dr_api_route routes[] = {
    {"GET", "/daruma/health", "Health", dr_api_health, DR_API_NOBODY, DR_API_BODY_NONE, NULL, NULL,
     NULL},
    {"GET", "/daruma/ready", "Ready", dr_api_ready, DR_API_NOBODY, DR_API_BODY_NONE, NULL, NULL,
     NULL},
    {"GET", "/daruma/audit", "ListAudit", dr_api_list_audit, DR_API_ADMIN, DR_API_BODY_NONE, NULL,
     "nextToken maxResults", NULL},
    {"GET", "/daruma/things/{}/state", "ThingState", dr_api_thing_state, DR_API_VIEWER,
     DR_API_BODY_NONE, NULL, NULL, NULL},
    {"GET", "/daruma/things/{}/timeline", "ThingTimeline", dr_api_thing_timeline, DR_API_VIEWER,
     DR_API_BODY_NONE, NULL, "nextToken maxResults", NULL},
    {"GET", "/daruma/things/{}/counters", "ThingCounters", dr_api_thing_counters, DR_API_VIEWER,
     DR_API_BODY_NONE, NULL, NULL, NULL},
    {"POST", "/daruma/things/{}/commands", "CreateCommand", dr_api_command, DR_API_OPERATOR,
     DR_API_BODY_JSON, NULL, NULL, "command:s jobId:s signingProfileName:s"},
    {"POST", "/daruma/things/{}/recovery-certificate", "CreateRecoveryCertificate",
     dr_api_recovery_certificate, DR_API_ADMIN, DR_API_BODY_JSON, NULL, NULL,
     "certificateSigningRequest:s"},
};

const struct dr_api_route_table dr_api_routes_own = {
    .routes = routes, .count = DR_ARRAY_COUNT(routes)};

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What is known of a device: its last report, its story, and whether it is connected. */
#ifndef DR_CLOUD_REGISTRY_REPORT_H
#define DR_CLOUD_REGISTRY_REPORT_H

#include "cloud/registry/call.h"

/* GET /daruma/things/{name}/state: {"thingName","connected","connectedAt"|"disconnectedAt",
 * "disconnectReason","reportedAt","report":{... as the device sent it}}; report is absent before
 * the first one. */
DR_MUST_USE enum dr_status
dr_service_thing_state(struct dr_call *call, const char *thing, json_t **ret_body);

/* GET /daruma/things/{name}/timeline, newest first: {"entries":[{"id","at","kind","body"}],
 * "nextToken"}. kind: report, execution, connected, disconnected. at is in epoch seconds. */
DR_MUST_USE enum dr_status dr_service_thing_timeline(
    struct dr_call *call, const char *thing, const struct dr_page *page, json_t **ret_body);

/* Acts of operators and of the service, newest first: {"entries":[...],"nextToken"}. */
DR_MUST_USE enum dr_status
dr_service_list_audit(struct dr_call *call, const struct dr_page *page, json_t **ret_body);

#endif

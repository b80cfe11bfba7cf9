/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What is known of a device: its last report, its story, and whether it is connected. */
#ifndef DR_CLOUD_SERVICE_REPORT_H
#define DR_CLOUD_SERVICE_REPORT_H

#include "cloud/service/service.h"

/* GET /daruma/things/{name}/state: {"thingName","connected","connectedAt"|"disconnectedAt",
 * "disconnectReason","reportedAt","report":{... as the device sent it}}; report is absent before
 * the first one. */
DR_MUST_USE enum dr_status
dr_service_thing_state(struct dr_call *call, const char *thing, json_t **ret_body);

/* GET /daruma/things/{name}/timeline, newest first: {"entries":[{"id","at","kind","body"}],
 * "nextToken"}. kind: report, execution, connected, disconnected. at is in epoch seconds. */
DR_MUST_USE enum dr_status dr_service_thing_timeline(
    struct dr_call *call, const char *thing, const struct dr_page *page, json_t **ret_body);

/* One login or logout, as the gate tells it. Pointers are borrowed for the call. */
struct dr_session_event {
    const char *client_id;
    const char *certificate_id;
    uint64_t session;
    uint64_t gate_boot;
    bool connected;
    const char *source_ip; /* or NULL */
    const char *reason;    /* of a disconnect: CONNECTION_LOST, DUPLICATE_CLIENTID, ... or NULL */
};

/* Never waits. A disconnect of a session that is not the client's latest changes nothing. */
DR_MUST_USE enum dr_status dr_service_session_event(
    struct dr_service *service, const struct dr_session_event *event, int64_t now_ms);

/* The gate runs with this boot id: sessions of all others are over. Never waits. */
DR_MUST_USE enum dr_status
dr_service_gate_started(struct dr_service *service, uint64_t gate_boot, int64_t now_ms);

#endif

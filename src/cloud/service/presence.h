/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Who is connected, as the gate tells it. */
#ifndef DR_CLOUD_SERVICE_PRESENCE_H
#define DR_CLOUD_SERVICE_PRESENCE_H

#include "cloud/service/device_message.h"
#include "cloud/wire/wire.h"

/* A connection came or went. Numbered like the device messages of this gate boot: a repeat is
 * dropped, and sink->done is called exactly once, after the commit. A disconnect counts only when
 * its session is the client's latest. Never waits for the store. */
void dr_service_presence(
    struct dr_service *service, const struct dr_wire_presence *presence, uint64_t gate_boot,
    uint64_t gate_number, const struct dr_device_sink *sink, int64_t now_ms);

/* The gate runs with this boot id: connections that other boots told of are over. Never waits. */
void dr_service_gate_boot(struct dr_service *service, uint64_t gate_boot, int64_t now_ms);

#endif

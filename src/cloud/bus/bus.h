/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The service side's connection to the broker: one MQTT 5 client, one thread.
 *
 * Device messages go to the service as they come and their numbers are acknowledged to the gate
 * after the commit; outbox rows go out, those of one thing strictly in the order of their ids, the
 * next only when the one ahead has its PUBACK; changes of certificates and policies go out as
 * deltas and, when there were many, as a new snapshot file. The connection is kept: lost, it is
 * made again with a growing, jittered pause (0.1 s to 5 s).
 *
 * The thread never waits for the store: completions come back through a queue and an event
 * descriptor.
 */
#ifndef DR_CLOUD_BUS_BUS_H
#define DR_CLOUD_BUS_BUS_H

#include "base/status.h"
#include "cloud/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_service;
struct dr_bus;

#define DR_BUS_ERROR_BYTES 256u

struct dr_bus_config {
    const char *host; /* of the broker; its certificate must carry this name */
    uint16_t port;
    const char *ca_path;
    const char *certificate_path; /* the service's own; the gate knows its id */
    const char *key_path;
    const char *snapshot_path; /* "" or NULL: no gate snapshots are written */
    const char *client_id;     /* NULL: "daruma/darumad" */
    uint16_t receive_maximum;  /* QoS 1 messages in flight to us; 0: 1000 */
    /* One line each, from the bus's thread; NULL: silent. */
    void (*log)(void *context, bool is_error, const char *line);
    void *log_context;
};

/* Start the thread; strings are copied. Returns once the thread runs, not once it is connected.
 *
 * service must outlive the bus; its hooks are set here. Where there is a snapshot path a first
 * snapshot is written before this returns. DR_E_IO: a file cannot be used; error (of
 * DR_BUS_ERROR_BYTES) says which.
 */
DR_MUST_USE enum dr_status dr_bus_start(
    const struct dr_bus_config *config, struct dr_service *service, struct dr_bus **ret_bus,
    char *error);

/* Stop sending, let what was received be committed (at most 2 s), disconnect, join, take the hooks
 * off the service, free. The service may go on changing things meanwhile and after. */
void dr_bus_stop(struct dr_bus *bus);

/* Any thread. */
bool dr_bus_connected(const struct dr_bus *bus);

/* Write the first snapshot from what the store holds, before a broker or a bus runs: `darumad
 * --write-snapshot` and `daruma cloud up` use it. */
DR_MUST_USE enum dr_status dr_bus_write_snapshot(struct dr_service *service, const char *path);

/* What a client id has moved through the broker, as last told by the gate (at most half a second
 * old). Any thread. DR_E_NOT_FOUND: the gate has not named it. */
DR_MUST_USE enum dr_status
dr_bus_counters(struct dr_bus *bus, const char *client_id, struct dr_wire_counters *ret_counters);

#endif

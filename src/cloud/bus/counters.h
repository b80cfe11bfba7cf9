/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the gate told about each client id, for whoever asks from another thread. */
#ifndef DR_CLOUD_BUS_COUNTERS_H
#define DR_CLOUD_BUS_COUNTERS_H

#include "base/status.h"
#include "cloud/wire/wire.h"

#include <stddef.h>
#include <stdint.h>

#define DR_COUNTERS_MAX 131072u /* client ids; of those that come after nothing is kept */

struct dr_counters;

DR_MUST_USE enum dr_status dr_counters_create(struct dr_counters **ret_counters);
void dr_counters_free(struct dr_counters *counters);
/* Another gate boot: it counts from 0. */
void dr_counters_clear(struct dr_counters *counters);
/* A stats message. DR_E_FORMAT: damaged, taken in as far as it could be read. */
DR_MUST_USE enum dr_status
dr_counters_take(struct dr_counters *counters, const uint8_t *data, size_t size_bytes);
/* DR_E_NOT_FOUND. */
DR_MUST_USE enum dr_status dr_counters_client(
    struct dr_counters *counters, const char *client_id, struct dr_wire_counters *ret_counters);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The bus's end of the outbox: what waits to be published, and what has been.
 *
 * Rows are fetched in id order. The bus keeps at most one row of a thing on its way, and reports
 * each row after its PUBACK; what it did not report is fetched again after a restart. */
#ifndef DR_CLOUD_SERVICE_OUTBOX_H
#define DR_CLOUD_SERVICE_OUTBOX_H

#include "cloud/service/service.h"
#include "cloud/store/outbox.h" /* struct dr_outbox_row */

/* Travels with each id, so that the gate does not mistake a restored store for the old one. */
uint64_t dr_service_outbox_epoch(const struct dr_service *service);

/* As dr_outbox_fetch: rows above after_id, at most limit, borrowed for the visit. */
DR_MUST_USE enum dr_status dr_service_outbox_fetch(
    struct dr_service *service, uint64_t after_id, size_t limit,
    bool (*visit)(void *context, const struct dr_outbox_row *row), void *context);

/* As dr_outbox_published. */
DR_MUST_USE enum dr_status
dr_service_outbox_published(struct dr_service *service, const uint64_t *ids, size_t count);

/* Highest committed message number of a gate boot, 0 when none: what may be acknowledged after a
 * restart. */
DR_MUST_USE enum dr_status
dr_service_gate_last(struct dr_service *service, uint64_t gate_boot, uint64_t *ret_number);

#endif

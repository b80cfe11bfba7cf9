/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Who may connect, as the service last told: a snapshot file and the deltas since.
 *
 * A delta is kept as the small snapshot it is; looking a certificate up asks the newest delta first
 * and the file last. Deltas are numbered; after a gap, or when the service says so, the file is to
 * be read again (wants_file), which happens elsewhere, and what it already holds is dropped from
 * the deltas. A file that was read before the service's order and comes in after it does not settle
 * the order.
 *
 * Without a service the last state stays: who is known is let in, who is not is refused.
 */
#ifndef DR_CLOUD_GATE_REGISTRY_H
#define DR_CLOUD_GATE_REGISTRY_H

#include "base/status.h"
#include "cloud/model/policy.h"
#include "cloud/wire/snapshot.h"
#include "cloud/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_REGISTRY_DELTAS_MAX 256u

/* A snapshot that principals still point into. */
struct dr_source {
    struct dr_snapshot *snapshot;
    size_t references;
};

struct dr_registry {
    struct dr_source *base;                           /* NULL: nothing was ever read */
    struct dr_source *deltas[DR_REGISTRY_DELTAS_MAX]; /* oldest first, numbers without gaps */
    size_t delta_count;
    uint64_t expected_generation; /* of the last message; 0: none came yet */
    uint64_t ordered_sequence;    /* of that generation: an older file does not do */
    bool wants_file;
};

/* One certificate as one connection sees it: resolved once at Connect, evaluated per message.
 * Policies point into the source, everything else is here. */
struct dr_principal {
    struct dr_source *source;
    enum dr_snapshot_status status;
    bool is_attached; /* thing variables resolve */
    char thing_name[DR_WIRE_THING_NAME_MAX + 1];
    char *thing_type; /* NULL: none */
    struct dr_policy_pair *attributes;
    size_t attribute_count;
    struct dr_policy_view *policies;
    size_t policy_count;
};

void dr_registry_free(struct dr_registry *registry);

/* Take the file in; snapshot is the registry's from now on. */
DR_MUST_USE enum dr_status
dr_registry_set_base(struct dr_registry *registry, struct dr_snapshot *snapshot);

/* Take a delta in; snapshot is the registry's from now on, whatever is returned.
 *
 * DR_E_EXISTS    its number was seen. DR_E_AGAIN: it says that the file is to be read.
 * DR_E_CONFLICT  a gap, or another generation: what it says holds, and the file is to be read.
 */
DR_MUST_USE enum dr_status
dr_registry_add_delta(struct dr_registry *registry, struct dr_snapshot *snapshot);

/* Generation of the file and number of the last delta; both 0 when there is no file. */
void dr_registry_position(
    const struct dr_registry *registry, uint64_t *ret_generation, uint64_t *ret_sequence);

/* Resolve a certificate for a client id. DR_E_NOT_FOUND: unknown or deleted. DR_E_CORRUPT,
 * DR_E_SPACE. The principal is freed with dr_principal_free. */
DR_MUST_USE enum dr_status dr_registry_resolve(
    const struct dr_registry *registry, const uint8_t id[DR_SNAPSHOT_ID_BYTES],
    const char *client_id, struct dr_principal *ret_principal);

void dr_principal_free(struct dr_principal *principal);

#endif

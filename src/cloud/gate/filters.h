/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* How many subscriptions a client holds. The broker keeps any number, and each costs it memory
 * (2.4 kB measured): one device could use all of it up. */
#ifndef DR_CLOUD_GATE_FILTERS_H
#define DR_CLOUD_GATE_FILTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_FILTERS_MAX 256u /* distinct filters of one client */

/* Zeroed is empty. */
struct dr_filters {
    /* private, do not touch */
    uint64_t *hashes; /* of the filters, and which are shared; order means nothing */
    size_t count;
    size_t capacity;
};

/* The client subscribes; a filter it holds already costs nothing. False: it has all it may have, or
 * there is no memory. */
bool dr_filters_take(
    struct dr_filters *filters, const uint64_t secret[2], size_t max, const char *filter);

/* It unsubscribes. A filter that it does not hold changes nothing. */
void dr_filters_leave(struct dr_filters *filters, const uint64_t secret[2], const char *filter);

/* The broker keeps none for its session, shared ones aside: those it counts apart and does not
 * tell. If we know of one that is not shared, then that session has ended, and all of them with it.
 */
void dr_filters_none_kept(struct dr_filters *filters);

/* It holds none any more. */
void dr_filters_clear(struct dr_filters *filters);

#endif

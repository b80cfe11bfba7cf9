/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What devices fetched over HTTPS, by thing: requests answered with bytes of an object, and the
 * bytes. Beside the broker's own counters (docs/api.md). In memory, since the daemon's start.
 *
 * Threads may share one. A thing's entry stays where it is until dr_api_fetches_free.
 */
#ifndef DR_CLOUD_API_FETCHES_H
#define DR_CLOUD_API_FETCHES_H

#include "base/status.h"

#include <stdatomic.h>
#include <stdint.h>

#define DR_API_FETCHES_MAX 65536u /* things; what comes after is not counted apart */

struct dr_api_fetch {
    atomic_uint_fast64_t requests;
    atomic_uint_fast64_t bytes;
};

struct dr_api_fetches; /* opaque */

DR_MUST_USE enum dr_status dr_api_fetches_new(struct dr_api_fetches **ret_fetches);
void dr_api_fetches_free(struct dr_api_fetches *fetches);

/* The entry of a thing, made at its first use; NULL when there is no room. */
struct dr_api_fetch *dr_api_fetches_of(struct dr_api_fetches *fetches, const char *thing);

/* The entry of a thing that has one; else NULL. */
const struct dr_api_fetch *dr_api_fetches_find(struct dr_api_fetches *fetches, const char *thing);

#endif

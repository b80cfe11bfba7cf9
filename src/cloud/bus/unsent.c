/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/bus/unsent.h"

#include <stdlib.h>

/* Sessions are random numbers: their low bits serve as a hash. */
static struct dr_unsent_session **link_of(struct dr_unsent *unsent, uint64_t session)
{
    struct dr_unsent_session **link = &unsent->buckets[session % DR_UNSENT_BUCKETS];
    while (*link != NULL && (*link)->session != session) { /* bound: the chain */
        link = &(*link)->next;
    }
    return link;
}

size_t dr_unsent_bytes(const struct dr_unsent *unsent, uint64_t session)
{
    const struct dr_unsent_session *at = unsent->buckets[session % DR_UNSENT_BUCKETS];
    while (at != NULL && at->session != session) { /* bound: the chain */
        at = at->next;
    }
    return at == NULL ? 0 : at->bytes;
}

void dr_unsent_add(struct dr_unsent *unsent, uint64_t session, size_t bytes)
{
    struct dr_unsent_session **link = link_of(unsent, session);
    if (*link == NULL) {
        struct dr_unsent_session *entry = calloc(1, sizeof(*entry));
        if (entry == NULL) {
            return;
        }
        entry->session = session;
        *link = entry;
    }
    (*link)->bytes += bytes;
}

void dr_unsent_remove(struct dr_unsent *unsent, uint64_t session, size_t bytes)
{
    struct dr_unsent_session **link = link_of(unsent, session);
    struct dr_unsent_session *entry = *link;
    if (entry == NULL) {
        return;
    }
    if (entry->bytes > bytes) {
        entry->bytes -= bytes;
        return;
    }
    *link = entry->next;
    free(entry);
}

void dr_unsent_clear(struct dr_unsent *unsent)
{
    for (size_t i = 0; i < DR_UNSENT_BUCKETS; i++) {
        while (unsent->buckets[i] != NULL) { /* bound: the chain */
            struct dr_unsent_session *entry = unsent->buckets[i];
            unsent->buckets[i] = entry->next;
            free(entry);
        }
    }
}

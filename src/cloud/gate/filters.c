/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/filters.h"

#include "cloud/gate/hash.h"

#include <stdlib.h>
#include <string.h>

/* The lowest bit tells shared subscriptions apart. */
#define SHARED 1u

static uint64_t mark_of(const uint64_t secret[2], const char *filter)
{
    uint64_t hash = dr_siphash(secret, filter, strlen(filter)) & ~(uint64_t)SHARED;
    return strncmp(filter, "$share/", 7) == 0 ? hash | SHARED : hash;
}

/* Where the filter stands, or count. */
static size_t find(const struct dr_filters *filters, uint64_t hash)
{
    size_t at = 0;
    while (at < filters->count && filters->hashes[at] != hash) { /* bound: DR_FILTERS_MAX */
        at++;
    }
    return at;
}

bool dr_filters_take(
    struct dr_filters *filters, const uint64_t secret[2], size_t max, const char *filter)
{
    uint64_t hash = mark_of(secret, filter);
    if (find(filters, hash) < filters->count) {
        return true;
    }
    if (filters->count >= max) {
        return false;
    }
    if (filters->count == filters->capacity) {
        size_t capacity = filters->capacity == 0 ? 4 : 2 * filters->capacity;
        uint64_t *grown = realloc(filters->hashes, capacity * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        filters->hashes = grown;
        filters->capacity = capacity;
    }
    filters->hashes[filters->count++] = hash;
    return true;
}

void dr_filters_leave(struct dr_filters *filters, const uint64_t secret[2], const char *filter)
{
    size_t at = find(filters, mark_of(secret, filter));
    if (at < filters->count) {
        filters->hashes[at] = filters->hashes[--filters->count];
    }
}

void dr_filters_none_kept(struct dr_filters *filters)
{
    for (size_t i = 0; i < filters->count; i++) {
        if ((filters->hashes[i] & SHARED) == 0) {
            dr_filters_clear(filters);
            return;
        }
    }
}

void dr_filters_clear(struct dr_filters *filters)
{
    free(filters->hashes);
    *filters = (struct dr_filters){.hashes = NULL};
}

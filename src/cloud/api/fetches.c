/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/fetches.h"

#include "base/text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096u

struct entry {
    struct entry *next;
    struct dr_api_fetch fetch;
    char thing[];
};

struct dr_api_fetches {
    pthread_mutex_t lock;
    size_t count;
    struct entry *buckets[BUCKETS];
};

static size_t bucket_of(const char *thing)
{
    return dr_text_hash(thing) % BUCKETS; /* names of things are not chosen by strangers */
}

enum dr_status dr_api_fetches_new(struct dr_api_fetches **ret_fetches)
{
    struct dr_api_fetches *fetches = calloc(1, sizeof *fetches);
    if (fetches == NULL) {
        return DR_E_SPACE;
    }
    (void)pthread_mutex_init(&fetches->lock, NULL);
    *ret_fetches = fetches;
    return DR_OK;
}

void dr_api_fetches_free(struct dr_api_fetches *fetches)
{
    if (fetches == NULL) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (fetches->buckets[i] != NULL) { /* bound: the entries */
            struct entry *entry = fetches->buckets[i];
            fetches->buckets[i] = entry->next;
            free(entry);
        }
    }
    (void)pthread_mutex_destroy(&fetches->lock);
    free(fetches);
}

static struct entry *find(const struct dr_api_fetches *fetches, const char *thing)
{
    struct entry *entry = fetches->buckets[bucket_of(thing)];
    while (entry != NULL && strcmp(entry->thing, thing) != 0) { /* bound: the entries */
        entry = entry->next;
    }
    return entry;
}

struct dr_api_fetch *dr_api_fetches_of(struct dr_api_fetches *fetches, const char *thing)
{
    (void)pthread_mutex_lock(&fetches->lock);
    struct entry *entry = find(fetches, thing);
    if (entry == NULL && fetches->count < DR_API_FETCHES_MAX) {
        size_t size = strlen(thing) + 1;
        entry = calloc(1, sizeof *entry + size);
        if (entry != NULL) {
            struct entry **bucket = &fetches->buckets[bucket_of(thing)];
            memcpy(entry->thing, thing, size);
            entry->next = *bucket;
            *bucket = entry;
            fetches->count++;
        }
    }
    (void)pthread_mutex_unlock(&fetches->lock);
    return entry != NULL ? &entry->fetch : NULL;
}

const struct dr_api_fetch *dr_api_fetches_find(struct dr_api_fetches *fetches, const char *thing)
{
    (void)pthread_mutex_lock(&fetches->lock);
    const struct entry *entry = find(fetches, thing);
    (void)pthread_mutex_unlock(&fetches->lock);
    return entry != NULL ? &entry->fetch : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/bus/counters.h"

#include "base/text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096u

struct entry {
    struct entry *next;
    struct dr_wire_client_counters client;
};

struct dr_counters {
    pthread_mutex_t lock;
    struct entry *buckets[BUCKETS];
    size_t count;
};

enum dr_status dr_counters_create(struct dr_counters **ret_counters)
{
    struct dr_counters *counters = calloc(1, sizeof(*counters));
    if (counters == NULL) {
        return DR_E_SPACE;
    }
    pthread_mutex_init(&counters->lock, NULL);
    *ret_counters = counters;
    return DR_OK;
}

static void clear_locked(struct dr_counters *counters)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        while (counters->buckets[i] != NULL) { /* bound: the chain */
            struct entry *entry = counters->buckets[i];
            counters->buckets[i] = entry->next;
            free(entry);
        }
    }
    counters->count = 0;
}

void dr_counters_clear(struct dr_counters *counters)
{
    pthread_mutex_lock(&counters->lock);
    clear_locked(counters);
    pthread_mutex_unlock(&counters->lock);
}

void dr_counters_free(struct dr_counters *counters)
{
    if (counters != NULL) {
        clear_locked(counters);
        pthread_mutex_destroy(&counters->lock);
        free(counters);
    }
}

static struct entry **link_of(struct dr_counters *counters, const char *client_id)
{
    struct entry **link = &counters->buckets[dr_text_hash(client_id) % BUCKETS];
    while (*link != NULL && strcmp((*link)->client.client_id, client_id) != 0) {
        link = &(*link)->next; /* bound: the chain */
    }
    return link;
}

static void put_locked(struct dr_counters *counters, const struct dr_wire_client_counters *client)
{
    struct entry **link = link_of(counters, client->client_id);
    if (*link == NULL && counters->count < DR_COUNTERS_MAX) {
        *link = calloc(1, sizeof(**link));
        counters->count += *link != NULL ? 1 : 0;
    }
    if (*link != NULL) {
        (*link)->client = *client;
    }
}

enum dr_status
dr_counters_take(struct dr_counters *counters, const uint8_t *data, size_t size_bytes)
{
    struct dr_wire_stats_reader reader;
    struct dr_wire_gate_counters gate; /* of the broker as a whole: no answer of the API has them */
    struct dr_wire_client_counters client;
    DR_TRY(dr_wire_stats_open(&reader, data, size_bytes, &gate));
    pthread_mutex_lock(&counters->lock);
    enum dr_status status = dr_wire_stats_next(&reader, &client);
    while (status == DR_OK) { /* bound: the message */
        put_locked(counters, &client);
        status = dr_wire_stats_next(&reader, &client);
    }
    pthread_mutex_unlock(&counters->lock);
    return status == DR_E_NOT_FOUND ? DR_OK : status;
}

enum dr_status dr_counters_client(
    struct dr_counters *counters, const char *client_id, struct dr_wire_counters *ret_counters)
{
    pthread_mutex_lock(&counters->lock);
    const struct entry *entry = *link_of(counters, client_id);
    if (entry != NULL) {
        *ret_counters = entry->client.counters;
    }
    pthread_mutex_unlock(&counters->lock);
    return entry == NULL ? DR_E_NOT_FOUND : DR_OK;
}

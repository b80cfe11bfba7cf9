/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Files of streams that are being read. A download asks thousands of times for the same file: it is
 * looked up in the store once. */
#include "cloud/service/streams_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 64u

struct entry {
    char stream[DR_STREAM_ID_MAX + 1]; /* "": free */
    uint32_t file;
    uint32_t size_bytes;
    struct dr_blob *blob;
    uint64_t used; /* tick of the last use */
};

struct dr_stream_cache {
    pthread_mutex_t lock;
    uint64_t tick;
    struct entry entries[ENTRIES];
};

enum dr_status dr_stream_cache_create(struct dr_stream_cache **ret_cache)
{
    struct dr_stream_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL) {
        return DR_E_SPACE;
    }
    (void)pthread_mutex_init(&cache->lock, NULL);
    *ret_cache = cache;
    return DR_OK;
}

static void clear(struct entry *entry)
{
    dr_blob_close(entry->blob);
    *entry = (struct entry){.blob = NULL};
}

void dr_stream_cache_free(struct dr_stream_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < ENTRIES; i++) {
        clear(&cache->entries[i]);
    }
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

void dr_stream_cache_forget(struct dr_stream_cache *cache)
{
    (void)pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < ENTRIES; i++) {
        clear(&cache->entries[i]);
    }
    (void)pthread_mutex_unlock(&cache->lock);
}

static struct entry *lookup(struct dr_stream_cache *cache, const char *stream, uint32_t file)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        struct entry *entry = &cache->entries[i];
        if (entry->stream[0] != '\0' && entry->file == file && strcmp(entry->stream, stream) == 0) {
            return entry;
        }
    }
    return NULL;
}

static struct entry *least_used(struct dr_stream_cache *cache)
{
    struct entry *least = &cache->entries[0];
    for (size_t i = 1; i < ENTRIES; i++) {
        if (cache->entries[i].used < least->used) {
            least = &cache->entries[i];
        }
    }
    return least;
}

/* Open it; *ret_entry is written only when that went well. */
static enum dr_status
load(struct dr_service *service, const char *stream, uint32_t file, struct entry *ret_entry)
{
    struct entry entry = {.file = file};
    struct dr_db *db = NULL;
    struct dr_stream_part part;
    DR_TRY(dr_store_read_begin(service->store, &db));
    enum dr_status status = dr_stream_part_find(db, stream, file, &part);
    dr_store_read_end(service->store, db);
    DR_TRY(status);
    if (part.size_bytes > UINT32_MAX) {
        return DR_E_RANGE;
    }
    DR_TRY(dr_blob_open(service->blobs, part.digest, &entry.blob));
    if (dr_blob_size(entry.blob) != part.size_bytes) {
        clear(&entry);
        return DR_E_CORRUPT;
    }
    (void)snprintf(entry.stream, sizeof entry.stream, "%s", stream);
    entry.size_bytes = (uint32_t)part.size_bytes;
    *ret_entry = entry;
    return DR_OK;
}

enum dr_status dr_stream_cache_take(
    struct dr_service *service, const char *stream, uint32_t file,
    struct dr_stream_source *ret_source)
{
    struct dr_stream_cache *cache = service->streams;
    (void)pthread_mutex_lock(&cache->lock);
    struct entry *entry = lookup(cache, stream, file);
    if (entry == NULL) {
        struct entry fresh;
        enum dr_status status = load(service, stream, file, &fresh);
        if (status != DR_OK) { /* whoever asks for what is not there takes nobody's place */
            (void)pthread_mutex_unlock(&cache->lock);
            return status;
        }
        entry = least_used(cache);
        clear(entry);
        *entry = fresh;
    }
    entry->used = ++cache->tick;
    *ret_source = (struct dr_stream_source){.blob = entry->blob, .size_bytes = entry->size_bytes};
    return DR_OK;
}

void dr_stream_cache_release(struct dr_stream_cache *cache)
{
    (void)pthread_mutex_unlock(&cache->lock);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/loader.h"

#include "cloud/wire/snapshot.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum state { IDLE, ASKED, READY, STOPPING };

struct dr_loader {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum state state;
    enum dr_status status;
    struct dr_snapshot *snapshot;
    char *path;
};

static void *loader_thread(void *context)
{
    struct dr_loader *loader = context;
    pthread_mutex_lock(&loader->lock);
    for (;;) { /* until STOPPING */
        while (loader->state != ASKED && loader->state != STOPPING) {
            pthread_cond_wait(&loader->changed, &loader->lock);
        }
        if (loader->state == STOPPING) {
            break;
        }
        pthread_mutex_unlock(&loader->lock);
        struct dr_snapshot *snapshot = NULL;
        enum dr_status status = dr_snapshot_open(loader->path, &snapshot);
        pthread_mutex_lock(&loader->lock);
        loader->snapshot = snapshot;
        loader->status = status;
        if (loader->state == ASKED) {
            loader->state = READY;
        }
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

enum dr_status dr_loader_create(const char *path, struct dr_loader **ret_loader)
{
    struct dr_loader *loader = calloc(1, sizeof(*loader));
    if (loader == NULL) {
        return DR_E_SPACE;
    }
    loader->path = strdup(path);
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->changed, NULL);
    /* Signals are the broker's business. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed =
        loader->path == NULL ? 1 : pthread_create(&loader->thread, NULL, loader_thread, loader);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        free(loader->path);
        free(loader);
        return DR_E_SPACE;
    }
    *ret_loader = loader;
    return DR_OK;
}

void dr_loader_free(struct dr_loader *loader)
{
    if (loader == NULL) {
        return;
    }
    pthread_mutex_lock(&loader->lock);
    loader->state = STOPPING;
    pthread_cond_signal(&loader->changed);
    pthread_mutex_unlock(&loader->lock);
    pthread_join(loader->thread, NULL);
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->lock);
    dr_snapshot_close(loader->snapshot);
    free(loader->path);
    free(loader);
}

void dr_loader_request(struct dr_loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    if (loader->state == IDLE) {
        loader->state = ASKED;
        pthread_cond_signal(&loader->changed);
    }
    pthread_mutex_unlock(&loader->lock);
}

bool dr_loader_busy(struct dr_loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    bool busy = loader->state != IDLE;
    pthread_mutex_unlock(&loader->lock);
    return busy;
}

enum dr_status dr_loader_take(struct dr_loader *loader, struct dr_snapshot **ret_snapshot)
{
    enum dr_status status = DR_E_AGAIN;
    pthread_mutex_lock(&loader->lock);
    if (loader->state == READY) {
        status = loader->status;
        *ret_snapshot = loader->snapshot;
        loader->snapshot = NULL;
        loader->state = IDLE;
    }
    pthread_mutex_unlock(&loader->lock);
    return status;
}

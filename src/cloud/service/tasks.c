/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Counting what waits for the writer, and numbering it in the gate's order. */
#include "base/text.h"
#include "cloud/service/device_priv.h"

static size_t bucket_of(const char *thing)
{
    return dr_text_hash(thing) % DR_IN_FLIGHT_BUCKETS;
}

bool dr_task_thing_is_busy(struct dr_service *service, const char *thing)
{
    (void)pthread_mutex_lock(&service->lock);
    bool busy = service->in_flight[bucket_of(thing)] != 0;
    (void)pthread_mutex_unlock(&service->lock);
    return busy;
}

/* The number that must be committed before this one; 0 when it is the first of its boot, or one
 * that the gate sends again. */
static uint64_t chain_locked(struct dr_service *service, uint64_t boot, uint64_t number)
{
    bool follows = service->gate_boot == boot && service->gate_number < number;
    uint64_t previous = follows ? service->gate_number : 0;
    service->gate_boot = boot;
    service->gate_number = number;
    return previous;
}

static void leave_locked(struct dr_service *service, const char *thing)
{
    if (thing != NULL) {
        service->in_flight[bucket_of(thing)]--;
    }
    service->tasks--;
    if (service->tasks == 0) {
        (void)pthread_cond_broadcast(&service->idle);
    }
}

/* The lock is held over the submission, so that the chain's order is the queue's order. */
enum dr_status dr_task_enter(
    struct dr_service *service, const struct dr_task_entry *entry,
    const struct dr_mutation *mutation)
{
    (void)pthread_mutex_lock(&service->lock);
    service->tasks++;
    if (entry->thing != NULL) {
        service->in_flight[bucket_of(entry->thing)]++;
    }
    if (entry->gate_boot != 0) {
        *entry->ret_previous = chain_locked(service, entry->gate_boot, entry->gate_number);
    }
    enum dr_status status = dr_store_submit(service->store, mutation);
    if (status != DR_OK) {
        leave_locked(service, entry->thing);
    }
    (void)pthread_mutex_unlock(&service->lock);
    return status;
}

void dr_task_leave(struct dr_service *service, const char *thing)
{
    (void)pthread_mutex_lock(&service->lock);
    leave_locked(service, thing);
    (void)pthread_mutex_unlock(&service->lock);
}

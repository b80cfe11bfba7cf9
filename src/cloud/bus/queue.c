/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/bus/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum dr_status dr_queue_init(struct dr_queue *queue)
{
    memset(queue, 0, sizeof(*queue));
    queue->end = &queue->first;
    queue->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->event < 0) {
        return DR_E_IO;
    }
    pthread_mutex_init(&queue->lock, NULL);
    return DR_OK;
}

void dr_queue_discard(struct dr_queue *queue)
{
    struct dr_queue_taken taken = dr_queue_take(queue);
    while (taken.first != NULL) { /* bound: the list */
        struct dr_note *note = taken.first;
        taken.first = note->next;
        free(note);
    }
}

void dr_queue_free(struct dr_queue *queue)
{
    dr_queue_discard(queue);
    close(queue->event);
    pthread_mutex_destroy(&queue->lock);
}

/* The event is raised while the lock is held, so that it is never raised for an empty list. */
static void raise_locked(const struct dr_queue *queue)
{
    const uint64_t one = 1;
    if (write(queue->event, &one, sizeof(one)) < 0) {
        return; /* already as high as it goes: readable */
    }
}

static void append(struct dr_queue *queue, struct dr_note *note)
{
    pthread_mutex_lock(&queue->lock);
    bool was_empty = queue->first == NULL;
    if (note == NULL) {
        queue->lost = true;
    } else {
        *queue->end = note;
        queue->end = &note->next;
    }
    if (was_empty || note == NULL) {
        raise_locked(queue);
    }
    pthread_mutex_unlock(&queue->lock);
}

static struct dr_note *note_create(enum dr_note_kind kind, size_t bytes)
{
    struct dr_note *note = calloc(1, sizeof(*note) + bytes);
    if (note != NULL) {
        note->kind = kind;
    }
    return note;
}

void dr_queue_answer(struct dr_queue *queue, const struct dr_device_answer *answer)
{
    size_t topic_size = strlen(answer->topic) + 1;
    size_t client_size = strlen(answer->client_id) + 1;
    struct dr_note *note =
        note_create(DR_NOTE_ANSWER, topic_size + client_size + answer->payload_size);
    if (note != NULL) {
        uint8_t *client = note->bytes + topic_size;
        uint8_t *payload = client + client_size;
        memcpy(note->bytes, answer->topic, topic_size);
        memcpy(client, answer->client_id, client_size);
        if (answer->payload_size > 0) {
            memcpy(payload, answer->payload, answer->payload_size);
        }
        note->answer = *answer;
        note->answer.topic = (const char *)note->bytes;
        note->answer.client_id = (const char *)client;
        note->answer.payload = payload;
    }
    append(queue, note);
}

void dr_queue_done(struct dr_queue *queue, uint64_t boot, uint64_t number, enum dr_status status)
{
    struct dr_note *note = note_create(DR_NOTE_DONE, 0);
    if (note != NULL) {
        note->boot = boot;
        note->number = number;
        note->status = status;
    }
    append(queue, note);
}

void dr_queue_identity(struct dr_queue *queue, const char *certificate_id)
{
    struct dr_note *note = note_create(DR_NOTE_IDENTITY, 0);
    if (note != NULL && certificate_id != NULL) {
        (void)snprintf(note->certificate_id, sizeof(note->certificate_id), "%.64s", certificate_id);
    }
    append(queue, note);
}

void dr_queue_outbox(struct dr_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    if (!queue->outbox_ready) {
        queue->outbox_ready = true;
        raise_locked(queue);
    }
    pthread_mutex_unlock(&queue->lock);
}

void dr_queue_stop(struct dr_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    raise_locked(queue);
    pthread_mutex_unlock(&queue->lock);
}

struct dr_queue_taken dr_queue_take(struct dr_queue *queue)
{
    uint64_t raised;
    pthread_mutex_lock(&queue->lock);
    if (read(queue->event, &raised, sizeof(raised)) < 0) {
        raised = 0; /* it was not raised: nothing waits, or we look without being woken */
    }
    struct dr_queue_taken taken = {
        .first = queue->first,
        .outbox_ready = queue->outbox_ready,
        .stopping = queue->stopping,
        .lost = queue->lost,
    };
    queue->first = NULL;
    queue->end = &queue->first;
    queue->outbox_ready = false;
    queue->lost = false;
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

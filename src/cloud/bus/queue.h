/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What other threads have for the bus's thread: answers, commits, changes. A mutex, a list and an
 * event descriptor that is readable while the list is not empty. */
#ifndef DR_CLOUD_BUS_QUEUE_H
#define DR_CLOUD_BUS_QUEUE_H

#include "base/status.h"
#include "cloud/service/device_message.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dr_note_kind {
    DR_NOTE_ANSWER,
    DR_NOTE_DONE,
    DR_NOTE_IDENTITY, /* text is the certificate id, "" for all */
};

struct dr_note {
    struct dr_note *next;
    enum dr_note_kind kind;
    /* DONE */
    uint64_t boot;
    uint64_t number;
    enum dr_status status;
    /* ANSWER: pointers into the note */
    struct dr_device_answer answer;
    /* IDENTITY */
    char certificate_id[65];
    uint8_t bytes[];
};

struct dr_queue {
    pthread_mutex_t lock;
    int event; /* eventfd */
    struct dr_note *first;
    struct dr_note **end;
    bool outbox_ready;
    bool stopping;
    bool lost; /* a note could not be kept for want of memory */
};

DR_MUST_USE enum dr_status dr_queue_init(struct dr_queue *queue);
/* Drop everything that waits. */
void dr_queue_discard(struct dr_queue *queue);
void dr_queue_free(struct dr_queue *queue);

void dr_queue_answer(struct dr_queue *queue, const struct dr_device_answer *answer);
void dr_queue_done(struct dr_queue *queue, uint64_t boot, uint64_t number, enum dr_status status);
void dr_queue_identity(struct dr_queue *queue, const char *certificate_id);
void dr_queue_outbox(struct dr_queue *queue);
void dr_queue_stop(struct dr_queue *queue);

/* Everything that waits, oldest first; the caller frees each note. The flags are read and reset
 * (stopping stays). */
struct dr_queue_taken {
    struct dr_note *first;
    bool outbox_ready;
    bool stopping;
    bool lost;
};
struct dr_queue_taken dr_queue_take(struct dr_queue *queue);

#endif

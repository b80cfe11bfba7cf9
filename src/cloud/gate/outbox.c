/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/outbox.h"

#include <stdlib.h>
#include <string.h>

struct dr_outbox_mark {
    struct dr_hash_node node;
    struct dr_outbox_mark *previous;
    struct dr_outbox_mark *next;
    uint64_t epoch;
    uint64_t id;
    char thing[];
};

enum dr_status dr_outbox_marks_init(struct dr_outbox_marks *marks, const uint64_t secret[2])
{
    marks->first = NULL;
    marks->last = NULL;
    return dr_hash_init(&marks->things, secret);
}

static void unlink_mark(struct dr_outbox_marks *marks, struct dr_outbox_mark *mark)
{
    if (mark->previous != NULL) {
        mark->previous->next = mark->next;
    } else {
        marks->first = mark->next;
    }
    if (mark->next != NULL) {
        mark->next->previous = mark->previous;
    } else {
        marks->last = mark->previous;
    }
}

static void append(struct dr_outbox_marks *marks, struct dr_outbox_mark *mark)
{
    mark->previous = marks->last;
    mark->next = NULL;
    if (marks->last != NULL) {
        marks->last->next = mark;
    } else {
        marks->first = mark;
    }
    marks->last = mark;
}

static void forget_oldest(struct dr_outbox_marks *marks)
{
    struct dr_outbox_mark *mark = marks->first;
    unlink_mark(marks, mark);
    dr_hash_remove(&marks->things, &mark->node);
    free(mark);
}

void dr_outbox_marks_free(struct dr_outbox_marks *marks)
{
    while (marks->first != NULL) { /* bound: the list */
        forget_oldest(marks);
    }
    dr_hash_free(&marks->things);
}

static struct dr_outbox_mark *find(const struct dr_outbox_marks *marks, const char *thing)
{
    struct dr_hash_node *node = dr_hash_find(&marks->things, thing, strlen(thing));
    return node == NULL ? NULL : DR_HASH_OWNER(node, struct dr_outbox_mark, node);
}

static struct dr_outbox_mark *create(struct dr_outbox_marks *marks, const char *thing)
{
    size_t len = strlen(thing);
    struct dr_outbox_mark *mark = malloc(sizeof(*mark) + len + 1);
    if (mark == NULL) {
        return NULL;
    }
    if (marks->things.count >= DR_OUTBOX_MARKS_MAX) {
        forget_oldest(marks);
    }
    memcpy(mark->thing, thing, len + 1);
    dr_hash_insert(&marks->things, &mark->node, mark->thing, len);
    append(marks, mark);
    return mark;
}

bool dr_outbox_marks_take(
    struct dr_outbox_marks *marks, const char *thing, uint64_t epoch, uint64_t id)
{
    struct dr_outbox_mark *mark = find(marks, thing);
    if (mark != NULL && mark->epoch == epoch && id <= mark->id) {
        return false;
    }
    if (mark == NULL) {
        mark = create(marks, thing);
    } else {
        unlink_mark(marks, mark);
        append(marks, mark);
    }
    if (mark != NULL) {
        mark->epoch = epoch;
        mark->id = id;
    }
    return true; /* NOLINT(clang-analyzer-unix.Malloc): the table holds the new mark */
}

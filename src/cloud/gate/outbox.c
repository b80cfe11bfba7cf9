/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/outbox.h"

#include <stdlib.h>
#include <string.h>

struct mark {
    struct dr_hash_node node;
    uint64_t epoch;
    uint64_t id;
    char thing[];
};

enum dr_status dr_outbox_marks_init(struct dr_outbox_marks *marks, const uint64_t secret[2])
{
    return dr_hash_init(&marks->things, secret);
}

void dr_outbox_marks_free(struct dr_outbox_marks *marks)
{
    for (size_t i = 0; i < marks->things.bucket_count; i++) {
        struct dr_hash_node *node = marks->things.buckets[i];
        while (node != NULL) { /* bound: the chain */
            struct mark *mark = DR_HASH_OWNER(node, struct mark, node);
            node = node->next;
            free(mark);
        }
    }
    dr_hash_free(&marks->things);
}

static struct mark *find(const struct dr_outbox_marks *marks, const char *thing)
{
    struct dr_hash_node *node = dr_hash_find(&marks->things, thing, strlen(thing));
    return node == NULL ? NULL : DR_HASH_OWNER(node, struct mark, node);
}

static struct mark *create(struct dr_outbox_marks *marks, const char *thing)
{
    size_t len = strlen(thing);
    struct mark *mark = malloc(sizeof(*mark) + len + 1);
    if (mark != NULL) {
        memcpy(mark->thing, thing, len + 1);
        dr_hash_insert(&marks->things, &mark->node, mark->thing, len);
    }
    return mark;
}

bool dr_outbox_marks_take(
    struct dr_outbox_marks *marks, const char *thing, uint64_t epoch, uint64_t id)
{
    struct mark *mark = find(marks, thing);
    if (mark != NULL && mark->epoch == epoch && id <= mark->id) {
        return false;
    }
    if (mark == NULL) {
        mark = create(marks, thing);
    }
    if (mark != NULL) {
        mark->epoch = epoch;
        mark->id = id;
    }
    return true; /* NOLINT(clang-analyzer-unix.Malloc): the table holds the new mark */
}

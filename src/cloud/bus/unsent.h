/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* How many bytes of answers wait in this process, per session (docs/gate.md 6). */
#ifndef DR_CLOUD_BUS_UNSENT_H
#define DR_CLOUD_BUS_UNSENT_H

#include <stddef.h>
#include <stdint.h>

#define DR_UNSENT_BUCKETS 1024u

struct dr_unsent_session {
    struct dr_unsent_session *next;
    uint64_t session;
    size_t bytes;
};

struct dr_unsent {
    struct dr_unsent_session *buckets[DR_UNSENT_BUCKETS];
};

size_t dr_unsent_bytes(const struct dr_unsent *unsent, uint64_t session);
/* Without memory the bytes are not counted: the bound is a courtesy, not a promise. */
void dr_unsent_add(struct dr_unsent *unsent, uint64_t session, size_t bytes);
void dr_unsent_remove(struct dr_unsent *unsent, uint64_t session, size_t bytes);
void dr_unsent_clear(struct dr_unsent *unsent);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Requests for blocks wait here, in a line for each client; lines take turns (docs/gate.md 8). One
 * client that asks without end has the next turn when every other that waits had one. */
#ifndef DR_CLOUD_BUS_TURNS_H
#define DR_CLOUD_BUS_TURNS_H

#include "base/status.h"
#include "cloud/service/device_message.h"

#include <stddef.h>
#include <stdint.h>

#define DR_TURNS_LINE_MAX 64u /* requests of one client; an agent of ours has at most 16 */
#define DR_TURNS_BUCKETS 1024u

struct dr_turn {
    struct dr_turn *next;
    struct dr_device_message message; /* its pointers lead into bytes */
    char bytes[];
};

struct dr_turns_line;

/* Zeroed: empty. */
struct dr_turns {
    struct dr_turns_line *buckets[DR_TURNS_BUCKETS]; /* by client id; only lines with requests */
    struct dr_turns_line *first;                     /* whose turn it is */
    struct dr_turns_line *last;
};

/* Copy a request to the end of its client's line. DR_E_SPACE: that is full, or there is no memory:
 * the request is dropped. */
DR_MUST_USE enum dr_status
dr_turns_add(struct dr_turns *turns, const struct dr_device_message *message);

/* The request whose turn it is; the caller frees it. NULL: none waits. */
struct dr_turn *dr_turns_take(struct dr_turns *turns);

void dr_turns_clear(struct dr_turns *turns);

#endif

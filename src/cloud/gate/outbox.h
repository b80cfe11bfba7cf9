/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The last outbox row of each thing that went through: repeats are dropped (docs/gate.md
 * 3). */
#ifndef DR_CLOUD_GATE_OUTBOX_H
#define DR_CLOUD_GATE_OUTBOX_H

#include "base/status.h"
#include "cloud/gate/hash.h"

#include <stdbool.h>
#include <stdint.h>

/* Marks kept. What comes again is what the service published last and had not seen committed: far
 * fewer rows than this (the bus holds 2,048 at most). So the mark that was touched longest ago may
 * go, and things that were deleted leave nothing behind. About 130 bytes each. */
#define DR_OUTBOX_MARKS_MAX 16384u

struct dr_outbox_mark;

struct dr_outbox_marks {
    struct dr_hash things;
    struct dr_outbox_mark *first; /* touched longest ago */
    struct dr_outbox_mark *last;
};

DR_MUST_USE enum dr_status
dr_outbox_marks_init(struct dr_outbox_marks *marks, const uint64_t secret[2]);
void dr_outbox_marks_free(struct dr_outbox_marks *marks);

/* Is this row new? It is when its id is above the thing's last of the same epoch, or the epoch is
 * another; then it is noted, and the oldest mark forgotten when there are DR_OUTBOX_MARKS_MAX.
 * Without memory a row passes: twice is better than never. */
bool dr_outbox_marks_take(
    struct dr_outbox_marks *marks, const char *thing, uint64_t epoch, uint64_t id);

#endif

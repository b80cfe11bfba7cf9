/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* How often one client may ask the service (docs/gate.md 8), so that one in a loop does not slow
 * the others. Kept per client id: to connect again does not begin anew. */
#ifndef DR_CLOUD_GATE_PACE_H
#define DR_CLOUD_GATE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_PACE_PER_SECOND_MAX 10000u
#define DR_PACE_BURST_S 10u      /* so much of its rate may come at once */
#define DR_PACE_BYTES 4096u      /* each so many of a message count for another one */
#define DR_PACE_BLOCKS_SHARE 20u /* so many requests for blocks count as one message */

/* A bucket, told by the time at which it will be full again. Zeroed: full. */
struct dr_pace {
    uint64_t full_us;
};

/* Take a message off the bucket. per_second: 0: not bounded, at most DR_PACE_PER_SECOND_MAX.
 * now_ms: a clock that never jumps. false: it is too much, and nothing was taken. */
bool dr_pace_take(
    struct dr_pace *pace, unsigned per_second, uint64_t now_ms, bool blocks, size_t payload_bytes);

#endif

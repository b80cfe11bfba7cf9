/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* AWS IoT Core's limits of one connection, for those who test their agents against them
 * (docs/gate.md 7). Off unless the gate is told `strict on`.
 *
 * Source: AWS IoT Core endpoints and quotas, message broker and protocol limits. */
#ifndef DR_CLOUD_GATE_STRICT_H
#define DR_CLOUD_GATE_STRICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_STRICT_TOPIC_BYTES_MAX 256u
#define DR_STRICT_SLASHES_MAX 7u
#define DR_STRICT_PAYLOAD_BYTES_MAX 131072u
#define DR_STRICT_FILTERS_MAX 50u
#define DR_STRICT_PUBLISHES_MAX 100u       /* in a second */
#define DR_STRICT_BYTES_MAX (512u * 1024u) /* in a second */

/* What a connection has sent in the second that began at begin_ms. Zeroed: nothing yet. */
struct dr_strict_rate {
    uint64_t begin_ms;
    uint32_t publishes;
    uint32_t bytes;
};

/* A topic or a filter that AWS would take, by its length and depth. */
bool dr_strict_topic(const char *topic);

/* Count one PUBLISH. tick_ms: a clock that never jumps. false: it is one too many or too large. */
bool dr_strict_take(struct dr_strict_rate *rate, uint64_t tick_ms, size_t payload_bytes);

#endif

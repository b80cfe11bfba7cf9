/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Which blocks of a file are missing, which are asked for, and how many may be in flight.
 *
 * Requests are kept apart, up to DR_WINDOW_REQUESTS_MAX at a time, each with the blocks it still
 * owes. A request is repeated, holes only, when a later one has been answered in full or when
 * nothing came for a time that follows the measured round trip. The number of
 * bytes in flight grows while answers are complete and halves on a loss.
 *
 * now_ms may wrap around: only spans that are shorter than a silence are ever measured.
 */
#ifndef DR_DEVICE_AGENT_WINDOW_H
#define DR_DEVICE_AGENT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define DR_WINDOW_BLOCKS_MAX 4096u
#define DR_WINDOW_REQUESTS_MAX 8u
#define DR_WINDOW_SPAN 32u /* blocks that one request can name */
#define DR_WINDOW_REQUEST_BYTES_MAX 131072u
#define DR_WINDOW_TICK_MS 100u

/* Blocks first + k for every set bit k. Never empty where it is handed out. */
struct dr_block_range {
    uint32_t first;
    uint32_t bits;
};

struct dr_window_request {
    struct dr_block_range owed; /* bits 0: free */
    uint32_t sent_ms;
    uint32_t number; /* order of sending */
    bool measured;   /* its round trip is known, or cannot be */
    bool overtaken;  /* a later one was answered in full */
};

struct dr_window {
    uint32_t file_bytes;
    uint32_t block_bytes;
    uint32_t block_count;
    uint32_t missing_count;
    uint32_t scan;   /* below it every missing block is asked for */
    uint32_t flying; /* blocks owed by requests */
    uint32_t limit;  /* blocks that may fly */
    uint32_t limit_max;
    uint32_t number;  /* of the last request */
    uint32_t srtt_ms; /* smoothed round trip, 0 = not measured */
    uint32_t rto_ms;
    uint32_t quiet_ms; /* start of the present silence */
    struct dr_window_request requests[DR_WINDOW_REQUESTS_MAX];
    uint8_t missing[DR_WINDOW_BLOCKS_MAX / 8u]; /* bit set = missing, least significant first */
};

/* Nothing missing yet. false: more than DR_WINDOW_BLOCKS_MAX blocks. */
bool dr_window_init(
    struct dr_window *window, uint32_t file_bytes, uint32_t block_bytes, uint32_t window_bytes);

/* Another bound on what may be outstanding, from now on; for a caller that carries requests in
 * another way than the one window_bytes was meant for. 0 bytes still let one block fly. */
void dr_window_bound(struct dr_window *window, uint32_t window_bytes);

/* Before the first dr_window_next. */
void dr_window_want(struct dr_window *window, uint32_t index);
void dr_window_want_all(struct dr_window *window, const uint8_t *kept);

/* Is it a block that is missing, of exactly the right size? */
bool dr_window_wants(const struct dr_window *window, uint32_t index, uint32_t size_bytes);

/* The block is safe. Also measures the round trip. */
void dr_window_got(struct dr_window *window, uint32_t index, uint32_t now_ms);

/* The next request to send now; false: none. Call until false, whenever blocks came and every
 * DR_WINDOW_TICK_MS while they do not. */
bool dr_window_next(struct dr_window *window, uint32_t now_ms, struct dr_block_range *ret_range);

/* Everything asked for counts as lost; ask again after the next dr_window_next. */
void dr_window_forget(struct dr_window *window);

#endif

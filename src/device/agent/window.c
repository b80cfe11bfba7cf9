/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/window.h"

#include <stddef.h>
#include <string.h>

#define WIDE_BLOCKS 16u
#define RTO_MS_FIRST 2000u
#define RTO_MS_MIN 300u
#define RTO_MS_MAX 10000u

static bool bit_of(const uint8_t *map, uint32_t index)
{
    return ((uint32_t)map[index / 8u] >> (index % 8u) & 1u) != 0;
}

static bool is_missing(const struct dr_window *window, uint32_t index)
{
    return bit_of(window->missing, index);
}

bool dr_window_init(
    struct dr_window *window, uint32_t file_bytes, uint32_t block_bytes, uint32_t window_bytes)
{
    memset(window, 0, sizeof(*window));
    uint32_t count = (file_bytes - 1u) / block_bytes + 1u;
    if (file_bytes == 0 || count > DR_WINDOW_BLOCKS_MAX) {
        return false;
    }
    window->file_bytes = file_bytes;
    window->block_bytes = block_bytes;
    window->block_count = count;
    window->limit_max = window_bytes / block_bytes != 0 ? window_bytes / block_bytes : 1u;
    window->limit = window->limit_max; /* the board's own bound; TCP below it paces */
    window->rto_ms = RTO_MS_FIRST;
    return true;
}

void dr_window_bound(struct dr_window *window, uint32_t window_bytes)
{
    uint32_t blocks = window_bytes / window->block_bytes;
    window->limit_max = blocks != 0 ? blocks : 1u;
    window->limit = window->limit_max;
}

void dr_window_want(struct dr_window *window, uint32_t index)
{
    if (index < window->block_count && !is_missing(window, index)) {
        window->missing[index / 8u] |= (uint8_t)(1u << (index % 8u));
        window->missing_count++;
    }
}

void dr_window_want_all(struct dr_window *window, const uint8_t *kept)
{
    for (uint32_t i = 0; i < window->block_count; i++) {
        if (kept == NULL || !bit_of(kept, i)) {
            dr_window_want(window, i);
        }
    }
}

bool dr_window_wants(const struct dr_window *window, uint32_t index, uint32_t size_bytes)
{
    if (index >= window->block_count || !is_missing(window, index)) {
        return false;
    }
    uint32_t left = window->file_bytes - index * window->block_bytes;
    return size_bytes == (left < window->block_bytes ? left : window->block_bytes);
}

/* The timer is twice the smoothed round trip, and a little for those that vary. */
static void measure(struct dr_window *window, uint32_t rtt_ms)
{
    rtt_ms = rtt_ms < RTO_MS_MAX ? rtt_ms : RTO_MS_MAX;
    window->srtt_ms = window->srtt_ms == 0 ? rtt_ms : (7u * window->srtt_ms + rtt_ms) / 8u;
    uint32_t rto_ms = 2u * window->srtt_ms + RTO_MS_MIN;
    window->rto_ms = rto_ms < RTO_MS_MAX ? rto_ms : RTO_MS_MAX;
}

/* An answer is complete: the window grows, and whatever an earlier request still owes has been
 * overtaken, so it is due now. */
static void completed(struct dr_window *window, uint32_t number)
{
    struct dr_window_request *end = window->requests + DR_WINDOW_REQUESTS_MAX;
    window->limit += window->limit + 2u <= window->limit_max ? 2u : 0;
    for (struct dr_window_request *other = window->requests; other < end; other++) {
        if (other->owed.bits != 0 && other->number < number) {
            other->overtaken = true;
        }
    }
}

void dr_window_got(struct dr_window *window, uint32_t index, uint32_t now_ms)
{
    struct dr_window_request *end = window->requests + DR_WINDOW_REQUESTS_MAX;
    if (index >= window->block_count || !is_missing(window, index)) {
        return;
    }
    window->missing[index / 8u] ^= (uint8_t)(1u << (index % 8u));
    window->missing_count--;
    window->quiet_ms = now_ms;
    for (struct dr_window_request *request = window->requests; request < end; request++) {
        uint32_t bit = index - request->owed.first;
        if (bit >= DR_WINDOW_SPAN || (request->owed.bits >> bit & 1u) == 0) {
            continue;
        }
        if (!request->measured) {
            request->measured = true;
            measure(window, now_ms - request->sent_ms);
        }
        request->owed.bits ^= 1u << bit;
        window->flying--;
        if (request->owed.bits == 0) {
            completed(window, request->number);
        }
        return;
    }
}

/* Does a request count as lost? Blocks that arrive put it off: they may stand in front of the ones
 * it is waiting for. */
static bool
is_lost(const struct dr_window *window, const struct dr_window_request *request, uint32_t now_ms)
{
    return request->overtaken || (now_ms - request->sent_ms >= window->rto_ms &&
                                  now_ms - window->quiet_ms >= window->rto_ms);
}

/* What a lost request still owes is asked for once more. Its round trip is not measured: nobody
 * could tell which of the two was answered. */
static void lose(struct dr_window *window, struct dr_window_request *request, uint32_t now_ms)
{
    if (!request->overtaken) {
        /* Silence: ask for this one alone and wait longer next time. Its answer will show that
         * the others were overtaken. */
        window->rto_ms = window->rto_ms < RTO_MS_MAX / 2u ? 2u * window->rto_ms : RTO_MS_MAX;
        window->quiet_ms = now_ms;
    }
    window->limit = (window->limit + 1u) / 2u;
    request->measured = true;
}

/* Take as many missing blocks from scan on as may fly, within one span and one request's bytes. A
 * large window is asked for by quarters: while one is being written the next are under way, each at
 * another of the stages between file and flash. A small one by halves: requests have a cost too. */
static void gather(struct dr_window *window, struct dr_window_request *request)
{
    uint32_t count_max =
        window->limit >= WIDE_BLOCKS ? window->limit / 4u : (window->limit + 1u) / 2u;
    uint32_t index = window->scan;
    uint32_t count = 0;
    if (count_max > DR_WINDOW_REQUEST_BYTES_MAX / window->block_bytes) {
        count_max = DR_WINDOW_REQUEST_BYTES_MAX / window->block_bytes;
    }
    if (window->flying + count_max > window->limit) {
        return;
    }
    for (; index < window->block_count && count < count_max; index++) {
        if (!is_missing(window, index)) {
            continue;
        }
        if (count == 0) {
            request->owed.first = index;
        } else if (index - request->owed.first >= DR_WINDOW_SPAN) {
            break;
        }
        request->owed.bits |= 1u << (index - request->owed.first);
        count++;
    }
    request->measured = false;
    window->scan = index;
    window->flying += count;
}

bool dr_window_next(struct dr_window *window, uint32_t now_ms, struct dr_block_range *ret_range)
{
    struct dr_window_request *end = window->requests + DR_WINDOW_REQUESTS_MAX;
    struct dr_window_request *chosen = NULL;
    for (struct dr_window_request *request = window->requests; request < end; request++) {
        if (request->owed.bits == 0) {
            chosen = request;
        } else if (is_lost(window, request, now_ms)) {
            lose(window, request, now_ms);
            chosen = request;
            break;
        }
    }
    if (chosen != NULL && chosen->owed.bits == 0) {
        gather(window, chosen);
    }
    if (chosen == NULL || chosen->owed.bits == 0) {
        return false;
    }
    chosen->sent_ms = now_ms;
    chosen->number = ++window->number;
    chosen->overtaken = false;
    *ret_range = chosen->owed;
    return true;
}

void dr_window_forget(struct dr_window *window)
{
    memset(window->requests, 0, sizeof(window->requests));
    window->flying = 0;
    window->scan = 0;
    window->rto_ms = RTO_MS_FIRST;
    window->srtt_ms = 0;
}

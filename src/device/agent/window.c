/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/window.h"

#include <stddef.h>
#include <string.h>

#define RTO_MS_FIRST 2000u
#define RTO_MS_MIN 300u
#define RTO_MS_MAX 10000u

/* A new window starts with this many blocks in flight: enough for two requests. */
#define LIMIT_FIRST 4u

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
    uint32_t count = file_bytes / block_bytes + (file_bytes % block_bytes != 0 ? 1u : 0u);
    if (count == 0 || count > DR_WINDOW_BLOCKS_MAX) {
        return false;
    }
    window->file_bytes = file_bytes;
    window->block_bytes = block_bytes;
    window->block_count = count;
    window->limit_max = window_bytes / block_bytes != 0 ? window_bytes / block_bytes : 1u;
    window->limit = window->limit_max < LIMIT_FIRST ? window->limit_max : LIMIT_FIRST;
    window->rto_ms = RTO_MS_FIRST;
    return true;
}

void dr_window_want(struct dr_window *window, uint32_t index)
{
    if (index < window->block_count && !is_missing(window, index)) {
        window->missing[index / 8u] |= (uint8_t)(1u << (index % 8u));
        window->missing_count++;
        if (index < window->scan) {
            window->scan = index;
        }
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

/* RFC 6298 with its own constants, in integers. */
static void measure(struct dr_window *window, uint32_t rtt_ms)
{
    if (rtt_ms > RTO_MS_MAX) {
        rtt_ms = RTO_MS_MAX;
    }
    if (window->srtt_ms == 0) {
        window->srtt_ms = rtt_ms + 1u;
        window->rttvar_ms = rtt_ms / 2u;
    } else {
        uint32_t srtt_ms = window->srtt_ms;
        uint32_t off_ms = rtt_ms > srtt_ms ? rtt_ms - srtt_ms : srtt_ms - rtt_ms;
        window->rttvar_ms = (3u * window->rttvar_ms + off_ms) / 4u;
        window->srtt_ms = (7u * srtt_ms + rtt_ms) / 8u + 1u;
    }
    uint32_t rto_ms = window->srtt_ms + 4u * window->rttvar_ms;
    rto_ms = rto_ms < RTO_MS_MIN ? RTO_MS_MIN : rto_ms;
    window->rto_ms = rto_ms > RTO_MS_MAX ? RTO_MS_MAX : rto_ms;
}

/* An answer is complete: the window may grow by half of what it brought, and whatever an earlier
 * request still owes has been overtaken, so it is due now. */
static void completed(struct dr_window *window, const struct dr_window_request *request)
{
    uint32_t grown = window->limit + 2u;
    window->limit = grown < window->limit_max ? grown : window->limit_max;
    for (size_t i = 0; i < DR_WINDOW_REQUESTS_MAX; i++) {
        struct dr_window_request *other = &window->requests[i];
        if (other->owed.bits != 0 && request->number - other->number - 1u < UINT32_MAX / 2u) {
            other->overtaken = true;
        }
    }
}

void dr_window_got(struct dr_window *window, uint32_t index, uint32_t now_ms)
{
    if (index >= window->block_count || !is_missing(window, index)) {
        return;
    }
    window->missing[index / 8u] &= (uint8_t) ~(1u << (index % 8u));
    window->missing_count--;
    window->quiet_ms = now_ms;
    for (size_t i = 0; i < DR_WINDOW_REQUESTS_MAX; i++) {
        struct dr_window_request *request = &window->requests[i];
        uint32_t bit = index - request->owed.first;
        if (bit >= DR_WINDOW_SPAN || (request->owed.bits >> bit & 1u) == 0) {
            continue;
        }
        if (!request->repeated && !request->answered) {
            measure(window, now_ms - request->sent_ms);
        }
        request->answered = true;
        request->owed.bits &= ~(1u << bit);
        window->flying--;
        if (request->owed.bits == 0) {
            completed(window, request);
        }
        return;
    }
}

/* How long until a request counts as lost, 0 = it does. Blocks that arrive put it off: they may
 * stand in front of the ones it is waiting for. */
static uint32_t patience_ms(
    const struct dr_window *window, const struct dr_window_request *request, uint32_t now_ms)
{
    uint32_t sent_ms = now_ms - request->sent_ms;
    uint32_t quiet_ms = now_ms - window->quiet_ms;
    uint32_t waited_ms = sent_ms < quiet_ms ? sent_ms : quiet_ms;
    return request->overtaken || waited_ms >= window->rto_ms ? 0 : window->rto_ms - waited_ms;
}

static void send(struct dr_window *window, struct dr_window_request *request, uint32_t now_ms)
{
    request->sent_ms = now_ms;
    request->number = ++window->number;
    request->overtaken = false;
    request->answered = false;
}

static bool repeat_lost(struct dr_window *window, uint32_t now_ms, struct dr_block_range *ret_range)
{
    for (size_t i = 0; i < DR_WINDOW_REQUESTS_MAX; i++) {
        struct dr_window_request *request = &window->requests[i];
        if (request->owed.bits == 0 || patience_ms(window, request, now_ms) != 0) {
            continue;
        }
        if (!request->overtaken) {
            /* Silence: ask for this one alone and wait longer next time. Its answer will show that
             * the others were overtaken. */
            uint32_t rto_ms = 2u * window->rto_ms;
            window->rto_ms = rto_ms > RTO_MS_MAX ? RTO_MS_MAX : rto_ms;
            window->quiet_ms = now_ms;
        }
        window->limit = window->limit > 2u ? window->limit / 2u : 1u;
        request->repeated = true;
        send(window, request, now_ms);
        *ret_range = request->owed;
        return true;
    }
    return false;
}

/* As many missing blocks from scan on as may fly, within one span and one request's bytes. */
static struct dr_block_range gather(struct dr_window *window, uint32_t count_max)
{
    struct dr_block_range range = {0, 0};
    uint32_t count = 0;
    uint32_t index = window->scan;
    for (; index < window->block_count && count < count_max; index++) {
        if (!is_missing(window, index)) {
            continue;
        }
        if (count == 0) {
            range.first = index;
        } else if (index - range.first >= DR_WINDOW_SPAN) {
            break;
        }
        range.bits |= 1u << (index - range.first);
        count++;
    }
    window->scan = index;
    window->flying += count;
    return range;
}

bool dr_window_next(struct dr_window *window, uint32_t now_ms, struct dr_block_range *ret_range)
{
    if (repeat_lost(window, now_ms, ret_range)) {
        return true;
    }
    uint32_t batch = DR_WINDOW_REQUEST_BYTES_MAX / window->block_bytes;
    uint32_t quarter = window->limit / 4u != 0 ? window->limit / 4u : 1u;
    batch = batch < quarter ? batch : quarter;
    if (window->flying >= window->limit || window->limit - window->flying < batch) {
        return false;
    }
    for (size_t i = 0; i < DR_WINDOW_REQUESTS_MAX; i++) {
        struct dr_window_request *request = &window->requests[i];
        if (request->owed.bits != 0) {
            continue;
        }
        request->owed = gather(window, batch);
        if (request->owed.bits == 0) {
            return false;
        }
        request->repeated = false;
        send(window, request, now_ms);
        *ret_range = request->owed;
        return true;
    }
    return false;
}

void dr_window_forget(struct dr_window *window)
{
    memset(window->requests, 0, sizeof(window->requests));
    window->flying = 0;
    window->scan = 0;
    window->rto_ms = RTO_MS_FIRST;
    window->srtt_ms = 0;
}

uint32_t dr_window_wait_ms(const struct dr_window *window, uint32_t now_ms)
{
    uint32_t wait_ms = UINT32_MAX;
    for (size_t i = 0; i < DR_WINDOW_REQUESTS_MAX; i++) {
        if (window->requests[i].owed.bits != 0) {
            uint32_t left_ms = patience_ms(window, &window->requests[i], now_ms);
            wait_ms = left_ms < wait_ms ? left_ms : wait_ms;
        }
    }
    return wait_ms;
}

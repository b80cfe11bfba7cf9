/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Which blocks are wanted, which were asked for, which came. */
#include "device/http/fetch_priv.h"

#include <string.h>

#define SPAN 32u

static struct dr_http_want *end_of(struct dr_http *http)
{
    return http->wants + DR_HTTP_WANTS_MAX;
}

/* The entry that owes this block, or NULL. */
static struct dr_http_want *owing(struct dr_http *http, uint32_t index)
{
    for (struct dr_http_want *want = http->wants; want < end_of(http); want++) {
        uint32_t bit = index - want->first;
        if (bit < SPAN && (want->owed >> bit & 1u) != 0) {
            return want;
        }
    }
    return NULL;
}

enum dr_status dr_http_want(struct dr_http *http, uint32_t first, uint32_t bits)
{
    uint32_t fresh = 0;
    uint32_t count = 0;
    for (uint32_t bit = 0; bit < SPAN; bit++) {
        bool within = first + bit < http->block_count;
        if ((bits >> bit & 1u) != 0 && within && owing(http, first + bit) == NULL) {
            fresh |= 1u << bit;
            count++;
        }
    }
    if (fresh == 0) {
        return DR_OK;
    }
    for (struct dr_http_want *want = http->wants; want < end_of(http); want++) {
        if (want->owed == 0) {
            *want = (struct dr_http_want){first, fresh, fresh, ++http->number};
            http->owed_count += count;
            return DR_OK;
        }
    }
    return DR_E_SPACE;
}

bool dr_http_next_run(struct dr_http *http, struct dr_http_sent *ret_run)
{
    struct dr_http_want *chosen = NULL;
    for (struct dr_http_want *want = http->wants; want < end_of(http); want++) {
        if (want->unsent != 0 && (chosen == NULL || want->number - chosen->number > INT32_MAX)) {
            chosen = want; /* the oldest; numbers may wrap */
        }
    }
    if (chosen == NULL) {
        return false;
    }
    uint32_t bit = 0;
    while ((chosen->unsent >> bit & 1u) == 0) { /* bound: a bit is set */
        bit++;
    }
    ret_run->first = chosen->first + bit;
    ret_run->count = 0;
    for (uint32_t index = ret_run->first; ret_run->count < DR_HTTP_RUN_BLOCKS_MAX; index++) {
        struct dr_http_want *want = owing(http, index);
        if (want == NULL || (want->unsent >> (index - want->first) & 1u) == 0) {
            break;
        }
        want->unsent ^= 1u << (index - want->first);
        ret_run->count++;
    }
    return true;
}

bool dr_http_settle(struct dr_http *http, uint32_t index)
{
    struct dr_http_want *want = owing(http, index);
    if (want == NULL) {
        return false;
    }
    want->owed ^= 1u << (index - want->first);
    want->unsent &= want->owed;
    http->owed_count--;
    return true;
}

void dr_http_unsend(struct dr_http *http)
{
    for (struct dr_http_want *want = http->wants; want < end_of(http); want++) {
        want->unsent = want->owed;
    }
}

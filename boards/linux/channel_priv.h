/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One exchange on the channel, for the client's own files. */
#ifndef DR_BOARDS_LINUX_CHANNEL_PRIV_H
#define DR_BOARDS_LINUX_CHANNEL_PRIV_H

#include "boards/linux/channel.h"

struct dr_channel_call {
    enum dr_wire_operation operation;
    uint32_t a;
    uint32_t b;
    const uint8_t *payload; /* may be NULL when payload_bytes is 0 */
    size_t payload_bytes;
    uint8_t *answer; /* may be NULL when capacity_bytes is 0 */
    size_t capacity_bytes;
    bool settles; /* also tells the failure of an earlier dr_channel_call_later */
    /* results, set when the board answered at all */
    size_t answer_bytes;
    uint32_t value;
};

/* Ask and wait. The board's own status is returned; a longer answer than capacity_bytes is
 * DR_E_SPACE. */
DR_MUST_USE enum dr_status
dr_channel_call(struct dr_channel *channel, struct dr_channel_call *call);

/* Ask, and leave the board's status to a later call that settles; at most DR_CHANNEL_LATER_MAX are
 * on their way, and when they are, half of them are waited for. For operations whose answer has no
 * content. */
#define DR_CHANNEL_LATER_MAX 4u
DR_MUST_USE enum dr_status
dr_channel_call_later(struct dr_channel *channel, const struct dr_channel_call *call);

/* Wait for all that is on its way; tells the first failure among it. */
DR_MUST_USE enum dr_status dr_channel_settle(struct dr_channel *channel);

/* Send without waiting. Safe in a signal handler: takes no lock. */
DR_MUST_USE enum dr_status
dr_channel_post(struct dr_channel *channel, const struct dr_channel_call *call);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/check.h"
#include "device/agent/agent_priv.h"

/* Two letters a reaction, so that the table can be read as one; four bits, so that two fit a byte.
 */
enum {
    NO = R_NOTHING,
    CO = R_CONNECT,
    LA = R_CONNECTING_TOO_LONG,
    ON = R_ONLINE,
    DR = R_DROPPED,
    UN = R_UNLINKED,
    AS = R_ASK,
    CN = R_CONSIDER,
    CM = R_COMPARE,
    RE = R_REST,
    BL = R_BLOCK,
    PU = R_PUMP,
    SR = R_STREAM_REFUSED,
    RS = R_RESULT,
    RT = R_RESET,
};
DR_STATIC_ASSERT(R_RESET < 16, "a reaction has four bits");

/* Every state against every event, in the order of the lists in agent.h. What the other concerns
 * (trial.c, outcome.c) do with an event they do before and beside this table; what is for them
 * alone has no column. A missing entry would be 0; the test of the table looks for one. Columns:
 *
 *   START TICK | LINK_UP LINK_DOWN DONE | JOB NO_JOB NOTIFIED ASK_REFUSED |
 *   UPDATE_ACCEPTED UPDATE_REFUSED | BLOCK STREAM_REFUSED */
#define ROW(a, b, c, d, e, f, g, h, i, j, k, l, m)                                                 \
    {                                                                                              \
        (a) | (b) << 4, (c) | (d) << 4, (e) | (f) << 4, (g) | (h) << 4, (i) | (j) << 4,            \
            (k) | (l) << 4, (m)                                                                    \
    }
static const uint8_t reactions[DR_AGENT_STATE_COUNT][DR_EVENT_STREAM_REFUSED / 2u + 1u] = {
    /* clang-format off */
    [DR_AGENT_OFFLINE]     = ROW(CO, CO,  NO, NO, NO,  NO, NO, NO, NO,  NO, NO,  NO, NO),
    [DR_AGENT_CONNECTING]  = ROW(NO, LA,  ON, DR, NO,  NO, NO, NO, NO,  NO, NO,  NO, NO),
    [DR_AGENT_ASKING]      = ROW(NO, AS,  NO, DR, NO,  CN, RE, AS, NO,  NO, NO,  NO, NO),
    [DR_AGENT_IDLE]        = ROW(NO, AS,  NO, DR, NO,  CN, RE, AS, NO,  NO, NO,  NO, NO),
    [DR_AGENT_WAITING]     = ROW(NO, AS,  NO, DR, RS,  CN, RE, AS, NO,  NO, NO,  NO, NO),
    [DR_AGENT_PROBING]     = ROW(NO, PU,  NO, DR, RS,  CM, RE, AS, NO,  NO, AS,  BL, SR),
    [DR_AGENT_ADMITTING]   = ROW(NO, NO,  NO, UN, RS,  NO, NO, NO, NO,  NO, NO,  NO, NO),
    [DR_AGENT_OPENING]     = ROW(NO, NO,  NO, UN, RS,  NO, NO, NO, NO,  NO, NO,  NO, NO),
    [DR_AGENT_LOADING]     = ROW(NO, PU,  NO, DR, RS,  CM, RE, AS, NO,  NO, AS,  BL, SR),
    [DR_AGENT_CLOSING]     = ROW(NO, NO,  NO, UN, RS,  NO, NO, NO, NO,  NO, NO,  NO, NO),
    [DR_AGENT_SAVING]      = ROW(NO, NO,  NO, UN, RS,  NO, NO, NO, NO,  NO, NO,  NO, NO),
    [DR_AGENT_INSTALLING]  = ROW(NO, NO,  NO, UN, RS,  NO, NO, NO, NO,  NO, NO,  NO, NO),
    [DR_AGENT_RESETTING]   = ROW(NO, RT,  NO, UN, NO,  NO, NO, NO, NO,  NO, NO,  NO, NO),
    /* clang-format on */
};
#undef ROW

uint8_t dr_agent_reaction(enum dr_agent_state state, enum dr_agent_event_kind event)
{
    if ((unsigned)state >= DR_AGENT_STATE_COUNT || (unsigned)event > DR_EVENT_STREAM_REFUSED) {
        return R_NOTHING;
    }
    return reactions[state][event / 2u] >> (4u * (event % 2u)) & 15u;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/agent/agent_priv.h"

/* Two letters a reaction, so that the table can be read as one. */
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

/* Every state against every event, in the order of the lists in agent.h. What the other concerns
 * (trial.c, outcome.c) do with an event they do before and beside this table. A missing entry would
 * be 0; the test of the table looks for one. Columns:
 *
 *   START TICK | LINK_UP LINK_DOWN | JOB NO_JOB NOTIFIED ASK_REFUSED |
 *   UPDATE_ACCEPTED UPDATE_REFUSED | BLOCK STREAM_REFUSED | REPORT_ACCEPTED SELF_TEST DONE */
static const uint8_t reactions[DR_AGENT_STATE_COUNT][DR_EVENT_COUNT] = {
    /* clang-format off */
    [DR_AGENT_OFFLINE]    = {CO, CO,  NO, NO,  NO, NO, NO, NO,  NO, NO,  NO, NO,  NO, NO, NO},
    [DR_AGENT_CONNECTING] = {NO, LA,  ON, DR,  NO, NO, NO, NO,  NO, NO,  NO, NO,  NO, NO, NO},
    [DR_AGENT_ASKING]     = {NO, AS,  NO, DR,  CN, RE, AS, NO,  NO, NO,  NO, NO,  NO, NO, NO},
    [DR_AGENT_IDLE]       = {NO, AS,  NO, DR,  CN, RE, AS, NO,  NO, NO,  NO, NO,  NO, NO, NO},
    [DR_AGENT_WAITING]    = {NO, AS,  NO, DR,  CN, RE, AS, NO,  NO, NO,  NO, NO,  NO, NO, RS},
    [DR_AGENT_PROBING]    = {NO, PU,  NO, DR,  CM, RE, AS, NO,  NO, AS,  BL, SR,  NO, NO, RS},
    [DR_AGENT_ADMITTING]  = {NO, NO,  NO, UN,  NO, NO, NO, NO,  NO, NO,  NO, NO,  NO, NO, RS},
    [DR_AGENT_OPENING]    = {NO, NO,  NO, UN,  NO, NO, NO, NO,  NO, NO,  NO, NO,  NO, NO, RS},
    [DR_AGENT_LOADING]    = {NO, PU,  NO, DR,  CM, RE, AS, NO,  NO, AS,  BL, SR,  NO, NO, RS},
    [DR_AGENT_CLOSING]    = {NO, NO,  NO, UN,  NO, NO, NO, NO,  NO, NO,  NO, NO,  NO, NO, RS},
    [DR_AGENT_SAVING]     = {NO, NO,  NO, UN,  NO, NO, NO, NO,  NO, NO,  NO, NO,  NO, NO, RS},
    [DR_AGENT_INSTALLING] = {NO, NO,  NO, UN,  NO, NO, NO, NO,  NO, NO,  NO, NO,  NO, NO, RS},
    [DR_AGENT_RESETTING]  = {NO, RT,  NO, UN,  NO, NO, NO, NO,  NO, NO,  NO, NO,  NO, NO, NO},
    /* clang-format on */
};

uint8_t dr_agent_reaction(enum dr_agent_state state, enum dr_agent_event_kind event)
{
    if ((unsigned)state >= DR_AGENT_STATE_COUNT || (unsigned)event >= DR_EVENT_COUNT) {
        return R_NOTHING;
    }
    return reactions[state][event];
}

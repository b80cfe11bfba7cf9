/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Names for logs and tests; a device that prints none does not link this file. */
#include "base/check.h"
#include "device/agent/agent.h"

static const char *const state_names[] = {
#define NAME(name) #name,
    DR_AGENT_STATE_LIST(NAME)};
static const char *const event_names[] = {DR_AGENT_EVENT_LIST(NAME)};
static const char *const act_names[] = {DR_AGENT_ACT_LIST(NAME)
#undef NAME
};

const char *dr_agent_state_name(enum dr_agent_state state)
{
    return (unsigned)state < DR_ARRAY_COUNT(state_names) ? state_names[state] : "?";
}

const char *dr_agent_event_name(enum dr_agent_event_kind event)
{
    return (unsigned)event < DR_ARRAY_COUNT(event_names) ? event_names[event] : "?";
}

const char *dr_agent_act_name(enum dr_agent_act act)
{
    return (unsigned)act < DR_ARRAY_COUNT(act_names) ? act_names[act] : "?";
}

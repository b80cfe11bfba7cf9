/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Signed commands, an optional part of the agent: see dr_agent_facts.obey. */
#ifndef DR_DEVICE_AGENT_COMMAND_H
#define DR_DEVICE_AGENT_COMMAND_H

struct dr_step;

/* The agent's job is a genuine command to leave the image that it names. Reverts when that image
 * runs and is not sealed; else SUCCEEDED when it was left by this very job, or refused. */
void dr_agent_obey(struct dr_step *step);

#endif

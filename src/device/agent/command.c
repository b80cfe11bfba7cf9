/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Signed commands: leave the running image. Linked only by a product that names them.
 *
 * Nothing is remembered for them: that a command was obeyed stands in the boot journal, as the
 * reason why its image was left, and that the job is ours stands at the service, as IN_PROGRESS. A
 * command that comes again in another job finds its image gone, and is refused. */
#include "device/agent/command.h"
#include "device/agent/agent_priv.h"

/* The journal says that the command's image was left because of a command. */
static bool was_obeyed(const struct dr_agent *agent)
{
    const struct dr_agent_facts *facts = agent->facts;
    for (uint8_t i = 0; i < facts->fate_count; i++) {
        if (facts->fates[i].reason == DR_REASON_COMMAND &&
            dr_digest_equal(facts->fates[i].digest, agent->job.ref.digest)) {
            return true;
        }
    }
    return false;
}

void dr_agent_obey(struct dr_step *step)
{
    struct dr_agent *agent = step->agent;
    const struct dr_agent_job *job = &agent->job;
    bool running = dr_digest_equal(job->ref.digest, agent->facts->digest);
    if (running && dr_agent_unsealed(agent) && job->started) {
        /* trial.c asks for it and resets. What the image itself failed at weighs more. */
        if (agent->health.reverting == DR_REASON_NONE) {
            agent->health.reverting = DR_REASON_COMMAND;
        }
        dr_job_rest(step, POLL_MS);
    } else if (running && dr_agent_unsealed(agent)) {
        /* Only when the service has it as ours is it obeyed: the next answer tells. */
        dr_step_send(step, DR_SEND_PROGRESS);
        dr_job_rest(step, 0);
    } else if (job->started && was_obeyed(agent)) {
        dr_outcome_set(step, DR_OUTCOME_SUCCEEDED, &job->ref, DR_REASON_NONE, NULL);
        dr_job_rest(step, POLL_MS);
    } else {
        dr_job_refuse(step, running ? DR_REASON_SEALED : DR_REASON_COMMAND_TARGET);
    }
}

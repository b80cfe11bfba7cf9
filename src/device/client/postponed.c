/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The product said "not now": the service is told why, and how long at most. */
#include "device/client/client_priv.h"
#include "format/job.h"

#include <string.h>

void dr_client_postponed(struct dr_client *client, const char *why, uint32_t deadline_s)
{
    const struct dr_agent_job *job = &client->agent.job;
    const struct dr_link *link = client->config.link;
    struct dr_letter *letter = &client->letter;
    const struct dr_topic topic = {
        .kind = DR_TOPIC_JOB_UPDATE,
        .thing = client->endpoint.thing,
        .thing_len = strlen(client->endpoint.thing),
        .id = job->ref.id,
        .id_len = strlen(job->ref.id),
    };
    const struct dr_job_postponed postponed = {
        .client_token = "postponed",
        .execution_number = job->ref.execution,
        .why = why,
        .deadline_s = deadline_s,
    };
    size_t len = 0;
    if (why == client->postponed && job->started) {
        return; /* told already */
    }
    enum dr_status status = dr_topic_build(&topic, letter->topic, sizeof(letter->topic), &len);
    if (status == DR_OK) {
        status = dr_job_write_postponed(
            &postponed, (char *)letter->payload, sizeof(letter->payload), &letter->size_bytes);
    }
    if (status == DR_OK) {
        status =
            link->publish(link->context, letter->topic, letter->payload, letter->size_bytes, 1);
    }
    client->postponed = status == DR_OK ? why : NULL; /* said again at the next question */
}

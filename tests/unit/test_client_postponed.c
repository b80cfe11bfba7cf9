/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Why a job waits is told once for each reason, again when the telling failed, and to the right
 * execution. */
#include "device/client/client.h"
#include "tests/unit/check.h"

#include <string.h>

static struct dr_client client;
static unsigned published;
static char topic_told[DR_TOPIC_BYTES_MAX];
static char payload_told[512];
static enum dr_status link_status;

static enum dr_status
publish(void *context, const char *topic, const uint8_t *payload, size_t size_bytes, uint8_t qos)
{
    (void)context;
    EXPECT_EQ(qos, 1);
    published++;
    snprintf(topic_told, sizeof(topic_told), "%s", topic);
    EXPECT(size_bytes < sizeof(payload_told));
    memcpy(payload_told, payload, size_bytes);
    payload_told[size_bytes] = '\0';
    return link_status;
}

static void test_told(void)
{
    static const char quiet[] = "quiet-hours";
    static const char door[] = "door-unlocked";
    const struct dr_link link = {.publish = publish};
    client.config.link = &link;
    strcpy(client.endpoint.thing, "lamp");
    strcpy(client.agent.job.ref.id, "job-1");
    client.agent.job.ref.execution = 2;

    link_status = DR_E_STATE; /* not connected */
    dr_client_postponed(&client, quiet, 100);
    EXPECT_EQ(published, 1);
    link_status = DR_OK;
    dr_client_postponed(&client, quiet, 90);
    EXPECT_EQ(published, 2);
    EXPECT_STR(topic_told, "$aws/things/lamp/jobs/job-1/update");
    EXPECT_STR(
        payload_told, "{\"clientToken\":\"postponed\",\"status\":\"IN_PROGRESS\","
                      "\"executionNumber\":2,\"statusDetails\":{\"reason\":\"postponed\","
                      "\"detail\":\"quiet-hours\",\"deadline\":\"90\"}}");

    dr_client_postponed(&client, quiet, 80); /* the service does not have it as started */
    EXPECT_EQ(published, 3);
    client.agent.job.started = true;
    dr_client_postponed(&client, quiet, 70);
    EXPECT_EQ(published, 3);
    dr_client_postponed(&client, door, 60);
    EXPECT_EQ(published, 4);
    EXPECT(strstr(payload_told, "door-unlocked") != NULL);

    client.agent.job.started = false; /* another job */
    strcpy(client.agent.job.ref.id, "job-2");
    dr_client_postponed(&client, door, 50);
    EXPECT_EQ(published, 5);
    EXPECT_STR(topic_told, "$aws/things/lamp/jobs/job-2/update");
}

DR_TEST_MAIN(test_told)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Behaves until it is confirmed and the service knows; from then on, and at once in later boots,
 * the agent's task stands still. */
#include "boards/mps2_an385/firmware/faulty/faulty.h"
#include "device/client/client.h"

void __real_dr_client_turn(struct dr_client *client, uint32_t wait_ms);
void __wrap_dr_client_turn(struct dr_client *client, uint32_t wait_ms);

void __wrap_dr_client_turn(struct dr_client *client, uint32_t wait_ms)
{
    bool confirmed = client->config.info->state == DR_IMAGE_CONFIRMED || client->health.confirmed;
    if (confirmed && dr_client_online(client) && client->agent.state == DR_AGENT_IDLE) {
        faulty_hang();
    }
    __real_dr_client_turn(client, wait_ms);
}

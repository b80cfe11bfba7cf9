/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The agent's task stands still as soon as the device is connected. */
#include "boards/mps2_an385/firmware/faulty/faulty.h"
#include "device/client/client.h"

void __real_dr_client_turn(struct dr_client *client, uint32_t wait_ms);
void __wrap_dr_client_turn(struct dr_client *client, uint32_t wait_ms);

void __wrap_dr_client_turn(struct dr_client *client, uint32_t wait_ms)
{
    if (dr_client_online(client)) {
        faulty_hang();
    }
    __real_dr_client_turn(client, wait_ms);
}

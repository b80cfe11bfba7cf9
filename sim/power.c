/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "sim/power.h"

#include <stddef.h>

void dr_sim_power_init(struct dr_sim_power *power, uint64_t seed)
{
    *power = (struct dr_sim_power){.random = seed};
}

void dr_sim_power_on(struct dr_sim_power *power)
{
    power->off = false;
    power->cut_at = 0;
}

bool dr_sim_power_step(struct dr_sim_power *power)
{
    power->operations++;
    if (power->hook != NULL) {
        power->hook(power->hook_context);
    }
    if (power->cut_at != 0 && power->operations >= power->cut_at) {
        power->off = true;
        return true;
    }
    return false;
}

uint64_t dr_sim_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

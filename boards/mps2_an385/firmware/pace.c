/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/firmware/figures.h"

#include <string.h>

void dr_pace_restart(struct dr_pace *pace)
{
    pace->count = 0;
    pace->min_ms = 0;
    pace->max_ms = 0;
    memset(pace->places, 0, sizeof(pace->places));
}

void dr_pace_note(struct dr_pace *pace, uint32_t now_ms)
{
    uint32_t interval_ms = now_ms - pace->last_ms;
    pace->last_ms = now_ms;
    if (pace->known == 0) {
        pace->known = 1;
        return;
    }
    if (pace->count == 0 || interval_ms < pace->min_ms) {
        pace->min_ms = interval_ms;
    }
    if (interval_ms > pace->max_ms) {
        pace->max_ms = interval_ms;
    }
    uint32_t place = interval_ms / DR_PACE_STEP_MS;
    place = place < DR_PACE_PLACES ? place : DR_PACE_PLACES - 1u;
    if (pace->places[place] < UINT16_MAX) {
        pace->places[place]++;
    }
    pace->count++;
}

uint32_t dr_pace_p99_ms(const struct dr_pace *pace)
{
    uint32_t wanted = pace->count - pace->count / 100u;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < DR_PACE_PLACES && pace->count > 0; i++) {
        seen += pace->places[i];
        if (seen >= wanted) {
            uint32_t upper_ms = (i + 1u) * DR_PACE_STEP_MS - 1u;
            return upper_ms < pace->max_ms && i + 1u < DR_PACE_PLACES ? upper_ms : pace->max_ms;
        }
    }
    return pace->max_ms;
}

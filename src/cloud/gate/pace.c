/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/pace.h"

#define SECOND_US 1000000u

bool dr_pace_take(
    struct dr_pace *pace, unsigned per_second, uint64_t now_ms, bool blocks, size_t payload_bytes)
{
    if (per_second == 0) {
        return true;
    }
    uint64_t message_us = SECOND_US / per_second;
    uint64_t cost_us = (blocks ? message_us / DR_PACE_BLOCKS_SHARE : message_us) +
                       message_us * (payload_bytes / DR_PACE_BYTES);
    uint64_t now_us = now_ms * 1000u;
    uint64_t full_us = pace->full_us > now_us ? pace->full_us : now_us;
    if (full_us - now_us + cost_us > (uint64_t)DR_PACE_BURST_S * SECOND_US) {
        return false;
    }
    pace->full_us = full_us + cost_us;
    return true;
}

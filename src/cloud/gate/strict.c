/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/strict.h"

#include <string.h>

#define SECOND_MS 1000u

bool dr_strict_topic(const char *topic)
{
    size_t len = strnlen(topic, DR_STRICT_TOPIC_BYTES_MAX + 1);
    unsigned slashes = 0;
    for (size_t i = 0; i < len; i++) {
        slashes += topic[i] == '/' ? 1u : 0u;
    }
    return len <= DR_STRICT_TOPIC_BYTES_MAX && slashes <= DR_STRICT_SLASHES_MAX;
}

bool dr_strict_take(struct dr_strict_rate *rate, uint64_t tick_ms, size_t payload_bytes)
{
    if (tick_ms - rate->begin_ms >= SECOND_MS) {
        *rate = (struct dr_strict_rate){.begin_ms = tick_ms};
    }
    if (payload_bytes > DR_STRICT_PAYLOAD_BYTES_MAX || rate->publishes == DR_STRICT_PUBLISHES_MAX ||
        payload_bytes > DR_STRICT_BYTES_MAX - rate->bytes) {
        return false;
    }
    rate->publishes++;
    rate->bytes += (uint32_t)payload_bytes;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/port/uptime.h"

#include "boards/mps2_an385/common/clock.h"

#include <FreeRTOS.h>
#include <task.h>

uint64_t dr_mps2_uptime_ms(void)
{
    static uint32_t last_ms;
    static uint32_t wraps;
    taskENTER_CRITICAL();
    uint32_t now_ms = dr_clock_ms();
    if (now_ms < last_ms) {
        wraps++;
    }
    last_ms = now_ms;
    uint64_t uptime_ms = (uint64_t)wraps << 32 | now_ms;
    taskEXIT_CRITICAL();
    return uptime_ms;
}

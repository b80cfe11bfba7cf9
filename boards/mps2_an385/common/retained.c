/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/common/retained.h"

#include "base/check.h"
#include "boards/mps2_an385/map.h"

#include <string.h>

DR_STATIC_ASSERT(
    DR_MPS2_RETAINED_BLOCK_AT + DR_RETAINED_BYTES <= DR_MPS2_RETAINED_CRASH_AT &&
        DR_MPS2_RETAINED_CRASH_AT + DR_CRASH_BYTES <= DR_MPS2_RETAINED_NOISE_AT &&
        DR_MPS2_RETAINED_RESETS_AT + 4u <= DR_MPS2_RETAINED_SUMMARY_AT &&
        DR_MPS2_RETAINED_SUMMARY_AT + 4u + DR_BOOT_INFO_BYTES <= DR_MPS2_RETAINED_BYTES,
    "each in its place");

static uint8_t *page(uint32_t offset)
{
    return (uint8_t *)(uintptr_t)(DR_MPS2_STORE_AT + DR_MPS2_RETAINED_AT + offset);
}

void dr_retained_block_read(uint8_t out[DR_RETAINED_BYTES])
{
    memcpy(out, page(DR_MPS2_RETAINED_BLOCK_AT), DR_RETAINED_BYTES);
}

void dr_retained_block_write(const uint8_t data[DR_RETAINED_BYTES])
{
    memcpy(page(DR_MPS2_RETAINED_BLOCK_AT), data, DR_RETAINED_BYTES);
}

void dr_retained_crash_read(uint8_t out[DR_CRASH_BYTES])
{
    memcpy(out, page(DR_MPS2_RETAINED_CRASH_AT), DR_CRASH_BYTES);
}

void dr_retained_crash_write(const uint8_t data[DR_CRASH_BYTES])
{
    memcpy(page(DR_MPS2_RETAINED_CRASH_AT), data, DR_CRASH_BYTES);
}

void dr_retained_crash_clear(void)
{
    memset(page(DR_MPS2_RETAINED_CRASH_AT), 0, DR_CRASH_BYTES);
}

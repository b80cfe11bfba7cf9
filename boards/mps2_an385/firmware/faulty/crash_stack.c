/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The application calls itself until its stack is used up, many times over. */
#include "device/app/app.h"

#define FRAMES 100000u

void __wrap_dr_app_step(struct dr_app *app, uint64_t now_ms, struct dr_app_output *ret_output);

__attribute__((noinline)) static uint32_t deeper(uint32_t depth)
{
    volatile uint32_t frame[8] = {depth};
    return depth < FRAMES ? deeper(depth + 1u) + frame[0] : frame[0];
}

void __wrap_dr_app_step(struct dr_app *app, uint64_t now_ms, struct dr_app_output *ret_output)
{
    (void)app;
    ret_output->leds = deeper((uint32_t)now_ms);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The application runs bytes that it wrote: an instruction that would return at once. */
#include "device/app/app.h"

#define BX_LR 0x4770u

static volatile uint16_t faulty_data[2];

void __wrap_dr_app_step(struct dr_app *app, uint64_t now_ms, struct dr_app_output *ret_output);

void __wrap_dr_app_step(struct dr_app *app, uint64_t now_ms, struct dr_app_output *ret_output)
{
    (void)app;
    (void)now_ms;
    (void)ret_output;
    faulty_data[0] = BX_LR;
    ((void (*)(void))((uintptr_t)faulty_data | 1u))();
}

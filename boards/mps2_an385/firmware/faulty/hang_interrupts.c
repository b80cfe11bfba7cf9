/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The application stands still with interrupts disabled: no other task runs any more. */
#include "boards/mps2_an385/firmware/faulty/faulty.h"
#include "device/app/app.h"

void __wrap_dr_app_step(struct dr_app *app, uint64_t now_ms, struct dr_app_output *ret_output);

void __wrap_dr_app_step(struct dr_app *app, uint64_t now_ms, struct dr_app_output *ret_output)
{
    (void)app;
    (void)now_ms;
    (void)ret_output;
    __asm volatile("cpsid i");
    faulty_hang();
}

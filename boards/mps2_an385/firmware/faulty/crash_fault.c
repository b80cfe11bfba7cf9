/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The application jumps to where nothing is. */
#include "device/app/app.h"

void __wrap_dr_app_step(struct dr_app *app, uint64_t now_ms, struct dr_app_output *ret_output);

void __wrap_dr_app_step(struct dr_app *app, uint64_t now_ms, struct dr_app_output *ret_output)
{
    (void)app;
    (void)now_ms;
    (void)ret_output;
    ((void (*)(void))(uintptr_t)0xf0000001u)();
}

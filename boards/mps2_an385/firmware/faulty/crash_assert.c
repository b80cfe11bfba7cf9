/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The application breaks the kernel's rules: its configASSERT fails. */
#include "device/app/app.h"

#include <FreeRTOS.h>
#include <queue.h>

void __wrap_dr_app_step(struct dr_app *app, uint64_t now_ms, struct dr_app_output *ret_output);

void __wrap_dr_app_step(struct dr_app *app, uint64_t now_ms, struct dr_app_output *ret_output)
{
    (void)app;
    (void)now_ms;
    (void)xQueueSend((QueueHandle_t)NULL, ret_output, 0);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The reference firmware of the Cortex-M3 board.
 *
 * It knows nothing about itself at compile time but how it behaves; version, slot and state come
 * from the hand-off.
 */
#include "boards/mps2_an385/common/console.h"
#include "boards/mps2_an385/firmware/fault.h"
#include "boards/mps2_an385/firmware/firmware.h"
#include "boards/mps2_an385/handoff.h"
#include "boards/mps2_an385/port/ethernet.h"

#include <FreeRTOS.h>
#include <task.h>

#ifndef DR_FIRMWARE_BEHAVIOUR
#define DR_FIRMWARE_BEHAVIOUR DR_APP_GOOD
#endif

static struct dr_firmware firmware;

/* The kernel's own task, from our memory. */
void vApplicationGetIdleTaskMemory(
    StaticTask_t **ret_task, StackType_t **ret_stack, uint32_t *ret_words);

void vApplicationGetIdleTaskMemory(
    StaticTask_t **ret_task, StackType_t **ret_stack, uint32_t *ret_words)
{
    static StaticTask_t task;
    static StackType_t stack[configMINIMAL_STACK_SIZE] __attribute__((aligned(32)));
    *ret_task = &task;
    *ret_stack = stack;
    *ret_words = configMINIMAL_STACK_SIZE;
}

int main(void)
{
    enum dr_status status = dr_handoff_take(&firmware.info);
    dr_firmware_protect(); /* the hand-off's page too: it was wiped, and is not needed again */
    if (status != DR_OK) {
        dr_console_line("hand-off refused"); /* a boot ROM that this firmware was not made for */
    } else {
        dr_fault_identify(firmware.info.digest);
        status = dr_ethernet_start();
    }
    if (status == DR_OK) {
        dr_firmware_tasks(&firmware, DR_FIRMWARE_BEHAVIOUR);
        vTaskStartScheduler(); /* does not return: nothing is allocated */
    }
    dr_console_line(dr_status_text(status));
    return 1;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/firmware/figures.h"

#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/firmware/firmware.h"
#include "boards/mps2_an385/firmware/print.h"

#include <FreeRTOS.h>
#include <task.h>

static struct {
    struct dr_pace blink;
    struct dr_pace publish;
    uint32_t turns;
    uint32_t since_ms;
    uint32_t idle_ms_before;
    volatile uint32_t idle_ms; /* the idle task counts on */
} figures;

/* Called by the kernel's idle task. Interrupts stay off over the sleep, so that only the sleep is
 * counted; the processor wakes all the same. */
void vApplicationIdleHook(void);

void vApplicationIdleHook(void)
{
    __asm volatile("cpsid i" ::: "memory");
    uint32_t begin_ms = dr_clock_ms();
    __asm volatile("dsb\n wfi" ::: "memory");
    figures.idle_ms += dr_clock_ms() - begin_ms;
    __asm volatile("cpsie i\n isb" ::: "memory");
}

void dr_figures_blink(uint32_t now_ms)
{
    dr_pace_note(&figures.blink, now_ms);
}

void dr_figures_publish(uint32_t now_ms)
{
    dr_pace_note(&figures.publish, now_ms);
}

void dr_figures_turn(void)
{
    figures.turns++;
}

void dr_figures_phase(const char *name, uint32_t now_ms)
{
    vTaskSuspendAll(); /* the application's numbers stand still */
    struct dr_pace blink = figures.blink;
    struct dr_pace publish = figures.publish;
    dr_pace_restart(&figures.blink);
    dr_pace_restart(&figures.publish);
    (void)xTaskResumeAll();
    const struct dr_print_number numbers[] = {
        {name, now_ms - figures.since_ms},
        {" idle ", figures.idle_ms - figures.idle_ms_before},
        {" turns ", figures.turns},
        {"; blinks ", blink.count},
        {" min ", blink.min_ms},
        {" max ", blink.max_ms},
        {" p99 ", dr_pace_p99_ms(&blink)},
        {"; publishes ", publish.count},
        {" min ", publish.min_ms},
        {" max ", publish.max_ms},
        {" p99 ", dr_pace_p99_ms(&publish)},
    };
    char line[200];
    figures.since_ms = now_ms;
    figures.idle_ms_before = figures.idle_ms;
    figures.turns = 0;
    dr_print_numbers(line, sizeof(line), numbers, sizeof(numbers) / sizeof(numbers[0]));
    dr_firmware_log(line);
}

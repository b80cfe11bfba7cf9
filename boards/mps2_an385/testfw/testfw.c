/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/testfw/testfw.h"

#include "base/check.h"
#include "boards/mps2_an385/common/board_panel.h"
#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/common/console.h"
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/handoff.h"
#include "boards/mps2_an385/map.h"

#include <string.h>

#define DECIMALS 10u
#define FEED_MS 50u

static struct dr_boot_info boot_info;

_Noreturn void dr_check_failed(const char *file, int line)
{
    (void)file;
    (void)line;
    dr_console_line("testfw: check failed");
    dr_system_reset();
}

void testfw_say(const char *text, const uint32_t *numbers, uint32_t count)
{
    dr_console_write(testfw_name, strlen(testfw_name));
    dr_console_write(": ", 2);
    dr_console_write(text, strlen(text));
    for (uint32_t i = 0; i < count; i++) {
        char digits[DECIMALS];
        uint32_t used = 0;
        uint32_t left = numbers[i];
        do { /* bound: 10 digits */
            digits[DECIMALS - ++used] = (char)('0' + left % 10u);
            left /= 10u;
        } while (left > 0);
        dr_console_write(" ", 1);
        dr_console_write(digits + DECIMALS - used, used);
    }
    dr_console_write("\n", 1);
}

void testfw_feed_for(uint32_t duration_ms)
{
    uint32_t begin_ms = dr_clock_ms();
    while (dr_clock_ms() - begin_ms < duration_ms) { /* bound: duration_ms */
        dr_watchdog_feed();
        dr_clock_wait(FEED_MS);
    }
}

/* Words of RAM that are not zero, outside the image and this program's own data and stack. */
static uint32_t leftovers(void)
{
    uint32_t found = 0;
    for (uint32_t at = DR_MPS2_RAM_AT; at < DR_MPS2_LOAD_AT; at += 4u) {
        found += dr_reg_read(at) != 0;
    }
    return found;
}

void testfw_main(void)
{
    dr_console_start();
    if (dr_handoff_take(&boot_info) != DR_OK) {
        testfw_say("no hand-off", NULL, 0);
        dr_system_reset();
    }
    struct dr_crash_record crash = {.reason = DR_CRASH_NONE};
    if (dr_crash_decode(boot_info.crash, &crash) != DR_OK) {
        crash.reason = DR_CRASH_NONE;
    }
    dr_board_panel_write(DR_PANEL_LED_AT, DR_LED_NORMAL);
    /* In the order of the words in the line. */
    const uint32_t numbers[] = {boot_info.reset_cause, boot_info.last.kind, boot_info.user_epoch,
                                crash.reason,          boot_info.slot,      boot_info.state,
                                boot_info.tries_left,  leftovers()};
    testfw_say("up: cause transition epoch crash slot state tries leftovers", numbers, 8);
    testfw_run(&boot_info);
    for (;;) {
        testfw_feed_for(UINT32_MAX / 2u);
    }
}

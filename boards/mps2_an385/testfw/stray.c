/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Writes where it must not: each try ends in a fault, the next one is made after the reset. The
 * panel keeps count, as no RAM does. */
#include "boards/mps2_an385/common/board_panel.h"
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/map.h"
#include "boards/mps2_an385/testfw/testfw.h"

const char testfw_name[] = "stray";

void testfw_run(struct dr_boot_info *info)
{
    static const uint32_t places[] = {DR_MPS2_JOURNAL_AT, DR_MPS2_FACTORY_AT, DR_MPS2_SLOT_B_AT};
    const uint32_t try = dr_board_panel_read(DR_PANEL_APP_LEDS_AT);
    (void)info;
    testfw_feed_for(200);
    if (try < sizeof places / sizeof places[0]) {
        dr_board_panel_write(DR_PANEL_APP_LEDS_AT, try + 1u);
        testfw_say("try", &try, 1);
        dr_reg_write(DR_MPS2_STORE_AT + places[try], 0);
        testfw_say("WRITTEN", &try, 1);
    }
}

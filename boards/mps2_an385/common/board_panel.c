/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/common/board_panel.h"

#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/map.h"

uint32_t dr_board_panel_read(uint32_t offset)
{
    return dr_reg_read(DR_MPS2_STORE_AT + DR_MPS2_PANEL_AT + offset);
}

void dr_board_panel_write(uint32_t offset, uint32_t value)
{
    dr_reg_write(DR_MPS2_STORE_AT + DR_MPS2_PANEL_AT + offset, value);
}

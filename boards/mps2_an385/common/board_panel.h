/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The front panel page (boards/panel.h) as the machine sees it. */
#ifndef DR_BOARDS_MPS2_BOARD_PANEL_H
#define DR_BOARDS_MPS2_BOARD_PANEL_H

#include "boards/panel.h"

#include <stdint.h>

/* offset: one of DR_PANEL_*_AT. */
uint32_t dr_board_panel_read(uint32_t offset);
void dr_board_panel_write(uint32_t offset, uint32_t value);

#endif

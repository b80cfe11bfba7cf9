/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The CMSDK UART, polled. */
#ifndef DR_BOARDS_MPS2_UART_PRIV_H
#define DR_BOARDS_MPS2_UART_PRIV_H

#include "boards/mps2_an385/common/regs.h"

#include <stdbool.h>
#include <stdint.h>

#define DR_UART_DATA 0x00u
#define DR_UART_STATE 0x04u
#define DR_UART_CONTROL 0x08u
#define DR_UART_DIVIDER 0x10u
#define DR_UART_STATE_TX_FULL 1u
#define DR_UART_STATE_RX_FULL 2u
#define DR_UART_CONTROL_TX 1u
#define DR_UART_CONTROL_RX 2u
#define DR_UART_DIVIDER_FASTEST 16u

static inline void dr_uart_start(uint32_t uart, uint32_t control)
{
    dr_reg_write(uart + DR_UART_DIVIDER, DR_UART_DIVIDER_FASTEST);
    dr_reg_write(uart + DR_UART_CONTROL, control);
}

static inline void dr_uart_put(uint32_t uart, uint8_t byte)
{
    while ((dr_reg_read(uart + DR_UART_STATE) & DR_UART_STATE_TX_FULL) != 0) { /* watchdog */
    }
    dr_reg_write(uart + DR_UART_DATA, byte);
}

static inline bool dr_uart_has(uint32_t uart)
{
    return (dr_reg_read(uart + DR_UART_STATE) & DR_UART_STATE_RX_FULL) != 0;
}

#endif

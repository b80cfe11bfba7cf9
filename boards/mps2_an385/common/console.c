/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/common/console.h"

#include "boards/mps2_an385/common/uart_priv.h"
#include "boards/mps2_an385/map.h"

#include <string.h>

void dr_console_start(void)
{
    dr_uart_start(DR_MPS2_UART_CONSOLE_AT, DR_UART_CONTROL_TX);
}

void dr_console_write(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        dr_uart_put(DR_MPS2_UART_CONSOLE_AT, (uint8_t)text[i]);
    }
}

void dr_console_line(const char *text)
{
    dr_console_write(text, strlen(text));
    dr_console_write("\n", 1);
}

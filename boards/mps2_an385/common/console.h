/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The serial console: output only, polled, never a secret. */
#ifndef DR_BOARDS_MPS2_CONSOLE_H
#define DR_BOARDS_MPS2_CONSOLE_H

#include <stddef.h>

void dr_console_start(void);
void dr_console_write(const char *text, size_t len);
/* With a newline behind it. */
void dr_console_line(const char *text);

#endif

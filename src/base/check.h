/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Assertions for programmer errors, kept on in release builds.
 *
 * Input from outside is never asserted: it is checked and refused with a status. The handler is
 * supplied by the program (a board records and resets, a server aborts, a test fails); it does not
 * return.
 */
#ifndef DR_BASE_CHECK_H
#define DR_BASE_CHECK_H

#include <stddef.h>

/* Supplied by each program. line identifies the assertion together with the file's short tag. */
_Noreturn void dr_check_failed(const char *file, int line);

#define DR_CHECK(condition)                                                                        \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            dr_check_failed(__FILE__, __LINE__);                                                   \
        }                                                                                          \
    } while (0)

#define DR_STATIC_ASSERT(condition, text) _Static_assert(condition, text)

#define DR_ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif

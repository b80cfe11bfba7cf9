/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The whole test framework: a check that prints where and what, a count, an exit status.
 *
 *   DR_TEST_MAIN(test_one, test_two)      runs the functions in order, prints "N checks, M failed"
 *   EXPECT(condition)                     counts; on failure prints file, line and the condition,
 * and goes on EXPECT_EQ(a, b)                       two integers, both printed on failure
 *   EXPECT_STR(a, b)                      two strings
 *   REQUIRE(condition)                    as EXPECT, but leaves the test function on failure
 */
#ifndef DR_TESTS_UNIT_CHECK_H
#define DR_TESTS_UNIT_CHECK_H

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int dr_test_checks;
static int dr_test_failures;

static inline int dr_test_expect(int holds, const char *text, const char *file, int line)
{
    dr_test_checks++;
    if (!holds) {
        dr_test_failures++;
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, text);
    }
    return holds;
}

static inline void
dr_test_expect_eq(long long a, long long b, const char *text, const char *file, int line)
{
    if (!dr_test_expect(a == b, text, file, line)) {
        fprintf(stderr, "    left %lld, right %lld\n", a, b);
    }
}

static inline void
dr_test_expect_str(const char *a, const char *b, const char *text, const char *file, int line)
{
    if (!dr_test_expect(strcmp(a, b) == 0, text, file, line)) {
        fprintf(stderr, "    left \"%s\", right \"%s\"\n", a, b);
    }
}

#define EXPECT(condition)                                                                          \
    ((void)dr_test_expect((condition) ? 1 : 0, #condition, __FILE__, __LINE__))
#define EXPECT_EQ(a, b)                                                                            \
    dr_test_expect_eq((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
#define EXPECT_STR(a, b) dr_test_expect_str((a), (b), #a " == " #b, __FILE__, __LINE__)
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!dr_test_expect((condition) ? 1 : 0, #condition, __FILE__, __LINE__)) {                \
            return;                                                                                \
        }                                                                                          \
    } while (0)

_Noreturn void dr_check_failed(const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion in the code under test\n", file, line);
    abort();
}

#define DR_TEST_MAIN(...)                                                                          \
    int main(void)                                                                                 \
    {                                                                                              \
        void (*const tests[])(void) = {__VA_ARGS__};                                               \
        for (size_t i = 0; i < DR_ARRAY_COUNT(tests); i++) {                                       \
            tests[i]();                                                                            \
        }                                                                                          \
        printf("%d checks, %d failed\n", dr_test_checks, dr_test_failures);                        \
        return dr_test_failures == 0 && dr_test_checks > 0 ? 0 : 1;                                \
    }

#endif

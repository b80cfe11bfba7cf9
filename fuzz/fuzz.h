/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A fuzz target is one function that must survive any bytes; what it promises it checks with FUZZ.
 *
 * Each target is built twice: as a replay test over its corpus (any compiler, part of the tests),
 * and with libFuzzer (preset "fuzz").
 */
#ifndef DR_FUZZ_FUZZ_H
#define DR_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* A promise of the code under test. */
#define FUZZ(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif

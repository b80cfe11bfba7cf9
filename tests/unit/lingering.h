/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A callback that takes its time, for asking whether taking it off waits for a call under way. */
#ifndef DR_TESTS_UNIT_LINGERING_H
#define DR_TESTS_UNIT_LINGERING_H

#include "tests/unit/check.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#define LINGERING_MS 200

struct lingering {
    atomic_bool entered;
    atomic_bool freed; /* its context was, as far as its owner knows */
    atomic_bool outlived;
};

/* Stays until its context is freed under it, which must not happen, at most LINGERING_MS. */
static inline void linger(struct lingering *lingering)
{
    atomic_store(&lingering->entered, true);
    for (int i = 0; i < LINGERING_MS && !atomic_load(&lingering->freed); i++) {
        usleep(1000);
    }
    if (atomic_load(&lingering->freed)) {
        atomic_store(&lingering->outlived, true);
    }
}

/* False: it was not called within 10 s. */
static inline bool lingers(struct lingering *lingering)
{
    for (int i = 0; i < 10000 && !atomic_load(&lingering->entered); i++) {
        usleep(1000);
    }
    return atomic_load(&lingering->entered);
}

#endif

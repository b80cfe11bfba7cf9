/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A directory of a test's own, gone afterwards. */
#ifndef DR_TESTS_UNIT_SCRATCH_H
#define DR_TESTS_UNIT_SCRATCH_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define DR_SCRATCH_SIZE 64u

static inline bool dr_scratch_make(char directory[DR_SCRATCH_SIZE])
{
    snprintf(directory, DR_SCRATCH_SIZE, "/tmp/dr-test-XXXXXX");
    return mkdtemp(directory) != NULL;
}

static inline int
dr_scratch_remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

/* With all that is in it. */
static inline bool dr_scratch_remove(const char *directory)
{
    return nftw(directory, dr_scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0;
}

#endif

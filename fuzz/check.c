/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void dr_check_failed(const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion in the code under test\n", file, line);
    abort();
}

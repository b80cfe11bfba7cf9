/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Comparing and forgetting secrets. */
#ifndef DR_BASE_SECRET_H
#define DR_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Equal? Takes the same time whatever the contents; only size_bytes shows in it. */
bool dr_equal_ct(const void *a, const void *b, size_t size_bytes);

/* Overwrite with zeros in a way the compiler does not remove. */
void dr_wipe(void *data, size_t size_bytes);

#endif

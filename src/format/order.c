/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Which of two images is newer (docs/boot.md, The states of an image). */
#include "format/image.h"

static int compare(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

int dr_version_compare(const struct dr_version *a, const struct dr_version *b)
{
    uint32_t release_a = (uint32_t)a->major << 24 | (uint32_t)a->minor << 16 | a->revision;
    uint32_t release_b = (uint32_t)b->major << 24 | (uint32_t)b->minor << 16 | b->revision;
    int order = compare(release_a, release_b);
    return order != 0 ? order : compare(a->build, b->build);
}

int dr_order_compare(const struct dr_order *a, const struct dr_order *b)
{
    if (a->has_sequence != b->has_sequence) {
        return a->has_sequence ? 1 : -1;
    }
    return a->has_sequence ? compare(a->sequence, b->sequence)
                           : dr_version_compare(&a->version, &b->version);
}

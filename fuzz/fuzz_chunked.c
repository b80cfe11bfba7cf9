/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The same bytes in one piece, and in two cut anywhere, decode to the same. */
#include "cloud/api/chunked.h"
#include "fuzz/fuzz.h"

#include <string.h>

struct sum {
    uint64_t size_bytes;
    uint32_t mixed;
};

static enum dr_status take(void *ctx, const uint8_t *data, size_t size_bytes)
{
    struct sum *sum = ctx;
    FUZZ(size_bytes > 0);
    for (size_t i = 0; i < size_bytes; i++) {
        sum->mixed = sum->mixed * 31u + data[i];
    }
    sum->size_bytes += size_bytes;
    return DR_OK;
}

static enum dr_status decode(
    const uint8_t *data, size_t size_bytes, size_t cut, struct dr_chunked *chunked, struct sum *sum)
{
    memset(sum, 0, sizeof *sum);
    dr_chunked_begin(chunked);
    DR_TRY(dr_chunked_feed(chunked, data, cut, take, sum));
    DR_TRY(dr_chunked_feed(chunked, data + cut, size_bytes - cut, take, sum));
    return dr_chunked_end(chunked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct dr_chunked whole;
    struct dr_chunked cut;
    struct sum whole_sum;
    struct sum cut_sum;
    enum dr_status status = decode(data, size_bytes, 0, &whole, &whole_sum);
    FUZZ(whole_sum.size_bytes <= size_bytes);
    if (size_bytes > 2000) {
        return 0;
    }
    for (size_t at = 0; at <= size_bytes; at += size_bytes / 16 + 1) {
        FUZZ(decode(data, size_bytes, at, &cut, &cut_sum) == status);
        FUZZ(cut_sum.size_bytes == whole_sum.size_bytes && cut_sum.mixed == whole_sum.mixed);
        FUZZ(strcmp(cut.trailer_value, whole.trailer_value) == 0);
    }
    return 0;
}

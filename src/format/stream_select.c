/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/stream_service.h"

struct dr_stream_selection
dr_stream_select(const struct dr_stream_request *request, uint32_t file_size_bytes)
{
    struct dr_stream_selection selection = {.request = request, .left = request->count};
    uint32_t block_bytes = request->block_size_bytes;
    if (file_size_bytes > 0 && block_bytes > 0) {
        selection.block_count = (file_size_bytes - 1) / block_bytes + 1;
        selection.last_size_bytes = file_size_bytes - (selection.block_count - 1) * block_bytes;
    }
    return selection;
}

/* Bit k is byte k / 8, least significant first. Without a bitmap every bit is set. */
static bool selected(const struct dr_stream_request *request, uint32_t bit)
{
    return !request->has_bitmap || (request->bitmap[bit / 8] >> bit % 8 & 1) != 0;
}

bool dr_stream_select_next(
    struct dr_stream_selection *selection, uint32_t *ret_index, uint32_t *ret_size_bytes)
{
    const struct dr_stream_request *request = selection->request;
    uint32_t bits = request->has_bitmap ? (uint32_t)request->bitmap_size_bytes * 8u : UINT32_MAX;
    if (selection->left == 0 || request->offset >= selection->block_count) {
        return false;
    }
    /* Nothing past the end of the file can be selected. */
    if (bits > selection->block_count - request->offset) {
        bits = selection->block_count - request->offset;
    }
    while (selection->position < bits) {
        uint32_t bit = selection->position++;
        if (selected(request, bit)) {
            uint32_t index = request->offset + bit;
            bool last = index + 1 == selection->block_count;
            selection->left--;
            *ret_index = index;
            *ret_size_bytes = last ? selection->last_size_bytes : request->block_size_bytes;
            return true;
        }
    }
    return false;
}

uint32_t dr_stream_select_count(const struct dr_stream_request *request, uint32_t file_size_bytes)
{
    struct dr_stream_selection selection = dr_stream_select(request, file_size_bytes);
    uint32_t count = 0;
    uint32_t index = 0;
    uint32_t size_bytes = 0;
    while (dr_stream_select_next(&selection, &index, &size_bytes)) {
        count++;
    }
    return count;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/chunked.h"

#include <stdbool.h>
#include <string.h>

void dr_chunked_begin(struct dr_chunked *chunked)
{
    memset(chunked, 0, sizeof *chunked);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum dr_status take_size(struct dr_chunked *chunked)
{
    uint64_t size = 0;
    if (memchr(chunked->line, ';', chunked->line_len) != NULL) {
        return DR_E_UNSUPPORTED;
    }
    if (chunked->line_len == 0 || chunked->line_len > 8) {
        return DR_E_FORMAT;
    }
    for (size_t i = 0; i < chunked->line_len; i++) {
        int digit = hex_digit(chunked->line[i]);
        if (digit < 0) {
            return DR_E_FORMAT;
        }
        size = size * 16 + (uint64_t)digit;
    }
    chunked->left_bytes = size;
    chunked->state = size == 0 ? DR_CHUNKED_TRAILER : DR_CHUNKED_DATA;
    return DR_OK;
}

static enum dr_status take_trailer(struct dr_chunked *chunked)
{
    if (chunked->line_len == 0) {
        chunked->state = DR_CHUNKED_END;
        return DR_OK;
    }
    const char *colon = memchr(chunked->line, ':', chunked->line_len);
    if (colon == NULL || chunked->trailer_name[0] != '\0') {
        return DR_E_FORMAT;
    }
    size_t name_len = (size_t)(colon - chunked->line);
    const char *value = colon + 1;
    size_t value_len = chunked->line_len - name_len - 1;
    while (value_len > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        value_len--;
    }
    while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t')) {
        value_len--;
    }
    if (name_len == 0 || name_len >= sizeof chunked->trailer_name ||
        value_len >= sizeof chunked->trailer_value) {
        return DR_E_FORMAT;
    }
    for (size_t i = 0; i < name_len; i++) {
        char c = chunked->line[i];
        chunked->trailer_name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    chunked->trailer_name[name_len] = '\0';
    memcpy(chunked->trailer_value, value, value_len);
    chunked->trailer_value[value_len] = '\0';
    return DR_OK;
}

/* One byte of a size or trailer line; the line is taken at its "\r\n". */
static enum dr_status take_line_byte(struct dr_chunked *chunked, char c)
{
    bool after_cr = chunked->line_len > 0 && chunked->line[chunked->line_len - 1] == '\r';
    if (c == '\0' || after_cr != (c == '\n')) {
        return DR_E_FORMAT;
    }
    if (!after_cr) {
        if (chunked->line_len == sizeof chunked->line) {
            return DR_E_FORMAT;
        }
        chunked->line[chunked->line_len++] = c;
        return DR_OK;
    }
    chunked->line_len--;
    enum dr_status status =
        chunked->state == DR_CHUNKED_SIZE ? take_size(chunked) : take_trailer(chunked);
    chunked->line_len = 0;
    return status;
}

static enum dr_status take_byte(struct dr_chunked *chunked, char c)
{
    switch (chunked->state) {
    case DR_CHUNKED_SIZE:
    case DR_CHUNKED_TRAILER:
        return take_line_byte(chunked, c);
    case DR_CHUNKED_DATA_CR:
        chunked->state = DR_CHUNKED_DATA_LF;
        return c == '\r' ? DR_OK : DR_E_FORMAT;
    case DR_CHUNKED_DATA_LF:
        chunked->state = DR_CHUNKED_SIZE;
        return c == '\n' ? DR_OK : DR_E_FORMAT;
    case DR_CHUNKED_DATA:
    case DR_CHUNKED_END:
        return DR_E_FORMAT;
    }
    return DR_E_FORMAT;
}

enum dr_status dr_chunked_feed(
    struct dr_chunked *chunked, const uint8_t *data, size_t size_bytes,
    enum dr_status (*sink)(void *ctx, const uint8_t *data, size_t size_bytes), void *ctx)
{
    while (size_bytes > 0) { /* bound: size_bytes */
        if (chunked->state != DR_CHUNKED_DATA) {
            DR_TRY(take_byte(chunked, (char)*data));
            data++;
            size_bytes--;
            continue;
        }
        size_t take = chunked->left_bytes < size_bytes ? (size_t)chunked->left_bytes : size_bytes;
        DR_TRY(sink(ctx, data, take));
        data += take;
        size_bytes -= take;
        chunked->left_bytes -= take;
        if (chunked->left_bytes == 0) {
            chunked->state = DR_CHUNKED_DATA_CR;
        }
    }
    return DR_OK;
}

enum dr_status dr_chunked_end(const struct dr_chunked *chunked)
{
    return chunked->state == DR_CHUNKED_END ? DR_OK : DR_E_TRUNCATED;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/text.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

uint32_t dr_text_hash(const char *text)
{
    uint32_t hash = 2166136261u;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    }
    return hash ^ (hash >> 16);
}

void dr_hex_encode(const uint8_t *data, size_t size_bytes, char *out)
{
    for (size_t i = 0; i < size_bytes; i++) {
        out[2 * i] = hex_digits[data[i] >> 4];
        out[2 * i + 1] = hex_digits[data[i] & 0x0fu];
    }
    out[2 * size_bytes] = '\0';
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

enum dr_status dr_hex_decode(const char *text, size_t text_len, uint8_t *out, size_t size_bytes)
{
    if (text_len / 2 != size_bytes || text_len % 2 != 0) {
        return DR_E_FORMAT;
    }
    for (size_t i = 0; i < text_len; i++) {
        if (hex_value(text[i]) < 0) {
            return DR_E_FORMAT;
        }
    }
    for (size_t i = 0; i < size_bytes; i++) {
        uint32_t high = (uint32_t)hex_value(text[2 * i]);
        uint32_t low = (uint32_t)hex_value(text[2 * i + 1]);
        out[i] = (uint8_t)(high << 4 | low);
    }
    return DR_OK;
}

size_t dr_base64_encode(const uint8_t *data, size_t size_bytes, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < size_bytes; i += 3) {
        size_t group = size_bytes - i < 3 ? size_bytes - i : 3;
        uint32_t bits = (uint32_t)data[i] << 16;
        bits |= group > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        bits |= group > 2 ? (uint32_t)data[i + 2] : 0;
        out[len++] = base64_digits[(bits >> 18) & 63u];
        out[len++] = base64_digits[(bits >> 12) & 63u];
        out[len++] = group > 1 ? base64_digits[(bits >> 6) & 63u] : '=';
        out[len++] = group > 2 ? base64_digits[bits & 63u] : '=';
    }
    out[len] = '\0';
    return len;
}

static int base64_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z') {
        return digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
        return digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return digit - '0' + 52;
    }
    if (digit == '+') {
        return 62;
    }
    return digit == '/' ? 63 : -1;
}

/* One group of four characters to 1..3 bytes; pad is how many '=' it ends with. -1: not base64. */
static int decode_group(const char *group, size_t pad, uint8_t out[3])
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4 - pad; i++) {
        int value = base64_value(group[i]);
        if (value < 0) {
            return -1;
        }
        bits |= (uint32_t)value << (18 - 6 * i);
    }
    /* Bits that the padding cuts off must be zero, or two texts would mean one value. */
    if ((pad == 1 && (bits & 0xffu) != 0) || (pad == 2 && (bits & 0xffffu) != 0)) {
        return -1;
    }
    out[0] = (uint8_t)(bits >> 16);
    out[1] = (uint8_t)(bits >> 8);
    out[2] = (uint8_t)bits;
    return (int)(3 - pad);
}

enum dr_status dr_base64_decode(
    const char *text, size_t text_len, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    size_t size_bytes = 0;
    if (text_len % 4 != 0) {
        return DR_E_FORMAT;
    }
    for (size_t i = 0; i < text_len; i += 4) {
        size_t pad = 0;
        if (i + 4 == text_len && text[i + 3] == '=') {
            pad = text[i + 2] == '=' ? 2 : 1;
        }
        uint8_t bytes[3];
        int count = decode_group(text + i, pad, bytes);
        if (count < 0) {
            return DR_E_FORMAT;
        }
        for (int k = 0; k < count; k++) {
            if (size_bytes == capacity_bytes) {
                return DR_E_SPACE;
            }
            out[size_bytes++] = bytes[k];
        }
    }
    *ret_size_bytes = size_bytes;
    return DR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/checksum.h"

#include "base/text.h"

#include <string.h>

/* --- MD5 (RFC 1321) --- */

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return (value << bits) | (value >> (32u - bits));
}

static uint32_t load32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* Step i uses word g of the block, mixes with the round's function, rotates by the round's shift.
 * The sines are floor(2^32 * |sin(i + 1)|). */
static void md5_block(uint32_t state[4], const uint8_t block[64])
{
    static const uint32_t sines[64] = {
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
        0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
        0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
        0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
        0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
        0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
        0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
        0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
        0xeb86d391};
    static const uint8_t shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t a = state[0];
    uint32_t b = state[1];
    uint32_t c = state[2];
    uint32_t d = state[3];
    for (unsigned i = 0; i < 64; i++) {
        uint32_t mixed = 0;
        unsigned word = 0;
        switch (i / 16) {
        case 0:
            mixed = (b & c) | (~b & d);
            word = i;
            break;
        case 1:
            mixed = (d & b) | (~d & c);
            word = (5 * i + 1) % 16;
            break;
        case 2:
            mixed = b ^ c ^ d;
            word = (3 * i + 5) % 16;
            break;
        default:
            mixed = c ^ (b | ~d);
            word = (7 * i) % 16;
            break;
        }
        uint32_t sum = a + mixed + sines[i] + load32(block + 4u * word);
        a = d;
        d = c;
        c = b;
        b += rotate(sum, shifts[i / 16][i % 4]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

void dr_md5_begin(struct dr_md5 *md5)
{
    *md5 = (struct dr_md5){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
}

void dr_md5_update(struct dr_md5 *md5, const uint8_t *data, size_t size_bytes)
{
    size_t held = (size_t)(md5->size_bytes % 64);
    md5->size_bytes += size_bytes;
    while (size_bytes > 0) { /* bound: size_bytes */
        if (held == 0 && size_bytes >= 64) {
            md5_block(md5->state, data);
            data += 64;
            size_bytes -= 64;
            continue;
        }
        size_t take = size_bytes < 64 - held ? size_bytes : 64 - held;
        memcpy(md5->block + held, data, take);
        data += take;
        size_bytes -= take;
        held += take;
        if (held == 64) {
            md5_block(md5->state, md5->block);
            held = 0;
        }
    }
}

void dr_md5_finish(struct dr_md5 *md5, uint8_t digest[DR_MD5_BYTES])
{
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = md5->size_bytes * 8;
    size_t held = (size_t)(md5->size_bytes % 64);
    uint8_t tail[8];
    for (unsigned i = 0; i < 8; i++) {
        tail[i] = (uint8_t)(bits >> (8 * i));
    }
    dr_md5_update(md5, padding, held < 56 ? 56 - held : 120 - held);
    dr_md5_update(md5, tail, sizeof tail);
    for (unsigned i = 0; i < DR_MD5_BYTES; i++) {
        digest[i] = (uint8_t)(md5->state[i / 4] >> (8 * (i % 4)));
    }
}

/* --- CRCs, reflected, all ones before and after --- */

static const struct {
    const char *header;
    uint64_t polynomial; /* reflected */
    unsigned bytes;
} crcs[] = {
    [DR_CRC_NONE] = {NULL, 0, 0},
    [DR_CRC_32] = {"x-amz-checksum-crc32", 0xedb88320u, 4},
    [DR_CRC_32C] = {"x-amz-checksum-crc32c", 0x82f63b78u, 4},
    [DR_CRC_64NVME] = {"x-amz-checksum-crc64nvme", 0x9a6c9329ac4bc9b5u, 8},
};
#define CRC_COUNT (sizeof crcs / sizeof crcs[0])

enum dr_status dr_crc_kind_of(const char *header, enum dr_crc_kind *ret_kind)
{
    static const char prefix[] = "x-amz-checksum-";
    for (size_t i = 1; i < CRC_COUNT; i++) {
        if (strcmp(crcs[i].header, header) == 0) {
            *ret_kind = (enum dr_crc_kind)i;
            return DR_OK;
        }
    }
    /* Three names with this prefix ask for something, they carry no value. */
    if (strncmp(header, prefix, sizeof prefix - 1) != 0 ||
        strcmp(header, "x-amz-checksum-algorithm") == 0 ||
        strcmp(header, "x-amz-checksum-mode") == 0 || strcmp(header, "x-amz-checksum-type") == 0) {
        return DR_E_NOT_FOUND;
    }
    return DR_E_UNSUPPORTED;
}

const char *dr_crc_header(enum dr_crc_kind kind)
{
    return crcs[kind].header;
}

static uint64_t all_ones(enum dr_crc_kind kind)
{
    return crcs[kind].bytes == 4 ? 0xffffffffu : UINT64_MAX;
}

void dr_crc_begin(struct dr_crc *crc, enum dr_crc_kind kind)
{
    memset(crc, 0, sizeof *crc);
    crc->kind = kind;
    crc->value = all_ones(kind);
    for (unsigned nibble = 0; nibble < 16; nibble++) {
        uint64_t value = nibble;
        for (unsigned bit = 0; bit < 4; bit++) {
            value = (value >> 1) ^ ((value & 1u) != 0 ? crcs[kind].polynomial : 0);
        }
        crc->table[nibble] = value;
    }
}

void dr_crc_update(struct dr_crc *crc, const uint8_t *data, size_t size_bytes)
{
    if (crc->kind == DR_CRC_NONE) {
        return;
    }
    uint64_t value = crc->value;
    for (size_t i = 0; i < size_bytes; i++) {
        value ^= data[i];
        value = (value >> 4) ^ crc->table[value & 0x0fu];
        value = (value >> 4) ^ crc->table[value & 0x0fu];
    }
    crc->value = value;
}

enum dr_status dr_crc_check(const struct dr_crc *crc, const char *base64)
{
    uint8_t expected[8];
    size_t size_bytes = 0;
    unsigned bytes = crcs[crc->kind].bytes;
    uint64_t value = crc->value ^ all_ones(crc->kind);
    if (bytes == 0 ||
        dr_base64_decode(base64, strlen(base64), expected, sizeof expected, &size_bytes) != DR_OK ||
        size_bytes != bytes) {
        return DR_E_FORMAT;
    }
    for (unsigned i = 0; i < bytes; i++) {
        if (expected[i] != (uint8_t)(value >> (8 * (bytes - 1 - i)))) {
            return DR_E_CORRUPT;
        }
    }
    return DR_OK;
}

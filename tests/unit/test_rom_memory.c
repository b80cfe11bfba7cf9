/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The boot ROM's own memory functions, under other names, against the host's: every length and
 * overlap within a few words. */
#include "tests/unit/check.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define memcpy rom_memcpy
#define memmove rom_memmove
#define memset rom_memset
#define memcmp rom_memcmp
#define strcmp rom_strcmp
#define strlen rom_strlen
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
int strcmp(const char *a, const char *b);
size_t strlen(const char *text);
#include "boards/mps2_an385/rom/memory.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strcmp
#undef strlen

#define SPAN 24u

static void fill(uint8_t *bytes)
{
    for (size_t i = 0; i < SPAN; i++) {
        bytes[i] = (uint8_t)(i + 1u);
    }
}

static void test_copies(void)
{
    for (size_t to = 0; to < SPAN; to++) {
        for (size_t from = 0; from < SPAN; from++) {
            for (size_t size = 0; to + size <= SPAN && from + size <= SPAN; size++) {
                uint8_t ours[SPAN];
                uint8_t before[SPAN];
                fill(ours);
                fill(before);
                EXPECT(rom_memmove(ours + to, ours + from, size) == ours + to);
                for (size_t i = 0; i < SPAN; i++) {
                    bool inside = i >= to && i - to < size;
                    EXPECT_EQ(ours[i], before[inside ? from + (i - to) : i]);
                }
                fill(ours);
                EXPECT(rom_memcpy(ours + to, before + from, size) == ours + to);
                EXPECT(memcmp(ours + to, before + from, size) == 0);
            }
        }
    }
}

static void test_others(void)
{
    static const char *const texts[] = {"", "a", "ab", "abc", "b", "\xff", "a\xff"};
    uint8_t bytes[SPAN];
    fill(bytes);
    EXPECT(rom_memset(bytes + 1, 0x1a5, 3) == bytes + 1);
    EXPECT(bytes[0] == 1 && bytes[1] == 0xa5 && bytes[3] == 0xa5 && bytes[4] == 5);
    for (size_t a = 0; a < sizeof(texts) / sizeof(texts[0]); a++) {
        EXPECT_EQ(rom_strlen(texts[a]), strlen(texts[a]));
        for (size_t b = 0; b < sizeof(texts) / sizeof(texts[0]); b++) {
            int ours = rom_strcmp(texts[a], texts[b]);
            int theirs = strcmp(texts[a], texts[b]);
            EXPECT((ours < 0) == (theirs < 0) && (ours > 0) == (theirs > 0));
            size_t size = strlen(texts[a]) < strlen(texts[b]) ? strlen(texts[a]) : strlen(texts[b]);
            ours = rom_memcmp(texts[a], texts[b], size);
            theirs = memcmp(texts[a], texts[b], size);
            EXPECT((ours < 0) == (theirs < 0) && (ours > 0) == (theirs > 0));
        }
    }
}

DR_TEST_MAIN(test_copies, test_others)

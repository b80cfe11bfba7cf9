/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/word.h"

#include <string.h>

const char *dr_word(const char *words, unsigned number)
{
    /* number 0 stops at the end of the list, and so does one that is too large. */
    for (unsigned i = 1; *words != '\0' && i != number; i++) {
        words += strlen(words) + 1;
    }
    return words;
}

unsigned dr_word_find(const char *words, const char *text, size_t len)
{
    for (unsigned i = 1; *words != '\0'; i++) {
        size_t word_len = strlen(words);
        if (word_len == len && memcmp(words, text, len) == 0) {
            return i;
        }
        words += word_len + 1;
    }
    return 0;
}

/* Words are plain ASCII: one that is spelt with escapes is none of ours. */
unsigned dr_word_of(const struct dr_json *value, const char *words)
{
    if (value->len <= 2 || value->text[0] != '"') {
        return 0;
    }
    return dr_word_find(words, value->text + 1, value->len - 2);
}

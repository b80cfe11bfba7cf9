/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/reason.h"

#include "base/check.h"
#include "format/word.h"

/* All words in one string, each with its NUL: half the size of a table of pointers, and there is
 * nothing to relocate. A reason's number is its place, from 0. */
static const char words[] =
#define DR_REASON_WORD(name, number, word, text) word "\0"
    DR_REASON_LIST(DR_REASON_WORD)
#undef DR_REASON_WORD
    ;

/* The place of each row, counted by the compiler: the numbers must be 0, 1, 2 ... */
enum reason_place {
#define DR_REASON_PLACE(name, number, word, text) PLACE_##number,
    DR_REASON_LIST(DR_REASON_PLACE)
#undef DR_REASON_PLACE
        REASON_COUNT
};
#define DR_REASON_DENSE(name, number, word, text)                                                  \
    DR_STATIC_ASSERT((int)PLACE_##number == (number), "reasons are numbered without gaps");
DR_REASON_LIST(DR_REASON_DENSE)
#undef DR_REASON_DENSE

const char *dr_reason_word(enum dr_reason reason)
{
    return (unsigned)reason < REASON_COUNT ? dr_word(words, (unsigned)reason + 1u) : "unknown";
}

enum dr_reason dr_reason_from_word(const char *word, size_t word_len)
{
    unsigned number = dr_word_find(words, word, word_len);
    return number > 0 ? (enum dr_reason)(number - 1u) : DR_REASON_NONE;
}

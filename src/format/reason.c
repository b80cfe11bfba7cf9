/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/reason.h"

#include "base/check.h"

#include <string.h>

static const struct {
    enum dr_reason reason;
    const char *word;
    const char *text;
} reasons[] = {
#define DR_REASON_ROW(name, number, word, text) {name, word, text},
    DR_REASON_LIST(DR_REASON_ROW)
#undef DR_REASON_ROW
};

const char *dr_reason_word(enum dr_reason reason)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(reasons); i++) {
        if (reasons[i].reason == reason) {
            return reasons[i].word;
        }
    }
    return "unknown";
}

const char *dr_reason_text(enum dr_reason reason)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(reasons); i++) {
        if (reasons[i].reason == reason) {
            return reasons[i].text;
        }
    }
    return "unknown reason";
}

enum dr_reason dr_reason_from_word(const char *word, size_t word_len)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(reasons); i++) {
        if (strlen(reasons[i].word) == word_len && memcmp(reasons[i].word, word, word_len) == 0) {
            return reasons[i].reason;
        }
    }
    return DR_REASON_NONE;
}

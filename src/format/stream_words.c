/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/stream.h"

#include "format/word.h"

#define WORD(name, number, word) word "\0"
static const char errors[] = DR_STREAM_ERROR_LIST(WORD);
#undef WORD

const char *dr_stream_error_word(enum dr_stream_error error)
{
    return dr_word(errors, (unsigned)error);
}

enum dr_stream_error dr_stream_error_from(const char *word, size_t len)
{
    return (enum dr_stream_error)dr_word_find(errors, word, len);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Lists of words on the wire, numbered from 1 without gaps; private to format.
 *
 * A list is one string with a NUL behind each word and behind the last: "QUEUED\0IN_PROGRESS\0".
 */
#ifndef DR_FORMAT_WORD_H
#define DR_FORMAT_WORD_H

#include "format/json.h"

#include <stddef.h>

/* The word with that number, "" when there is none. */
const char *dr_word(const char *words, unsigned number);

/* The number of the word that text (or a JSON string) is, 0 for none. */
unsigned dr_word_find(const char *words, const char *text, size_t len);
unsigned dr_word_of(const struct dr_json *value, const char *words);

#endif

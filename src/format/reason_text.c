/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What people read about reasons; devices speak in words (reason.c) and do not link this. */
#include "format/reason.h"

const char *dr_reason_text(enum dr_reason reason)
{
    switch (reason) {
#define DR_REASON_TEXT(name, number, word, text)                                                   \
    case name:                                                                                     \
        return text;
        DR_REASON_LIST(DR_REASON_TEXT)
#undef DR_REASON_TEXT
    }
    return "unknown reason";
}

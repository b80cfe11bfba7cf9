/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/status.h"

const char *dr_status_text(enum dr_status status)
{
    switch (status) {
#define DR_STATUS_TEXT(name, number, text)                                                         \
    case name:                                                                                     \
        return text;
        DR_STATUS_LIST(DR_STATUS_TEXT)
#undef DR_STATUS_TEXT
    }
    return "unknown status";
}

const char *dr_status_name(enum dr_status status)
{
    switch (status) {
#define DR_STATUS_NAME(name, number, text)                                                         \
    case name:                                                                                     \
        return #name;
        DR_STATUS_LIST(DR_STATUS_NAME)
#undef DR_STATUS_NAME
    }
    return "DR_E_UNKNOWN";
}

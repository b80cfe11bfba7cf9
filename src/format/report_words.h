/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Word lists of the report, numbered from 1 (format/word.h); private to format. */
#ifndef DR_FORMAT_REPORT_WORDS_H
#define DR_FORMAT_REPORT_WORDS_H

#define DR_REPORT_SLOTS "A\0B\0factory\0"
#define DR_REPORT_STATES "candidate\0confirmed\0sealed\0factory\0"
#define DR_REPORT_MODES "normal\0safe\0recovery\0provisioning\0"

#endif

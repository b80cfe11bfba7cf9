/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Word lists of jobs, by enum dr_job_status and enum dr_job_error (format/word.h); private to
 * format. Streams use some of the errors' words too. */
#ifndef DR_FORMAT_JOB_WORDS_H
#define DR_FORMAT_JOB_WORDS_H

extern const char dr_job_status_words[];
extern const char dr_job_error_words[];

#endif

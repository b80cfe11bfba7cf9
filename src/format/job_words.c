/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/job.h"

#include "format/job_words.h"
#include "format/word.h"

#define WORD(name, number, word) word "\0"
const char dr_job_status_words[] = DR_JOB_STATUS_LIST(WORD);
const char dr_job_error_words[] = DR_JOB_ERROR_LIST(WORD);
#undef WORD

const char *dr_job_status_word(enum dr_job_status status)
{
    return dr_word(dr_job_status_words, (unsigned)status);
}

const char *dr_job_error_word(enum dr_job_error error)
{
    return dr_word(dr_job_error_words, (unsigned)error);
}

enum dr_job_status dr_job_status_from(struct dr_json value)
{
    return (enum dr_job_status)dr_word_of(&value, dr_job_status_words);
}

enum dr_job_error dr_job_error_from(struct dr_json value)
{
    return (enum dr_job_error)dr_word_of(&value, dr_job_error_words);
}

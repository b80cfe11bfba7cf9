/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/job.h"

#include "format/word.h"

#define WORD(name, number, word) word "\0"
static const char statuses[] = DR_JOB_STATUS_LIST(WORD);
static const char errors[] = DR_JOB_ERROR_LIST(WORD);
#undef WORD

const char *dr_job_status_word(enum dr_job_status status)
{
    return dr_word(statuses, (unsigned)status);
}

const char *dr_job_error_word(enum dr_job_error error)
{
    return dr_word(errors, (unsigned)error);
}

enum dr_job_status dr_job_status_from(struct dr_json value)
{
    return (enum dr_job_status)dr_word_of(value, statuses);
}

enum dr_job_error dr_job_error_from(struct dr_json value)
{
    return (enum dr_job_error)dr_word_of(value, errors);
}

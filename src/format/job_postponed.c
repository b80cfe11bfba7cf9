/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A job that the product puts off: an object of its own, for products that have a say. */
#include "format/decimal.h"
#include "format/job.h"

enum dr_status dr_job_write_postponed(
    const struct dr_job_postponed *postponed, char *out, size_t capacity, size_t *ret_len)
{
    char deadline[DR_DECIMAL_BYTES];
    struct dr_json_writer json;
    (void)dr_decimal(postponed->deadline_s, deadline);
    dr_json_begin(&json, out, capacity);
    dr_json_open(&json, NULL, '{');
    dr_json_put_text(&json, "clientToken", postponed->client_token);
    dr_json_put_text(&json, "status", dr_job_status_word(DR_JOB_IN_PROGRESS));
    dr_json_put_number(&json, "executionNumber", postponed->execution_number);
    dr_json_open(&json, "statusDetails", '{');
    dr_json_put_text(&json, "reason", dr_reason_word(DR_REASON_POSTPONED));
    dr_json_put_text(&json, "detail", postponed->why);
    dr_json_put_text(&json, "deadline", deadline);
    dr_json_close(&json, '}');
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

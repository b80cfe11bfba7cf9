/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The device's half: what it sends. */
#include "format/job.h"

#include "base/text.h"
#include "format/decimal.h"
#include "format/word.h"

#include <string.h>

enum dr_status
dr_job_write_get(const char *client_token, char *out, size_t capacity, size_t *ret_len)
{
    struct dr_json_writer json;
    dr_json_begin(&json, out, capacity);
    dr_json_open(&json, NULL, '{');
    dr_json_put_text(&json, "clientToken", client_token);
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

/* A C integer literal, "0x%08x", of the version as AWS's agent packs it. */
static void updated_by_text(const struct dr_version *version, char *out)
{
    const uint8_t packed[4] = {
        version->major,
        version->minor,
        (uint8_t)(version->revision >> 8),
        (uint8_t)version->revision,
    };
    *out++ = '0';
    *out++ = 'x';
    dr_hex_encode(packed, sizeof(packed), out);
}

static void put_details(struct dr_json_writer *json, const struct dr_job_details *details)
{
    char progress[2u * DR_DECIMAL_BYTES];
    char updated_by[2u + DR_HEX_SIZE(4)];
    char tries[DR_DECIMAL_BYTES];
    const char *const texts[] = {
        details->reason != DR_REASON_NONE ? dr_reason_word(details->reason) : NULL,
        details->detail,
        progress,
        dr_word("ready\0active\0accepted\0", (unsigned)details->self_test),
        updated_by,
        tries,
        details->slot,
        details->path,
    };
    progress[0] = '\0';
    updated_by[0] = '\0';
    tries[0] = '\0';
    if (details->progress_total != 0) { /* "done/total", as AWS's agent has it */
        char *end = dr_decimal(details->progress_done, progress);
        *end = '/';
        (void)dr_decimal(details->progress_total, end + 1);
    }
    if (details->updated_by != NULL) {
        updated_by_text(details->updated_by, updated_by);
    }
    if (details->tries != 0) {
        (void)dr_decimal(details->tries, tries);
    }
    dr_json_open(json, "statusDetails", '{');
    dr_json_put_texts(
        json, "reason\0detail\0progress\0self_test\0updatedBy\0tries\0slot\0path\0", texts);
    dr_json_close(json, '}');
}

enum dr_status
dr_job_write_update(const struct dr_job_update *update, char *out, size_t capacity, size_t *ret_len)
{
    struct dr_json_writer json;
    dr_json_begin(&json, out, capacity);
    dr_json_open(&json, NULL, '{');
    dr_json_put_text(&json, "clientToken", update->client_token);
    dr_json_put_text(&json, "status", dr_job_status_word(update->status));
    if (update->expected_version != 0) {
        dr_json_put_number(&json, "expectedVersion", update->expected_version);
    }
    if (update->execution_number != 0) {
        dr_json_put_number(&json, "executionNumber", update->execution_number);
    }
    if (update->details != NULL) {
        put_details(&json, update->details);
    }
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

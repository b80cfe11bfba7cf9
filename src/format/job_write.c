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

/* What does not fit into its detail is cut between characters. */
static size_t cut(const char *text, size_t len_max)
{
    size_t len = 0;
    while (text[len] != '\0' && len < len_max) {
        len++;
    }
    while (len > 0 && ((uint8_t)text[len] & 0xc0u) == 0x80u) {
        len--;
    }
    return len;
}

/* "done/total", as AWS's agent has it. */
static void put_progress(struct dr_json_writer *json, uint32_t done, uint32_t total)
{
    char text[2u * DR_DECIMAL_BYTES + 1u];
    size_t len = dr_decimal(done, text);
    text[len++] = '/';
    len += dr_decimal(total, text + len);
    dr_json_put_view(json, "progress", text, len);
}

/* A C integer literal, "0x%08x", of the version as AWS's agent packs it. */
static void put_updated_by(struct dr_json_writer *json, const struct dr_version *version)
{
    const uint8_t packed[4] = {
        version->major,
        version->minor,
        (uint8_t)(version->revision >> 8),
        (uint8_t)version->revision,
    };
    char text[2u + DR_HEX_SIZE(sizeof(packed))] = {'0', 'x'};
    dr_hex_encode(packed, sizeof(packed), text + 2);
    dr_json_put_text(json, "updatedBy", text);
}

void dr_job_put_details(
    struct dr_json_writer *json, const char *name, const struct dr_job_details *details)
{
    dr_json_open(json, name, '{');
    if (details->reason != DR_REASON_NONE) {
        dr_json_put_text(json, "reason", dr_reason_word(details->reason));
    }
    if (details->detail != NULL && details->detail[0] != '\0') {
        size_t len = cut(details->detail, DR_JOB_DETAIL_LEN_MAX);
        dr_json_put_view(json, "detail", details->detail, len);
    }
    if (details->progress_total != 0) {
        put_progress(json, details->progress_done, details->progress_total);
    }
    if (details->self_test != DR_JOB_SELF_TEST_NONE) {
        dr_json_put_text(
            json, "self_test", dr_word("ready\0active\0accepted\0", (unsigned)details->self_test));
    }
    if (details->updated_by != NULL) {
        put_updated_by(json, details->updated_by);
    }
    if (details->has_tries) {
        char text[DR_DECIMAL_BYTES];
        dr_json_put_view(json, "tries", text, dr_decimal(details->tries, text));
    }
    if (details->slot != NULL && details->slot[0] != '\0') {
        dr_json_put_text(json, "slot", details->slot);
    }
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
        dr_job_put_details(&json, "statusDetails", update->details);
    }
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

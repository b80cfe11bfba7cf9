/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The first byte says who reads: '0' a message of the service, '2' a document, '3'... a request. */
#include "format/job_service.h"
#include "fuzz/fuzz.h"

#include <string.h>

static void document(struct dr_json value)
{
    struct dr_job_document parsed;
    if (dr_job_parse_document(value, &parsed) != DR_OK) {
        return;
    }
    FUZZ(parsed.action >= DR_JOB_ACTION_UPDATE && parsed.action <= DR_JOB_ACTION_FACTORY);
    if (parsed.action == DR_JOB_ACTION_UPDATE) {
        FUZZ(parsed.file_size_bytes > 0);
        FUZZ((parsed.protocols & DR_JOB_PROTOCOL_MQTT) == 0 || parsed.stream[0] != '\0');
        FUZZ(memchr(parsed.stream, '\0', sizeof(parsed.stream)) != NULL);
    }
}

static void message(const uint8_t *data, size_t size_bytes)
{
    struct dr_job_message parsed;
    if (dr_job_parse_message(data, size_bytes, &parsed) == DR_OK && parsed.has_execution) {
        FUZZ(dr_job_id_valid(parsed.execution.job_id, strlen(parsed.execution.job_id)));
        document(parsed.execution.document);
    }
}

static void request(enum dr_topic_kind kind, const uint8_t *data, size_t size_bytes)
{
    struct dr_job_request parsed;
    enum dr_job_error error = DR_JOB_ERROR_NONE;
    const char *text = NULL;
    if (dr_job_parse_request(kind, data, size_bytes, &parsed, &error, &text) != DR_OK) {
        FUZZ(error != DR_JOB_ERROR_NONE && text != NULL);
        return;
    }
    FUZZ(kind != DR_TOPIC_JOB_UPDATE || parsed.status != DR_JOB_NO_STATUS);
    FUZZ(strlen(parsed.client_token) <= DR_CLIENT_TOKEN_LEN_MAX);
    if (parsed.status_details.len > 0) { /* goes back to devices verbatim */
        struct dr_json again;
        FUZZ(
            dr_json_check_object(parsed.status_details.text, parsed.status_details.len, &again) ==
            DR_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct dr_json root;
    if (size_bytes == 0) {
        return 0;
    }
    uint8_t who = data[0];
    data++;
    size_bytes--;
    switch (who) {
    case '0':
    case '1':
        message(data, size_bytes);
        break;
    case '2':
        if (dr_json_check(data, size_bytes, &root) == DR_OK) {
            document(root);
        }
        break;
    case '3':
        request(DR_TOPIC_JOB_UPDATE, data, size_bytes);
        break;
    case '4':
        request(DR_TOPIC_START_NEXT, data, size_bytes);
        break;
    default:
        request(DR_TOPIC_JOB_GET, data, size_bytes);
        break;
    }
    return 0;
}

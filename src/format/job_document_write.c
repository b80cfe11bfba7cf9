/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Job documents as the service makes them: valid afr_ota for AWS's agents, with our own root key
 * for ours. */
#include "format/job_service.h"

#include <string.h>

static void put_if(struct dr_json_writer *json, const char *name, const char *text)
{
    if (text != NULL) {
        dr_json_put_text(json, name, text);
    }
}

static void put_afr_ota(struct dr_json_writer *json, const struct dr_job_document_out *document)
{
    dr_json_open(json, "afr_ota", '{');
    bool http = (document->protocols & DR_JOB_PROTOCOL_HTTP) != 0;
    dr_json_open(json, "protocols", '[');
    if (http && document->http_first) {
        dr_json_put_text(json, NULL, "HTTP");
    }
    if ((document->protocols & DR_JOB_PROTOCOL_MQTT) != 0) {
        dr_json_put_text(json, NULL, "MQTT");
    }
    if (http && !document->http_first) {
        dr_json_put_text(json, NULL, "HTTP");
    }
    dr_json_close(json, ']');
    put_if(json, "streamname", document->stream);
    dr_json_open(json, "files", '[');
    dr_json_open(json, NULL, '{');
    dr_json_put_text(json, "filepath", document->file_path != NULL ? document->file_path : "/");
    dr_json_put_number(json, "filesize", document->file_size_bytes);
    dr_json_put_number(json, "fileid", document->file_id);
    dr_json_put_number(json, "fileType", document->file_type);
    put_if(json, "certfile", document->certfile);
    put_if(json, "update_data_url", document->url);
    put_if(json, "auth_scheme", document->url != NULL ? "aws.s3.presigned" : NULL);
    put_if(json, "sig-sha256-ecdsa", document->signature_base64);
    dr_json_close(json, '}');
    dr_json_close(json, ']');
    dr_json_close(json, '}');
}

static void put_daruma(struct dr_json_writer *json, const struct dr_job_document_out *document)
{
    char version[DR_VERSION_TEXT_BYTES];
    dr_version_text(&document->order.version, version);
    dr_json_open(json, "daruma", '{');
    dr_json_put_hex(json, "digest", document->digest, DR_IMAGE_DIGEST_BYTES);
    dr_json_put_text(json, "version", version);
    if (document->order.has_sequence) {
        dr_json_put_number(json, "sequence", document->order.sequence);
    }
    if (document->has_counter) {
        dr_json_put_number(json, "counter", document->counter);
    }
    put_if(json, "product", document->product);
    put_if(json, "bundle", document->bundle_base64);
    dr_json_put_number(json, "size", document->file_size_bytes);
    dr_json_close(json, '}');
}

enum dr_status dr_job_write_document(
    const struct dr_job_document_out *document, char *out, size_t capacity, size_t *ret_len)
{
    struct dr_json_writer json;
    dr_json_begin(&json, out, capacity);
    dr_json_open(&json, NULL, '{');
    put_afr_ota(&json, document);
    if (document->digest != NULL) {
        put_daruma(&json, document);
    }
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

enum dr_status dr_job_write_command_document(
    enum dr_job_action action, const char *product, const uint8_t digest[DR_IMAGE_DIGEST_BYTES],
    const char *signature_base64, char *out, size_t capacity, size_t *ret_len)
{
    struct dr_json_writer json;
    if (action != DR_JOB_ACTION_REVERT && action != DR_JOB_ACTION_FACTORY) {
        return DR_E_ARGUMENT;
    }
    dr_json_begin(&json, out, capacity);
    dr_json_open(&json, NULL, '{');
    dr_json_open(&json, "daruma", '{');
    dr_json_put_text(&json, "command", action == DR_JOB_ACTION_REVERT ? "revert" : "factory");
    dr_json_put_text(&json, "product", product);
    dr_json_put_hex(&json, "digest", digest, DR_IMAGE_DIGEST_BYTES);
    dr_json_put_text(&json, "signature", signature_base64);
    dr_json_close(&json, '}');
    dr_json_close(&json, '}');
    return dr_json_end(&json, ret_len);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Job documents as a device reads them: AWS's afr_ota, and our own root key beside it. */
#include "format/job.h"

#include "base/check.h"
#include "base/text.h"

#include <string.h>

/* What the tables fill: the document, and members that need a second look. */
struct parts {
    struct dr_job_document document;
    struct dr_json afr_ota;
    struct dr_json daruma;
    struct dr_json protocols;
    struct dr_json files;
    struct dr_json digest;
    struct dr_json version;
    struct dr_json command;
    uint32_t size_bytes;
};

#define PART(field) offsetof(struct parts, field)

static const struct dr_json_field root_fields[] = {
    {"afr_ota", PART(afr_ota), DR_JSON_FIELD_OBJECT, 0},
    {"daruma", PART(daruma), DR_JSON_FIELD_OBJECT, 0},
};

static const struct dr_json_field afr_ota_fields[] = {
    {"protocols", PART(protocols), DR_JSON_FIELD_VALUE | DR_JSON_FIELD_REQUIRED, 0},
    {"files", PART(files), DR_JSON_FIELD_VALUE | DR_JSON_FIELD_REQUIRED, 0},
    {"streamname", PART(document.stream), DR_JSON_FIELD_TEXT, DR_STREAM_ID_LEN_MAX + 1u},
};

static const struct dr_json_field file_fields[] = {
    {"filesize", PART(document.file_size_bytes), DR_JSON_FIELD_U32 | DR_JSON_FIELD_REQUIRED, 0},
    {"fileid", PART(document.file_id), DR_JSON_FIELD_U8 | DR_JSON_FIELD_REQUIRED, 0},
    {"fileType", PART(document.file_type), DR_JSON_FIELD_U8, 0},
    {"certfile", PART(document.certfile), DR_JSON_FIELD_STRING, 0},
    {"sig-sha256-ecdsa", PART(document.signature), DR_JSON_FIELD_STRING, 0},
    {"update_data_url", PART(document.url), DR_JSON_FIELD_STRING, 0},
};

static const struct dr_json_field daruma_fields[] = {
#define SEEN_SEQUENCE (1u << 0)
#define SEEN_COUNTER (1u << 1)
    {"sequence", PART(document.order.sequence), DR_JSON_FIELD_U32, 0},
    {"counter", PART(document.counter), DR_JSON_FIELD_U32, 0},
    {"digest", PART(digest), DR_JSON_FIELD_STRING, 0},
    {"version", PART(version), DR_JSON_FIELD_STRING, 0},
    {"product", PART(document.product), DR_JSON_FIELD_STRING, 0},
    {"size", PART(size_bytes), DR_JSON_FIELD_U32, 0},
    {"command", PART(command), DR_JSON_FIELD_STRING, 0},
    {"signature", PART(document.command_signature), DR_JSON_FIELD_STRING, 0},
};

static uint32_t protocols_of(struct dr_json array)
{
    uint32_t protocols = 0;
    struct dr_json_iterator each = dr_json_each(array);
    while (dr_json_next(&each)) {
        protocols |= dr_json_is(each.value, "MQTT") ? DR_JOB_PROTOCOL_MQTT : 0u;
        protocols |= dr_json_is(each.value, "HTTP") ? DR_JOB_PROTOCOL_HTTP : 0u;
    }
    return protocols;
}

static enum dr_status parse_afr_ota(struct parts *parts)
{
    struct dr_job_document *document = &parts->document;
    DR_TRY(dr_json_read_fields(
        parts->afr_ota, afr_ota_fields, DR_ARRAY_COUNT(afr_ota_fields), parts, NULL));
    /* One file is all that the protocol's own agents take; of several the rest would be lost. */
    struct dr_json_iterator files = dr_json_each(parts->files);
    if (!dr_json_next(&files)) {
        return DR_E_FORMAT;
    }
    DR_TRY(dr_json_read_fields(files.value, file_fields, DR_ARRAY_COUNT(file_fields), parts, NULL));
    document->protocols = protocols_of(parts->protocols);
    size_t stream_len = strlen(document->stream);
    bool stream_needed = (document->protocols & DR_JOB_PROTOCOL_MQTT) != 0;
    if (dr_json_next(&files) || document->file_size_bytes == 0 ||
        ((stream_needed || stream_len > 0) && !dr_stream_id_valid(document->stream, stream_len))) {
        return DR_E_FORMAT;
    }
    return DR_OK;
}

/* Strings whose text has no use for escapes: what lies between the quotes. */
static enum dr_status parse_daruma(struct parts *parts)
{
    struct dr_job_document *document = &parts->document;
    struct dr_json digest = parts->digest;
    struct dr_json version = parts->version;
    if (digest.len > 0) {
        document->has_digest = true;
        DR_TRY(dr_hex_decode(
            digest.text + 1, digest.len - 2, document->digest, sizeof(document->digest)));
    }
    if (version.len > 0) {
        document->has_order = true;
        DR_TRY(dr_version_parse(version.text + 1, version.len - 2, &document->order.version));
    }
    return DR_OK;
}

static enum dr_status parse_command(struct parts *parts)
{
    struct dr_job_document *document = &parts->document;
    document->action = dr_json_is(parts->command, "revert")    ? DR_JOB_ACTION_REVERT
                       : dr_json_is(parts->command, "factory") ? DR_JOB_ACTION_FACTORY
                                                               : DR_JOB_ACTION_NONE;
    if (document->action == DR_JOB_ACTION_NONE || parts->afr_ota.len > 0) {
        return DR_E_UNSUPPORTED;
    }
    bool complete =
        document->has_digest && document->product.len > 0 && document->command_signature.len > 0;
    return complete ? DR_OK : DR_E_FORMAT;
}

enum dr_status dr_job_parse_document(struct dr_json document, struct dr_job_document *ret_document)
{
    struct parts parts;
    uint32_t seen = 0;
    memset(&parts, 0, sizeof(parts));
    DR_TRY(dr_json_read_fields(document, root_fields, DR_ARRAY_COUNT(root_fields), &parts, NULL));
    DR_TRY(dr_json_read_fields(
        parts.daruma, daruma_fields, DR_ARRAY_COUNT(daruma_fields), &parts, &seen));
    parts.document.order.has_sequence = (seen & SEEN_SEQUENCE) != 0;
    parts.document.has_counter = (seen & SEEN_COUNTER) != 0;
    DR_TRY(parse_daruma(&parts));
    if (parts.command.len > 0) {
        DR_TRY(parse_command(&parts));
    } else if (parts.afr_ota.len == 0) {
        return DR_E_UNSUPPORTED;
    } else {
        parts.document.action = DR_JOB_ACTION_UPDATE;
        DR_TRY(parse_afr_ota(&parts));
        if (parts.size_bytes != 0 && parts.size_bytes != parts.document.file_size_bytes) {
            return DR_E_FORMAT;
        }
    }
    *ret_document = parts.document;
    return DR_OK;
}

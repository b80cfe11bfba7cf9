/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Job documents as a device reads them: AWS's afr_ota, and our own root key beside it. */
#include "format/job.h"

#include "base/text.h"
#include "format/word.h"

#include <string.h>

/* What the tables fill: the document, and members that need a second look. */
struct parts {
    struct dr_job_document document;
    struct dr_json afr_ota;
    struct dr_json protocols;
    struct dr_json files;
    struct dr_json digest;
    struct dr_json command;
    uint32_t size_bytes;
};

#define PART(field) offsetof(struct parts, field)

static const struct dr_json_fields root_fields = {
    "afr_ota\0daruma\0", 0,
    (const struct dr_json_field[]){
        {PART(afr_ota), DR_JSON_FIELD_OBJECT, 0},
        {PART(document.daruma), DR_JSON_FIELD_OBJECT, 0},
    }};

static const struct dr_json_fields daruma_fields = {
    "digest\0size\0command\0", 0,
    (const struct dr_json_field[]){
        {PART(digest), DR_JSON_FIELD_STRING, 0},
        {PART(size_bytes), DR_JSON_FIELD_U32, 0},
        {PART(command), DR_JSON_FIELD_STRING, 0},
    }};

static const struct dr_json_fields afr_ota_fields = {
    "protocols\0files\0streamname\0", 1u | 2u, /* the first two are required */
    (const struct dr_json_field[]){
        {PART(protocols), DR_JSON_FIELD_VALUE, 0},
        {PART(files), DR_JSON_FIELD_VALUE, 0},
        {PART(document.stream), DR_JSON_FIELD_TEXT, DR_STREAM_ID_LEN_MAX + 1u},
    }};

static const struct dr_json_fields file_fields = {
    "filesize\0fileid\0fileType\0", 1u | 2u,
    (const struct dr_json_field[]){
        {PART(document.file_size_bytes), DR_JSON_FIELD_U32, 0},
        {PART(document.file_id), DR_JSON_FIELD_U8, 0},
        {PART(document.file_type), DR_JSON_FIELD_U8, 0},
    }};

static enum dr_status parse_afr_ota(struct parts *parts)
{
    struct dr_job_document *document = &parts->document;
    DR_TRY(dr_json_read_fields(parts->afr_ota, &afr_ota_fields, parts));
    struct dr_json_iterator each = dr_json_each(parts->protocols);
    while (dr_json_next(&each)) {
        unsigned word = dr_word_of(&each.value, "MQTT\0HTTP\0");
        document->protocols |= 1u << word >> 1; /* others fall out at the right */
    }
    /* One file is all that the protocol's own agents take; of several the rest would be lost. */
    each = dr_json_each(parts->files);
    if (!dr_json_next(&each)) {
        return DR_E_FORMAT;
    }
    document->file = each.value;
    DR_TRY(dr_json_read_fields(document->file, &file_fields, parts));
    size_t stream_len = strlen(document->stream);
    bool stream_used = stream_len > 0 || (document->protocols & DR_JOB_PROTOCOL_MQTT) != 0;
    if (dr_json_next(&each) || document->file_size_bytes == 0 ||
        (stream_used && !dr_stream_id_valid(document->stream, stream_len)) ||
        (parts->size_bytes != 0 && parts->size_bytes != document->file_size_bytes)) {
        return DR_E_FORMAT;
    }
    return DR_OK;
}

enum dr_status dr_job_parse_document(struct dr_json document, struct dr_job_document *ret_document)
{
    struct parts parts;
    memset(&parts, 0, sizeof(parts));
    DR_TRY(dr_json_read_fields(document, &root_fields, &parts));
    DR_TRY(dr_json_read_fields(parts.document.daruma, &daruma_fields, &parts));
    if (parts.digest.len > 0) {
        struct dr_json hex = dr_json_raw(parts.digest);
        parts.document.has_digest = true;
        DR_TRY(
            dr_hex_decode(hex.text, hex.len, parts.document.digest, sizeof(parts.document.digest)));
    }
    if (parts.command.len > 0) {
        unsigned word = dr_word_of(&parts.command, "update\0revert\0factory\0");
        parts.document.action = (enum dr_job_action)word;
        if (word < DR_JOB_ACTION_REVERT || parts.afr_ota.len > 0) {
            return DR_E_UNSUPPORTED;
        }
    } else if (parts.afr_ota.len > 0) {
        parts.document.action = DR_JOB_ACTION_UPDATE;
        DR_TRY(parse_afr_ota(&parts));
    } else {
        return DR_E_UNSUPPORTED;
    }
    *ret_document = parts.document;
    return DR_OK;
}

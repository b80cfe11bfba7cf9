/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/service/ota.h"

#include "base/text.h"
#include "cloud/service/ota_priv.h"
#include "cloud/service/presign_priv.h"
#include "format/enclosed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT_SIZE 8192u

struct creation {
    const char *id;
    struct dr_ota_file file;
    struct dr_stream_new stream;
    struct dr_job_new job;
    char job_id[DR_JOB_ID_MAX + 1];
    char stream_id[DR_STREAM_ID_DEVICE_MAX + 1];
    char document[DOCUMENT_SIZE];
    char url[DR_PRESIGN_PLACEHOLDER_SIZE]; /* a placeholder; "" without HTTP */
    uint32_t protocols;                    /* DR_JOB_PROTOCOL_* */
    bool http_first;
    json_t *settings;
    char *request; /* what GetOTAUpdate answers */
    bool more;
};

static enum dr_status check_names(struct dr_call *call, struct creation *creation)
{
    size_t prefix_len = strlen(DR_OTA_JOB_PREFIX);
    size_t id_len = dr_name_ota_update(creation->id) ? strlen(creation->id) : 0;
    if (id_len == 0 || id_len > DR_JOB_ID_MAX - prefix_len) {
        return dr_call_invalid(
            call, "otaUpdateId must be 1 to 56 of [a-zA-Z0-9_-]: the job is called "
                  "AFR_OTA-<otaUpdateId>, and job ids have at most 64");
    }
    (void)snprintf(creation->job_id, sizeof creation->job_id, DR_OTA_JOB_PREFIX "%s", creation->id);
    if (prefix_len + id_len <= DR_STREAM_ID_DEVICE_MAX) {
        memcpy(creation->stream_id, creation->job_id, prefix_len + id_len + 1);
        return DR_OK;
    }
    char uuid[37];
    enum dr_status status = dr_random_uuid(uuid);
    (void)snprintf(
        creation->stream_id, sizeof creation->stream_id, DR_OTA_JOB_PREFIX "%s",
        status == DR_OK ? uuid : "");
    return dr_call_outcome(call, status);
}

struct part_query {
    const char *stream;
    uint32_t file;
    struct dr_stream_part *part;
};

static enum dr_status run_part(struct dr_call *call, struct dr_db *db, void *arguments)
{
    const struct part_query *query = arguments;
    enum dr_status status = dr_stream_part_find(db, query->stream, query->file, query->part);
    if (status == DR_E_NOT_FOUND) {
        return dr_call_fail(
            call, status, DR_CODE_NOT_FOUND, "stream %.128s has no file %u", query->stream,
            query->file);
    }
    return status;
}

static enum dr_status
locate(struct dr_call *call, const json_t *location, struct creation *creation)
{
    json_t *s3 = NULL;
    json_t *stream = NULL;
    int64_t file = 0;
    DR_TRY(dr_body_object(call, location, "s3Location", &s3));
    DR_TRY(dr_body_object(call, location, "stream", &stream));
    if ((s3 == NULL) == (stream == NULL)) {
        return dr_call_invalid(
            call, "files[0].fileLocation needs exactly one of s3Location and stream");
    }
    if (s3 != NULL) {
        return dr_stream_locate(call, s3, "files[0].fileLocation.s3Location", &creation->file.part);
    }
    DR_TRY(dr_body_text(call, stream, "streamId", NULL, &creation->file.stream));
    DR_TRY(dr_body_int(call, stream, "fileId", 0, 255, 0, &file));
    if (!dr_name_stream(creation->file.stream)) {
        return dr_call_invalid(call, "files[0].fileLocation.stream.streamId is not a stream's id");
    }
    if (strlen(creation->file.stream) > DR_STREAM_ID_DEVICE_MAX) {
        return dr_call_invalid(
            call, "the stream's id is longer than 44 characters, which devices cannot take");
    }
    struct part_query query = {creation->file.stream, (uint32_t)file, &creation->file.part};
    return dr_call_read(call, run_part, &query);
}

static enum dr_status
check_file(struct dr_call *call, const json_t *body, struct creation *creation)
{
    json_t *files = NULL;
    json_t *location = NULL;
    json_t *code_signing = NULL;
    int64_t type = 0;
    DR_TRY(dr_body_array(call, body, "files", &files));
    if (json_array_size(files) != 1) {
        return dr_call_invalid(call, "files must have one entry: devices take one file per update");
    }
    const json_t *file = json_array_get(files, 0);
    DR_TRY(dr_body_text(call, file, "fileName", NULL, &creation->file.name));
    DR_TRY(dr_body_int(call, file, "fileType", 0, 255, 0, &type));
    DR_TRY(dr_body_object(call, file, "fileLocation", &location));
    DR_TRY(dr_body_object(call, file, "codeSigning", &code_signing));
    if (creation->file.name != NULL && (strlen(creation->file.name) > DR_OTA_NAME_MAX ||
                                        !dr_name_description(creation->file.name))) {
        return dr_call_invalid(call, "files[0].fileName is longer than 256 characters");
    }
    creation->file.type = (uint32_t)type;
    DR_TRY(locate(call, location, creation));
    DR_TRY(dr_ota_examine(call, &creation->file));
    return dr_ota_sign(call, code_signing, &creation->file);
}

/* The ways the file may travel; a device takes the first that it can, if it has no wish of its own.
 * Without a list it is MQTT, as on AWS. */
static enum dr_status
check_protocols(struct dr_call *call, const json_t *body, struct creation *creation)
{
    json_t *protocols = NULL;
    DR_TRY(dr_body_array(call, body, "protocols", &protocols));
    for (size_t i = 0; i < json_array_size(protocols); i++) {
        const char *word = json_string_value(json_array_get(protocols, i));
        bool http = word != NULL && strcmp(word, "HTTP") == 0;
        if (!http && (word == NULL || strcmp(word, "MQTT") != 0)) {
            return dr_call_invalid(call, "protocols may hold MQTT and HTTP");
        }
        creation->http_first |= http && creation->protocols == 0;
        creation->protocols |= http ? DR_JOB_PROTOCOL_HTTP : DR_JOB_PROTOCOL_MQTT;
    }
    if (creation->protocols == 0) {
        creation->protocols = DR_JOB_PROTOCOL_MQTT;
    }
    if ((creation->protocols & DR_JOB_PROTOCOL_HTTP) != 0 && call->service->download_url == NULL) {
        return dr_call_invalid(
            call, "HTTP needs an address that devices can reach: set download_url in darumad.conf");
    }
    return DR_OK;
}

/* The same settings have other names in CreateOTAUpdate. */
static enum dr_status
check_settings(struct dr_call *call, const json_t *body, struct creation *creation)
{
    static const char *const names[][2] = {
        {"awsJobExecutionsRolloutConfig", "jobExecutionsRolloutConfig"},
        {"awsJobTimeoutConfig", "timeoutConfig"},
        {"awsJobPresignedUrlConfig", "presignedUrlConfig"},
    };
    json_t *translated = json_object();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *value = json_object_get(body, names[i][0]);
        if (value != NULL) {
            (void)json_object_set(translated, names[i][1], value);
        }
    }
    json_t *abort = json_object_get(body, "awsJobAbortConfig");
    if (abort != NULL) {
        json_t *criteria = json_object_get(abort, "abortCriteriaList");
        dr_json_set(translated, "abortConfig", json_pack("{s:O*}", "criteriaList", criteria));
    }
    if ((creation->protocols & DR_JOB_PROTOCOL_HTTP) != 0 &&
        json_object_get(translated, "presignedUrlConfig") == NULL) {
        dr_json_set(
            translated, "presignedUrlConfig",
            json_pack("{s:i}", "expiresInSec", DR_PRESIGN_EXPIRES_S_OTA));
    }
    enum dr_status status = dr_job_settings_check(
        call, translated, &creation->settings, &creation->job.in_progress_timeout_minutes);
    json_decref(translated);
    return status;
}

static enum dr_status
check_bundle(struct dr_call *call, const json_t *parameters, struct creation *creation)
{
    uint8_t sealed[DR_ENCLOSED_BYTES_MAX];
    const char *text = NULL;
    size_t size_bytes = 0;
    DR_TRY(dr_body_text(call, parameters, DR_OTA_BUNDLE, NULL, &text));
    if (text != NULL &&
        dr_base64_decode(text, strlen(text), sealed, sizeof sealed, &size_bytes) != DR_OK) {
        return dr_call_invalid(call, DR_OTA_BUNDLE " is base64 of at most 126 bytes");
    }
    creation->file.bundle_base64 = text;
    return DR_OK;
}

static enum dr_status
check_parameters(struct dr_call *call, const json_t *body, struct creation *creation)
{
    json_t *parameters = NULL;
    const char *unchecked = NULL;
    DR_TRY(dr_body_object(call, body, "additionalParameters", &parameters));
    DR_TRY(dr_body_text(call, parameters, DR_OTA_UNCHECKED, "false", &unchecked));
    creation->file.unchecked = strcmp(unchecked, "true") == 0;
    DR_TRY(check_bundle(call, parameters, creation));
    DR_TRY(dr_body_text(call, body, "description", NULL, &creation->job.description));
    if (creation->job.description != NULL && !dr_name_description(creation->job.description)) {
        return dr_call_invalid(call, "description is too long or has control characters");
    }
    const char *selection = NULL;
    DR_TRY(dr_body_text(call, body, "targetSelection", "SNAPSHOT", &selection));
    if (strcmp(selection, "SNAPSHOT") != 0) {
        return dr_call_invalid(
            call, "targetSelection must be SNAPSHOT: CONTINUOUS needs thing groups, which are not "
                  "supported yet");
    }
    return DR_OK;
}

/* The stream devices read from; NULL when the file travels by HTTP alone. */
static const char *stream_of(const struct creation *creation)
{
    if (creation->file.stream != NULL) {
        return creation->file.stream;
    }
    return (creation->protocols & DR_JOB_PROTOCOL_MQTT) != 0 ? creation->stream_id : NULL;
}

static enum dr_status make_document(struct dr_call *call, struct creation *creation)
{
    const struct dr_ota_file *file = &creation->file;
    struct dr_job_document_out out = {
        .stream = stream_of(creation),
        .protocols = creation->protocols,
        .http_first = creation->http_first,
        .file_path = file->name,
        .file_id = file->part.file,
        .file_type = file->type,
        .file_size_bytes = (uint32_t)file->part.size_bytes,
        .certfile = file->certificate_name,
        .signature_base64 = file->signature[0] != '\0' ? file->signature : NULL,
    };
    if ((creation->protocols & DR_JOB_PROTOCOL_HTTP) != 0) {
        if (dr_presign_placeholder(
                file->part.bucket, file->part.key, file->part.version, creation->url) != DR_OK) {
            return dr_call_invalid(call, "the object's key is too long for a URL of a device");
        }
        out.url = creation->url;
    }
    if (file->is_daruma_image) {
        out.digest = file->image.digest;
        out.order = file->image.order;
        out.has_counter = file->image.has_security_counter;
        out.counter = file->image.security_counter;
        out.product = file->image.product_len != 0 ? file->image.product : NULL;
        out.bundle_base64 = file->bundle_base64;
    }
    if (file->bundle_base64 != NULL && !file->is_daruma_image) {
        return dr_call_invalid(call, DR_OTA_BUNDLE " goes with a Daruma image only");
    }
    size_t len = 0;
    enum dr_status status =
        dr_job_write_document(&out, creation->document, sizeof creation->document - 1, &len);
    if (status != DR_OK) {
        return dr_call_fail(
            call, status, DR_CODE_INVALID, "the job document cannot be made: %s",
            dr_status_text(status));
    }
    creation->document[len] = '\0';
    return DR_OK;
}

/* What was asked, with the stream that devices will read from. */
static enum dr_status keep_request(const json_t *body, struct creation *creation)
{
    static const char *const kept[] = {
        "description",
        "targets",
        "protocols",
        "targetSelection",
        "awsJobExecutionsRolloutConfig",
        "awsJobPresignedUrlConfig",
        "additionalParameters"};
    json_t *request = json_object();
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        json_t *value = json_object_get(body, kept[i]);
        if (value != NULL) {
            (void)json_object_set(request, kept[i], value);
        }
    }
    json_t *file = json_deep_copy(json_array_get(json_object_get(body, "files"), 0));
    json_t *location = json_object_get(file, "fileLocation");
    const char *stream = stream_of(creation);
    if (stream != NULL) {
        dr_json_set(
            location, "stream",
            json_pack("{s:s, s:i}", "streamId", stream, "fileId", (int)creation->file.part.file));
    }
    dr_json_set(request, "otaUpdateFiles", json_pack("[o]", file));
    creation->request = dr_json_text(request);
    json_decref(request);
    return creation->request != NULL ? DR_OK : DR_E_SPACE;
}

static enum dr_status run_create(struct dr_act *act, struct dr_db *db)
{
    struct creation *creation = act->arguments;
    const char *stream = stream_of(creation);
    enum dr_status status = dr_db_run(
        db,
        "INSERT INTO ota_update(id, status, job, stream, request, created_ms, modified_ms)"
        " VALUES(?1, 'CREATE_COMPLETE', ?2, ?3, ?4, ?5, ?5)",
        DR_VALUES(
            dr_value_text(creation->id), dr_value_text(creation->job_id),
            dr_value_text(stream != NULL ? stream : ""), dr_value_text(creation->request),
            dr_value_int(act->call->now_ms)));
    if (status == DR_E_EXISTS) {
        dr_call_arn(act->call, "otaupdate", creation->id, act->call->resource);
        return dr_call_fail(
            act->call, DR_E_EXISTS, DR_CODE_EXISTS, "OTA update %s already exists", creation->id);
    }
    DR_TRY(status);
    if (stream == creation->stream_id) {
        DR_TRY(dr_stream_insert(act, db, &creation->stream));
    }
    return dr_job_insert(act, db, &creation->job, &creation->more);
}

static enum dr_status check(struct dr_call *call, const json_t *body, struct creation *creation)
{
    json_t *targets = NULL;
    DR_TRY(check_names(call, creation));
    DR_TRY(dr_body_array(call, body, "targets", &targets));
    DR_TRY(dr_job_targets_check(call, targets, &creation->job.things));
    DR_TRY(check_protocols(call, body, creation));
    DR_TRY(check_parameters(call, body, creation));
    DR_TRY(check_settings(call, body, creation));
    DR_TRY(check_file(call, body, creation));
    DR_TRY(make_document(call, creation));
    return dr_call_outcome(call, keep_request(body, creation));
}

static json_t *created_body(const struct dr_call *call, const struct creation *creation)
{
    char arn[DR_ARN_SIZE];
    char job_arn[DR_ARN_SIZE];
    dr_call_arn(call, "otaupdate", creation->id, arn);
    dr_call_arn(call, "job", creation->job_id, job_arn);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s}", "otaUpdateId", creation->id, "awsIotJobId", creation->job_id,
        "otaUpdateArn", arn, "awsIotJobArn", job_arn, "otaUpdateStatus", "CREATE_COMPLETE");
}

enum dr_status dr_service_create_ota_update(
    struct dr_call *call, const char *id, const json_t *body, json_t **ret_body)
{
    struct creation *creation = calloc(1, sizeof *creation);
    if (creation == NULL) {
        return dr_call_outcome(call, DR_E_INTERNAL);
    }
    creation->id = id;
    enum dr_status status = check(call, body, creation);
    if (status == DR_OK) {
        creation->stream = (struct dr_stream_new){
            .id = creation->stream_id,
            .ota_update = id,
            .parts = &creation->file.part,
            .part_count = 1};
        creation->job.id = creation->job_id;
        creation->job.document = creation->document;
        creation->job.settings = creation->settings;
        creation->job.ota_update = id;
        struct dr_act act = {
            .call = call,
            .action = "CreateOTAUpdate",
            .resource = id,
            .run = run_create,
            .arguments = creation};
        status = dr_act_write(&act);
    }
    if (status == DR_OK) {
        *ret_body = created_body(call, creation);
        if (creation->more) {
            dr_rollout_continue(call->service, call->now_ms);
        }
    }
    json_decref(creation->job.things);
    json_decref(creation->settings);
    free(creation->request);
    free(creation);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/service/streams.h"

#include "cloud/registry/page.h"
#include "cloud/service/streams_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum dr_status dr_stream_locate(
    struct dr_call *call, const json_t *location, const char *where,
    struct dr_stream_part *ret_part)
{
    const char *bucket = NULL;
    const char *key = NULL;
    const char *version = NULL;
    struct dr_object object;
    DR_TRY(dr_body_text(call, location, "bucket", NULL, &bucket));
    DR_TRY(dr_body_text(call, location, "key", NULL, &key));
    DR_TRY(dr_body_text(call, location, "version", NULL, &version));
    if (bucket == NULL || key == NULL) {
        return dr_call_fail(call, DR_E_ARGUMENT, DR_CODE_INVALID, "%s needs bucket and key", where);
    }
    enum dr_status status = dr_service_head_object(call, bucket, key, version, &object);
    if (status == DR_E_NOT_FOUND || (status == DR_OK && object.is_delete_marker)) {
        return dr_call_fail(
            call, DR_E_NOT_FOUND, DR_CODE_INVALID, "%s: bucket %.63s has no object %.200s%s%.32s",
            where, bucket, key, version != NULL ? " in version " : "",
            version != NULL ? version : "");
    }
    DR_TRY(status);
    if (object.size_bytes == 0 || object.size_bytes > call->service->image_size_max_bytes) {
        return dr_call_fail(
            call, DR_E_RANGE, DR_CODE_INVALID,
            "%s: the object has %llu bytes; 1 to %llu can be sent", where,
            (unsigned long long)object.size_bytes,
            (unsigned long long)call->service->image_size_max_bytes);
    }
    memset(ret_part, 0, sizeof *ret_part);
    (void)snprintf(ret_part->bucket, sizeof ret_part->bucket, "%s", object.bucket);
    (void)snprintf(ret_part->key, sizeof ret_part->key, "%s", object.key);
    (void)snprintf(ret_part->version, sizeof ret_part->version, "%s", object.version);
    memcpy(ret_part->digest, object.sha256, sizeof ret_part->digest);
    ret_part->size_bytes = object.size_bytes;
    return DR_OK;
}

enum dr_status
dr_stream_insert(struct dr_act *act, struct dr_db *db, const struct dr_stream_new *stream)
{
    enum dr_status status = dr_db_run(
        db,
        "INSERT INTO stream(id, version, description, role_arn, ota_update, created_ms, updated_ms)"
        " VALUES(?1, 1, ?2, ?3, ?4, ?5, ?5)",
        DR_VALUES(
            dr_value_text(stream->id), dr_value_text(stream->description),
            dr_value_text(stream->role_arn), dr_value_text(stream->ota_update),
            dr_value_int(act->call->now_ms)));
    if (status == DR_E_EXISTS) {
        dr_call_arn(act->call, "stream", stream->id, act->call->resource);
        return dr_call_fail(
            act->call, DR_E_EXISTS, DR_CODE_EXISTS, "Stream %s already exists", stream->id);
    }
    for (size_t i = 0; i < stream->part_count && status == DR_OK; i++) {
        const struct dr_stream_part *part = &stream->parts[i];
        status = dr_db_run(
            db,
            "INSERT INTO stream_file(stream, file, bucket, key, object_version, digest, size)"
            " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            DR_VALUES(
                dr_value_text(stream->id), dr_value_int(part->file), dr_value_text(part->bucket),
                dr_value_text(part->key), dr_value_text(part->version),
                dr_value_blob(part->digest, sizeof part->digest),
                dr_value_int((int64_t)part->size_bytes)));
    }
    return status;
}

enum dr_status dr_stream_drop(struct dr_db *db, const char *id)
{
    DR_TRY(
        dr_db_run(db, "DELETE FROM stream_file WHERE stream = ?1", DR_VALUES(dr_value_text(id))));
    return dr_db_run(db, "DELETE FROM stream WHERE id = ?1", DR_VALUES(dr_value_text(id)));
}

static void read_part(const struct dr_rows *rows, struct dr_stream_part *part)
{
    size_t digest_size = 0;
    memset(part, 0, sizeof *part);
    part->file = (uint32_t)dr_rows_int(rows, 0);
    (void)snprintf(part->bucket, sizeof part->bucket, "%s", dr_rows_text(rows, 1));
    (void)snprintf(part->key, sizeof part->key, "%s", dr_rows_text(rows, 2));
    (void)snprintf(part->version, sizeof part->version, "%s", dr_rows_text(rows, 3));
    const void *digest = dr_rows_blob(rows, 4, &digest_size);
    if (digest_size == sizeof part->digest) {
        memcpy(part->digest, digest, sizeof part->digest);
    }
    part->size_bytes = (uint64_t)dr_rows_int(rows, 5);
}

#define PART_COLUMNS "file, bucket, key, object_version, digest, size"

enum dr_status dr_stream_part_find(
    struct dr_db *db, const char *stream, uint32_t file, struct dr_stream_part *ret_part)
{
    struct dr_rows rows;
    dr_db_select(
        db, &rows, "SELECT " PART_COLUMNS " FROM stream_file WHERE stream = ?1 AND file = ?2",
        DR_VALUES(dr_value_text(stream), dr_value_int(file)));
    bool found = dr_rows_next(&rows);
    if (found) {
        read_part(&rows, ret_part);
    }
    enum dr_status status = dr_rows_end(&rows);
    return status == DR_OK && !found ? DR_E_NOT_FOUND : status;
}

static enum dr_status run_create(struct dr_act *act, struct dr_db *db)
{
    return dr_stream_insert(act, db, act->arguments);
}

static enum dr_status
check_files(struct dr_call *call, const json_t *files, struct dr_stream_part *parts)
{
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *item = json_array_get(files, i);
        json_t *location = NULL;
        int64_t file = 0;
        char where[64];
        (void)snprintf(where, sizeof where, "files[%zu].s3Location", i);
        DR_TRY(dr_body_object(call, item, "s3Location", &location));
        DR_TRY(dr_body_int(call, item, "fileId", 0, 255, (int64_t)i, &file));
        DR_TRY(dr_stream_locate(call, location, where, &parts[i]));
        parts[i].file = (uint32_t)file;
        for (size_t j = 0; j < i; j++) {
            if (parts[j].file == parts[i].file) {
                return dr_call_invalid(call, "two files of a stream have the same fileId");
            }
        }
    }
    return DR_OK;
}

enum dr_status dr_service_create_stream(
    struct dr_call *call, const char *id, const json_t *body, json_t **ret_body)
{
    struct dr_stream_new stream = {.id = id};
    json_t *files = NULL;
    if (!dr_name_stream(id)) {
        return dr_call_invalid(call, "streamId must be 1 to 128 of [a-zA-Z0-9_-]");
    }
    DR_TRY(dr_body_text(call, body, "description", NULL, &stream.description));
    DR_TRY(dr_body_text(call, body, "roleArn", NULL, &stream.role_arn));
    DR_TRY(dr_body_array(call, body, "files", &files));
    stream.part_count = json_array_size(files);
    if (stream.part_count == 0 || stream.part_count > DR_STREAM_FILES_MAX) {
        return dr_call_invalid(call, "files must have 1 to 50 entries");
    }
    struct dr_stream_part *parts = calloc(stream.part_count, sizeof *parts);
    if (parts == NULL) {
        return dr_call_outcome(call, DR_E_INTERNAL);
    }
    enum dr_status status = check_files(call, files, parts);
    if (status == DR_OK) {
        stream.parts = parts;
        struct dr_act act = {
            .call = call,
            .action = "CreateStream",
            .resource = id,
            .run = run_create,
            .arguments = &stream};
        status = dr_act_write(&act);
    }
    free(parts);
    DR_TRY(status);
    char arn[DR_ARN_SIZE];
    dr_call_arn(call, "stream", id, arn);
    *ret_body = json_pack("{s:s, s:s, s:i}", "streamId", id, "streamArn", arn, "streamVersion", 1);
    dr_json_set_text(*ret_body, "description", stream.description);
    return DR_OK;
}

struct describe {
    const char *id;
    json_t *body;
};

static enum dr_status add_files(struct dr_db *db, const char *id, json_t *info)
{
    struct dr_rows rows;
    json_t *files = json_array();
    dr_db_select(
        db, &rows, "SELECT " PART_COLUMNS " FROM stream_file WHERE stream = ?1 ORDER BY file",
        DR_VALUES(dr_value_text(id)));
    while (dr_rows_next(&rows)) { /* bound: DR_STREAM_FILES_MAX */
        struct dr_stream_part part;
        read_part(&rows, &part);
        (void)json_array_append_new(
            files, json_pack(
                       "{s:i, s:{s:s, s:s, s:s}}", "fileId", (int)part.file, "s3Location", "bucket",
                       part.bucket, "key", part.key, "version", part.version));
    }
    dr_json_set(info, "files", files);
    return dr_rows_end(&rows);
}

static enum dr_status run_describe(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct describe *describe = arguments;
    struct dr_rows rows;
    json_t *info = NULL;
    dr_db_select(
        db, &rows,
        "SELECT version, description, role_arn, created_ms, updated_ms FROM stream WHERE id = ?1",
        DR_VALUES(dr_value_text(describe->id)));
    if (dr_rows_next(&rows)) {
        char arn[DR_ARN_SIZE];
        info = json_object();
        dr_call_arn(call, "stream", describe->id, arn);
        dr_json_set_text(info, "streamId", describe->id);
        dr_json_set_text(info, "streamArn", arn);
        dr_json_set(info, "streamVersion", json_integer(dr_rows_int(&rows, 0)));
        dr_json_set_text(info, "description", dr_rows_text(&rows, 1));
        dr_json_set_text(info, "roleArn", dr_rows_text(&rows, 2));
        dr_json_set_time(info, "createdAt", dr_rows_int(&rows, 3));
        dr_json_set_time(info, "lastUpdatedAt", dr_rows_int(&rows, 4));
    }
    enum dr_status status = dr_rows_end(&rows);
    if (status == DR_OK && info == NULL) {
        return dr_call_not_found(call, "Stream", describe->id);
    }
    if (status == DR_OK) {
        status = add_files(db, describe->id, info);
    }
    if (status != DR_OK) {
        json_decref(info);
        return status;
    }
    describe->body = json_object();
    dr_json_set(describe->body, "streamInfo", info);
    return DR_OK;
}

enum dr_status dr_service_describe_stream(struct dr_call *call, const char *id, json_t **ret_body)
{
    struct describe describe = {.id = id};
    DR_TRY(dr_call_read(call, run_describe, &describe));
    *ret_body = describe.body;
    return DR_OK;
}

static json_t *
summary_item(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    char arn[DR_ARN_SIZE];
    json_t *item = json_object();
    (void)context;
    dr_call_arn(call, "stream", dr_rows_text(row, 0), arn);
    dr_json_set_text(item, "streamId", dr_rows_text(row, 0));
    dr_json_set_text(item, "streamArn", arn);
    dr_json_set(item, "streamVersion", json_integer(dr_rows_int(row, 1)));
    dr_json_set_text(item, "description", dr_rows_text(row, 2));
    return item;
}

enum dr_status
dr_service_list_streams(struct dr_call *call, const struct dr_page *page, json_t **ret_body)
{
    const struct dr_list list = {
        DR_LIST_BOTH_WAYS("SELECT id, version, description FROM stream WHERE", "id"),
        .item = summary_item,
        .items_name = "streams",
        .token_name = "nextToken",
    };
    return dr_list_read(call, &list, page, ret_body);
}

static enum dr_status run_delete(struct dr_act *act, struct dr_db *db)
{
    int64_t one = 0;
    int64_t users = 0;
    enum dr_status status = dr_db_int(
        db, "SELECT 1 FROM stream WHERE id = ?1", DR_VALUES(dr_value_text(act->resource)), &one);
    if (status == DR_E_NOT_FOUND) {
        return dr_call_not_found(act->call, "Stream", act->resource);
    }
    DR_TRY(status);
    DR_TRY(dr_db_int(
        db, "SELECT count(*) FROM ota_update WHERE stream = ?1",
        DR_VALUES(dr_value_text(act->resource)), &users));
    if (users != 0) {
        return dr_call_fail(
            act->call, DR_E_STATE, DR_CODE_DELETE, "Stream %s is used by an OTA update",
            act->resource);
    }
    return dr_stream_drop(db, act->resource);
}

enum dr_status dr_service_delete_stream(struct dr_call *call, const char *id)
{
    struct dr_act act = {.call = call, .action = "DeleteStream", .resource = id, .run = run_delete};
    DR_TRY(dr_act_write(&act));
    dr_stream_cache_forget(call->service->streams);
    return DR_OK;
}

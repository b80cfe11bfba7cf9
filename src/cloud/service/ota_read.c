/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* OTA updates: get, list, delete. */
#include "cloud/registry/page.h"
#include "cloud/service/ota.h"
#include "cloud/service/ota_priv.h"

#include <stdio.h>
#include <string.h>

struct get {
    const char *id;
    json_t *body;
};

static json_t *info_json(const struct dr_call *call, const char *id, const struct dr_rows *rows)
{
    char arn[DR_ARN_SIZE];
    json_t *info = json_loads(dr_rows_text(rows, 2), 0, NULL);
    if (info == NULL) {
        info = json_object();
    }
    dr_json_set_text(info, "otaUpdateId", id);
    dr_call_arn(call, "otaupdate", id, arn);
    dr_json_set_text(info, "otaUpdateArn", arn);
    dr_json_set_text(info, "otaUpdateStatus", dr_rows_text(rows, 0));
    dr_json_set_text(info, "awsIotJobId", dr_rows_text(rows, 1));
    dr_call_arn(call, "job", dr_rows_text(rows, 1), arn);
    dr_json_set_text(info, "awsIotJobArn", arn);
    dr_json_set_time(info, "creationDate", dr_rows_int(rows, 3));
    dr_json_set_time(info, "lastModifiedDate", dr_rows_int(rows, 4));
    return info;
}

static enum dr_status run_get(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct get *get = arguments;
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT status, job, request, created_ms, modified_ms FROM ota_update WHERE id = ?1",
        DR_VALUES(dr_value_text(get->id)));
    if (dr_rows_next(&rows)) {
        get->body = json_object();
        dr_json_set(get->body, "otaUpdateInfo", info_json(call, get->id, &rows));
    }
    enum dr_status status = dr_rows_end(&rows);
    if (status == DR_OK && get->body == NULL) {
        return dr_call_not_found(call, "OTA update", get->id);
    }
    return status;
}

enum dr_status dr_service_get_ota_update(struct dr_call *call, const char *id, json_t **ret_body)
{
    struct get get = {.id = id};
    DR_TRY(dr_call_read(call, run_get, &get));
    *ret_body = get.body;
    return DR_OK;
}

static json_t *
summary_item(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    char arn[DR_ARN_SIZE];
    json_t *item = json_object();
    (void)context;
    dr_call_arn(call, "otaupdate", dr_rows_text(row, 1), arn);
    dr_json_set_text(item, "otaUpdateId", dr_rows_text(row, 1));
    dr_json_set_text(item, "otaUpdateArn", arn);
    dr_json_set_time(item, "creationDate", dr_rows_int(row, 2));
    return item;
}

enum dr_status dr_service_list_ota_updates(
    struct dr_call *call, const char *status_word, const struct dr_page *page, json_t **ret_body)
{
    const struct dr_list list = {
        .sql = "SELECT sequence, id, created_ms FROM ota_update WHERE sequence < ?1"
               " AND (?3 IS NULL OR status = ?3) ORDER BY sequence DESC LIMIT ?2",
        .key = DR_LIST_NEWEST,
        .values = DR_VALUES(dr_value_text(status_word)),
        .item = summary_item,
        .items_name = "otaUpdates",
        .token_name = "nextToken"};
    return dr_list_read(call, &list, page, ret_body);
}

struct removal {
    const char *id;
    bool delete_stream;
    char job[DR_JOB_ID_MAX + 1];
    bool has_job;
};

static enum dr_status run_find(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct removal *removal = arguments;
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT ota_update.job, job.id IS NOT NULL FROM ota_update LEFT JOIN job"
        " ON job.id = ota_update.job WHERE ota_update.id = ?1",
        DR_VALUES(dr_value_text(removal->id)));
    bool found = dr_rows_next(&rows);
    if (found) {
        (void)snprintf(removal->job, sizeof removal->job, "%s", dr_rows_text(&rows, 0));
        removal->has_job = dr_rows_int(&rows, 1) != 0;
    }
    enum dr_status status = dr_rows_end(&rows);
    return status == DR_OK && !found ? dr_call_not_found(call, "OTA update", removal->id) : status;
}

static enum dr_status run_delete(struct dr_act *act, struct dr_db *db)
{
    const struct removal *removal = act->arguments;
    if (removal->delete_stream) { /* only one that the update made itself */
        char stream[DR_STREAM_ID_MAX + 1] = "";
        struct dr_rows rows;
        dr_db_select(
            db, &rows, "SELECT id FROM stream WHERE ota_update = ?1",
            DR_VALUES(dr_value_text(removal->id)));
        if (dr_rows_next(&rows)) {
            (void)snprintf(stream, sizeof stream, "%s", dr_rows_text(&rows, 0));
        }
        DR_TRY(dr_rows_end(&rows));
        DR_TRY(stream[0] != '\0' ? dr_stream_drop(db, stream) : DR_OK);
    }
    return dr_db_run(
        db, "DELETE FROM ota_update WHERE id = ?1", DR_VALUES(dr_value_text(removal->id)));
}

enum dr_status dr_service_delete_ota_update(
    struct dr_call *call, const char *id, bool delete_stream, bool force_delete_job)
{
    struct removal removal = {.id = id, .delete_stream = delete_stream};
    DR_TRY(dr_call_read(call, run_find, &removal));
    if (removal.has_job) {
        enum dr_status status = dr_job_remove(call, removal.job, force_delete_job);
        if (status == DR_E_STATE) {
            return dr_call_fail(
                call, status, DR_CODE_INVALID,
                "job %s is in progress: cancel it first, or pass forceDeleteAWSJob", removal.job);
        }
        DR_TRY(status);
    }
    struct dr_act act = {
        .call = call,
        .action = "DeleteOTAUpdate",
        .resource = id,
        .run = run_delete,
        .arguments = &removal};
    DR_TRY(dr_act_write(&act));
    dr_stream_cache_forget(call->service->streams);
    return DR_OK;
}

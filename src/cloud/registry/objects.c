/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/text.h"
#include "cloud/blob/blob.h"
#include "cloud/registry/frame.h"
#include "cloud/registry/images.h"

#include <stdio.h>
#include <string.h>

#define OBJECTS_LISTED_MAX 1000u

#define OBJECT_COLUMNS "key, version, digest, size, etag, content_type, modified_ms, sequence"

static void read_object(const struct dr_rows *rows, const char *bucket, struct dr_object *object)
{
    size_t digest_size = 0;
    memset(object, 0, sizeof *object);
    (void)snprintf(object->bucket, sizeof object->bucket, "%s", bucket);
    (void)snprintf(object->key, sizeof object->key, "%s", dr_rows_text(rows, 0));
    (void)snprintf(object->version, sizeof object->version, "%s", dr_rows_text(rows, 1));
    const void *digest = dr_rows_blob(rows, 2, &digest_size);
    if (digest_size == sizeof object->sha256) {
        memcpy(object->sha256, digest, sizeof object->sha256);
    } else {
        object->is_delete_marker = true;
    }
    object->size_bytes = (uint64_t)dr_rows_int(rows, 3);
    (void)snprintf(object->etag, sizeof object->etag, "%s", dr_rows_text(rows, 4));
    (void)snprintf(object->content_type, sizeof object->content_type, "%s", dr_rows_text(rows, 5));
    object->modified_ms = dr_rows_int(rows, 6);
}

static enum dr_status find_latest(
    struct dr_db *db, const char *bucket, const char *key, struct dr_object *object,
    bool *ret_found)
{
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT " OBJECT_COLUMNS " FROM object WHERE bucket = ?1 AND key = ?2"
        " ORDER BY sequence DESC LIMIT 1",
        DR_VALUES(dr_value_text(bucket), dr_value_text(key)));
    *ret_found = dr_rows_next(&rows);
    if (*ret_found) {
        read_object(&rows, bucket, object);
        object->is_latest = true;
    }
    return dr_rows_end(&rows);
}

/* version NULL or "": the latest. Codes as in S3. */
static enum dr_status find_object(
    struct dr_call *call, struct dr_db *db, const char *bucket, const char *key,
    const char *version, struct dr_object *ret_object)
{
    struct dr_object latest;
    bool found = false;
    DR_TRY(dr_bucket_require(call, db, bucket));
    DR_TRY(find_latest(db, bucket, key, &latest, &found));
    bool any = version == NULL || version[0] == '\0';
    if (!found || (any && latest.is_delete_marker)) {
        return dr_call_fail(
            call, DR_E_NOT_FOUND, DR_CODE_NO_KEY, "there is no object %.200s in bucket %.63s", key,
            bucket);
    }
    if (any || strcmp(latest.version, version) == 0) {
        *ret_object = latest;
        return DR_OK;
    }
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT " OBJECT_COLUMNS " FROM object WHERE bucket = ?1 AND key = ?2 AND version = ?3",
        DR_VALUES(dr_value_text(bucket), dr_value_text(key), dr_value_text(version)));
    found = dr_rows_next(&rows);
    if (found) {
        read_object(&rows, bucket, ret_object);
    }
    DR_TRY(dr_rows_end(&rows));
    if (!found) {
        return dr_call_fail(
            call, DR_E_NOT_FOUND, DR_CODE_NO_VERSION, "object %.200s has no version %.32s", key,
            version);
    }
    return DR_OK;
}

static enum dr_status insert_object(struct dr_act *act, struct dr_db *db, struct dr_object *object)
{
    struct dr_value digest = object->is_delete_marker
                                 ? dr_value_null()
                                 : dr_value_blob(object->sha256, sizeof object->sha256);
    DR_TRY(dr_random_hex(16, object->version));
    object->modified_ms = act->call->now_ms;
    object->is_latest = true;
    return dr_db_run(
        db,
        "INSERT INTO object(bucket, key, version, digest, size, etag, content_type, modified_ms)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        DR_VALUES(
            dr_value_text(object->bucket), dr_value_text(object->key),
            dr_value_text(object->version), digest, dr_value_int((int64_t)object->size_bytes),
            dr_value_text(object->etag), dr_value_text(object->content_type),
            dr_value_int(object->modified_ms)));
}

static enum dr_status run_put(struct dr_act *act, struct dr_db *db)
{
    struct dr_object *object = act->arguments;
    DR_TRY(dr_bucket_require(act->call, db, object->bucket));
    if (!dr_blob_exists(act->call->service->blobs, object->sha256)) {
        return dr_call_fail(/* equal content was there, and was just swept as unused */
                            act->call, DR_E_AGAIN, DR_CODE_UNAVAILABLE,
                            "the content is gone: send it again");
    }
    return insert_object(act, db, object);
}

static enum dr_status check_name(struct dr_call *call, const char *bucket, const char *key)
{
    if (!dr_name_bucket(bucket)) {
        return dr_call_fail(call, DR_E_ARGUMENT, "InvalidBucketName", "not a bucket name");
    }
    if (!dr_name_object_key(key)) {
        return dr_call_fail(
            call, DR_E_ARGUMENT, "KeyTooLongError",
            "a key has 1 to 1024 bytes of UTF-8 without control characters");
    }
    return DR_OK;
}

static enum dr_status adopt(struct dr_call *call, const struct dr_object_upload *upload)
{
    enum dr_status status = dr_blob_adopt(call->service->blobs, upload->path, upload->sha256);
    if (status == DR_OK) {
        return DR_OK;
    }
    if (status == DR_E_SPACE) {
        return dr_call_fail(
            call, status, "EntityTooLarge", "the object is too large, or the disk is full");
    }
    return dr_call_fail(
        call, status, DR_CODE_INTERNAL, "the object could not be kept: %s", dr_status_text(status));
}

enum dr_status dr_service_put_object(
    struct dr_call *call, const struct dr_object_upload *upload, struct dr_object *ret_object)
{
    struct dr_bucket bucket;
    DR_TRY(check_name(call, upload->bucket, upload->key));
    DR_TRY(dr_service_head_bucket(call, upload->bucket, &bucket));
    DR_TRY(adopt(call, upload));

    struct dr_object object = {.size_bytes = upload->size_bytes};
    char digest[DR_HEX_SIZE(32)];
    dr_hex_encode(upload->sha256, sizeof upload->sha256, digest);
    bool has_etag = upload->etag != NULL && upload->etag[0] != '\0';
    const char *type =
        upload->content_type != NULL ? upload->content_type : "application/octet-stream";
    (void)snprintf(object.bucket, sizeof object.bucket, "%s", upload->bucket);
    (void)snprintf(object.key, sizeof object.key, "%s", upload->key);
    (void)snprintf(
        object.etag, sizeof object.etag, "%.*s", has_etag ? 64 : 32,
        has_etag ? upload->etag : digest);
    (void)snprintf(object.content_type, sizeof object.content_type, "%s", type);
    memcpy(object.sha256, upload->sha256, sizeof object.sha256);
    struct dr_act act = {
        .call = call,
        .action = "PutObject",
        .resource = object.key,
        .run = run_put,
        .arguments = &object};
    DR_TRY(dr_act_write(&act));
    *ret_object = object;
    return DR_OK;
}

struct copying {
    const struct dr_object_copy *copy;
    struct dr_object from;
    struct dr_object object;
};

/* Within one transaction, so that the content cannot be swept as unused in between. */
static enum dr_status run_copy(struct dr_act *act, struct dr_db *db)
{
    struct copying *copying = act->arguments;
    const struct dr_object_copy *copy = copying->copy;
    struct dr_object *object = &copying->object;
    DR_TRY(dr_bucket_require(act->call, db, copy->bucket));
    DR_TRY(find_object(
        act->call, db, copy->from_bucket, copy->from_key, copy->from_version, &copying->from));
    if (copying->from.is_delete_marker) {
        return dr_call_fail(
            act->call, DR_E_ARGUMENT, DR_CODE_INVALID, "the source is a delete marker");
    }
    *object = copying->from;
    (void)snprintf(object->bucket, sizeof object->bucket, "%s", copy->bucket);
    (void)snprintf(object->key, sizeof object->key, "%s", copy->key);
    if (copy->content_type != NULL) {
        (void)snprintf(object->content_type, sizeof object->content_type, "%s", copy->content_type);
    }
    return insert_object(act, db, object);
}

enum dr_status dr_service_copy_object(
    struct dr_call *call, const struct dr_object_copy *copy, struct dr_object *ret_from,
    struct dr_object *ret_object)
{
    struct copying copying = {.copy = copy};
    DR_TRY(check_name(call, copy->bucket, copy->key));
    struct dr_act act = {
        .call = call,
        .action = "CopyObject",
        .resource = copy->key,
        .run = run_copy,
        .arguments = &copying};
    DR_TRY(dr_act_write(&act));
    *ret_from = copying.from;
    *ret_object = copying.object;
    return DR_OK;
}

const char *dr_service_upload_directory(const struct dr_service *service)
{
    return dr_blobs_temporary_directory(service->blobs);
}

struct find {
    const char *bucket;
    const char *key;
    const char *version;
    struct dr_object *object;
};

static enum dr_status run_find(struct dr_call *call, struct dr_db *db, void *arguments)
{
    const struct find *find = arguments;
    return find_object(call, db, find->bucket, find->key, find->version, find->object);
}

enum dr_status dr_service_head_object(
    struct dr_call *call, const char *bucket, const char *key, const char *version,
    struct dr_object *ret_object)
{
    struct find find = {bucket, key, version, ret_object};
    return dr_call_read(call, run_find, &find);
}

enum dr_status dr_service_open_object(
    struct dr_call *call, const char *bucket, const char *key, const char *version,
    struct dr_object *ret_object, int *ret_fd)
{
    struct dr_blob *blob = NULL;
    DR_TRY(dr_service_head_object(call, bucket, key, version, ret_object));
    if (ret_object->is_delete_marker) {
        return dr_call_fail(call, DR_E_NOT_FOUND, DR_CODE_NO_KEY, "the object was deleted");
    }
    enum dr_status status = dr_blob_open(call->service->blobs, ret_object->sha256, &blob);
    if (status == DR_OK) {
        *ret_fd = dr_blob_dup_fd(blob);
        status = *ret_fd >= 0 ? DR_OK : DR_E_IO;
        dr_blob_close(blob);
    }
    if (status != DR_OK) {
        return dr_call_fail(
            call, status, DR_CODE_INTERNAL, "the object's content cannot be read: %s",
            dr_status_text(status));
    }
    return DR_OK;
}

struct removal {
    struct dr_object object; /* names what goes; becomes what is answered */
    bool has_version;
};

static enum dr_status run_delete(struct dr_act *act, struct dr_db *db)
{
    struct removal *removal = act->arguments;
    DR_TRY(dr_bucket_require(act->call, db, removal->object.bucket));
    if (removal->has_version) {
        DR_TRY(dr_db_run(
            db, "DELETE FROM object WHERE bucket = ?1 AND key = ?2 AND version = ?3",
            DR_VALUES(
                dr_value_text(removal->object.bucket), dr_value_text(removal->object.key),
                dr_value_text(removal->object.version))));
        act->is_change = dr_db_changes(db) != 0;
        return DR_OK;
    }
    removal->object.is_delete_marker = true;
    return insert_object(act, db, &removal->object);
}

enum dr_status dr_service_delete_object(
    struct dr_call *call, const char *bucket, const char *key, const char *version,
    struct dr_object *ret_object)
{
    struct removal removal = {.has_version = version != NULL && version[0] != '\0'};
    if (!dr_name_object_key(key) || !dr_name_bucket(bucket)) {
        return dr_call_fail(call, DR_E_ARGUMENT, DR_CODE_NO_KEY, "not the name of an object");
    }
    (void)snprintf(removal.object.bucket, sizeof removal.object.bucket, "%s", bucket);
    (void)snprintf(removal.object.key, sizeof removal.object.key, "%s", key);
    (void)snprintf(
        removal.object.version, sizeof removal.object.version, "%s",
        removal.has_version ? version : "");
    struct dr_act act = {
        .call = call,
        .action = "DeleteObject",
        .resource = removal.object.key,
        .run = run_delete,
        .arguments = &removal};
    DR_TRY(dr_act_write(&act));
    *ret_object = removal.object;
    return DR_OK;
}

struct listing {
    const struct dr_object_query *query;
    const char *prefix;
    uint32_t limit;
    uint32_t count;
    bool (*visit)(void *context, const struct dr_object *object);
    void *context;
    bool truncated;
    char common[DR_OBJECT_KEY_MAX + 1]; /* the common prefix told last */
};

/* Length of the common prefix that a key belongs to; 0: it stands for itself. */
static size_t common_len(const struct listing *listing, const char *key)
{
    const char *delimiter = listing->query->delimiter;
    size_t prefix_len = strlen(listing->prefix);
    if (delimiter == NULL || delimiter[0] == '\0' ||
        strncmp(key, listing->prefix, prefix_len) != 0) {
        return 0;
    }
    const char *at = strstr(key + prefix_len, delimiter);
    return at == NULL ? 0 : (size_t)(at - key) + strlen(delimiter);
}

/* One row: visited, skipped, or the end of the page. Keys come in order, so those with the same
 * common prefix are neighbours. */
static bool list_row(struct listing *listing, struct dr_object *object, bool is_new_key)
{
    const struct dr_object_query *query = listing->query;
    size_t len = common_len(listing, object->key);
    bool told =
        len != 0 && strncmp(listing->common, object->key, len) == 0 && listing->common[len] == '\0';
    if (told || (!query->all_versions && (object->is_delete_marker || !object->is_latest))) {
        return true;
    }
    if (listing->count >= listing->limit && is_new_key) {
        listing->truncated = true;
        return false;
    }
    listing->count++;
    if (len != 0) {
        object->is_common_prefix = true;
        object->key[len] = '\0';
        memcpy(listing->common, object->key, len + 1);
    }
    return listing->visit(listing->context, object);
}

static enum dr_status run_list(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct listing *listing = arguments;
    const struct dr_object_query *query = listing->query;
    const char *after = query->after_key != NULL ? query->after_key : "";
    char key[DR_OBJECT_KEY_MAX + 1] = "";
    struct dr_rows rows;
    DR_TRY(dr_bucket_require(call, db, query->bucket));
    if (common_len(listing, after) == strlen(after)) {
        (void)snprintf(listing->common, sizeof listing->common, "%s", after);
    }
    dr_db_select(
        db, &rows,
        "SELECT " OBJECT_COLUMNS " FROM object WHERE bucket = ?1 AND key > ?2 AND key >= ?3"
        " ORDER BY key, sequence DESC",
        DR_VALUES(
            dr_value_text(query->bucket), dr_value_text(after), dr_value_text(listing->prefix)));
    bool goes_on = true;
    while (goes_on && dr_rows_next(&rows)) { /* bound: the keys with the prefix */
        struct dr_object object;
        read_object(&rows, query->bucket, &object);
        if (strncmp(object.key, listing->prefix, strlen(listing->prefix)) != 0) {
            break;
        }
        bool is_new_key = strcmp(key, object.key) != 0;
        object.is_latest = is_new_key;
        (void)snprintf(key, sizeof key, "%s", object.key);
        goes_on = list_row(listing, &object, is_new_key);
    }
    return dr_rows_end(&rows);
}

enum dr_status dr_service_list_objects(
    struct dr_call *call, const struct dr_object_query *query,
    bool (*visit)(void *context, const struct dr_object *object), void *context,
    bool *ret_truncated)
{
    struct listing listing = {.query = query, .visit = visit, .context = context};
    listing.prefix = query->prefix != NULL ? query->prefix : "";
    listing.limit =
        query->limit != 0 && query->limit < OBJECTS_LISTED_MAX ? query->limit : OBJECTS_LISTED_MAX;
    DR_TRY(dr_call_read(call, run_list, &listing));
    *ret_truncated = listing.truncated;
    return DR_OK;
}

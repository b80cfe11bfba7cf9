/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/registry/things.h"

#include "cloud/registry/frame.h"
#include "cloud/registry/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTES_MAX 50u

struct thing_write {
    const char *name;
    const char *type;         /* NULL: unchanged or none */
    const json_t *attributes; /* NULL: unchanged or none */
    bool merge;
    bool remove_type;
    int64_t expected_version; /* 0: any */
    char uuid[37];
};

enum dr_status dr_thing_exists(struct dr_db *db, const char *name, bool *ret_exists)
{
    int64_t count = 0;
    DR_TRY(dr_db_int(
        db, "SELECT count(*) FROM thing WHERE name = ?1", DR_VALUES(dr_value_text(name)), &count));
    *ret_exists = count != 0;
    return DR_OK;
}

enum dr_status dr_thing_require(struct dr_call *call, struct dr_db *db, const char *name)
{
    int64_t one = 0;
    enum dr_status status =
        dr_db_int(db, "SELECT 1 FROM thing WHERE name = ?1", DR_VALUES(dr_value_text(name)), &one);
    return status == DR_E_NOT_FOUND ? dr_call_not_found(call, "Thing", name) : status;
}

static enum dr_status check_attributes(struct dr_call *call, json_t *attributes)
{
    const char *name;
    json_t *value;
    if (json_object_size(attributes) > ATTRIBUTES_MAX) {
        return dr_call_invalid(call, "a thing has at most 50 attributes");
    }
    json_object_foreach(attributes, name, value)
    {
        if (!dr_name_attribute(name) || !json_is_string(value) ||
            !dr_name_attribute_value(json_string_value(value))) {
            return dr_call_fail(
                call, DR_E_ARGUMENT, DR_CODE_INVALID, "attribute %.128s: bad name or value", name);
        }
    }
    return DR_OK;
}

static enum dr_status
read_body(struct dr_call *call, const json_t *body, struct thing_write *ret_write)
{
    json_t *payload = NULL;
    json_t *attributes = NULL;
    DR_TRY(dr_body_text(call, body, "thingTypeName", NULL, &ret_write->type));
    if (ret_write->type != NULL && !dr_name_thing(ret_write->type)) {
        return dr_call_invalid(call, "thingTypeName is not a valid name");
    }
    DR_TRY(dr_body_object(call, body, "attributePayload", &payload));
    DR_TRY(dr_body_object(call, payload, "attributes", &attributes));
    DR_TRY(dr_body_bool(call, payload, "merge", false, &ret_write->merge));
    DR_TRY(check_attributes(call, attributes));
    ret_write->attributes = attributes;
    return DR_OK;
}

/* The stored attributes; never NULL with memory at hand. */
static json_t *load_attributes(const char *text)
{
    json_t *attributes = json_loads(text, 0, NULL);
    return attributes != NULL ? attributes : json_object();
}

static json_t *thing_json(const struct dr_call *call, const struct dr_rows *rows)
{
    char arn[DR_ARN_SIZE];
    const char *name = dr_rows_text(rows, 0);
    json_t *thing = json_object();
    dr_call_arn(call, "thing", name, arn);
    dr_json_set_text(thing, "thingName", name);
    dr_json_set_text(thing, "thingArn", arn);
    dr_json_set_text(thing, "thingTypeName", dr_rows_text(rows, 2));
    dr_json_set(thing, "attributes", load_attributes(dr_rows_text(rows, 3)));
    dr_json_set(thing, "version", json_integer(dr_rows_int(rows, 4)));
    return thing;
}

#define THING_COLUMNS "name, uuid, type, attributes, version"

/* The same name with the same configuration is the same thing; with another it is taken. */
static enum dr_status create_again(struct dr_act *act, struct dr_db *db)
{
    struct thing_write *write = act->arguments;
    struct dr_rows rows;
    dr_db_select(
        db, &rows, "SELECT " THING_COLUMNS " FROM thing WHERE name = ?1",
        DR_VALUES(dr_value_text(write->name)));
    bool same = false;
    if (dr_rows_next(&rows)) {
        json_t *attributes = load_attributes(dr_rows_text(&rows, 3));
        json_t *none = json_object();
        same = strcmp(dr_rows_text(&rows, 2), write->type != NULL ? write->type : "") == 0 &&
               json_equal(attributes, write->attributes != NULL ? write->attributes : none) == 1;
        json_decref(none);
        json_decref(attributes);
        (void)snprintf(write->uuid, sizeof write->uuid, "%s", dr_rows_text(&rows, 1));
    }
    DR_TRY(dr_rows_end(&rows));
    if (same) {
        act->is_change = false;
        return DR_OK;
    }
    dr_call_arn(act->call, "thing", write->name, act->call->resource);
    return dr_call_fail(
        act->call, DR_E_EXISTS, DR_CODE_EXISTS,
        "Thing %s already exists in account with different configuration", write->name);
}

static enum dr_status run_create(struct dr_act *act, struct dr_db *db)
{
    struct thing_write *write = act->arguments;
    char *attributes = write->attributes != NULL ? dr_json_text(write->attributes) : strdup("{}");
    if (attributes == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = dr_random_uuid(write->uuid);
    if (status == DR_OK) {
        status = dr_db_run(
            db,
            "INSERT INTO thing(name, uuid, type, attributes, version, created_ms)"
            " VALUES(?1, ?2, ?3, ?4, 1, ?5)",
            DR_VALUES(
                dr_value_text(write->name), dr_value_text(write->uuid), dr_value_text(write->type),
                dr_value_text(attributes), dr_value_int(act->call->now_ms)));
    }
    free(attributes);
    return status == DR_E_EXISTS ? create_again(act, db) : status;
}

enum dr_status dr_service_create_thing(
    struct dr_call *call, const char *name, const json_t *body, json_t **ret_body)
{
    struct thing_write write = {.name = name};
    if (!dr_name_thing(name)) {
        return dr_call_invalid(call, "thingName must be 1 to 128 of [a-zA-Z0-9:_-]");
    }
    DR_TRY(read_body(call, body, &write));
    struct dr_act act = {
        .call = call,
        .action = "CreateThing",
        .resource = name,
        .run = run_create,
        .arguments = &write};
    DR_TRY(dr_act_write(&act));
    char arn[DR_ARN_SIZE];
    dr_call_arn(call, "thing", name, arn);
    *ret_body =
        json_pack("{s:s, s:s, s:s}", "thingName", name, "thingArn", arn, "thingId", write.uuid);
    return DR_OK;
}

struct describe {
    const char *name;
    json_t *body;
};

static enum dr_status run_describe(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct describe *describe = arguments;
    struct dr_rows rows;
    dr_db_select(
        db, &rows, "SELECT " THING_COLUMNS " FROM thing WHERE name = ?1",
        DR_VALUES(dr_value_text(describe->name)));
    if (dr_rows_next(&rows)) {
        describe->body = thing_json(call, &rows);
        dr_json_set_text(describe->body, "thingId", dr_rows_text(&rows, 1));
        dr_json_set_text(describe->body, "defaultClientId", describe->name);
    }
    enum dr_status status = dr_rows_end(&rows);
    if (status == DR_OK && describe->body == NULL) {
        return dr_call_not_found(call, "Thing", describe->name);
    }
    return status;
}

enum dr_status dr_service_describe_thing(struct dr_call *call, const char *name, json_t **ret_body)
{
    struct describe describe = {.name = name};
    DR_TRY(dr_call_read(call, run_describe, &describe));
    *ret_body = describe.body;
    return DR_OK;
}

/* What the attributes become: merged or replaced; an empty value removes. */
static json_t *new_attributes(const struct thing_write *write, const char *stored)
{
    json_t *attributes = load_attributes(stored);
    const char *name;
    json_t *value;
    if (write->attributes == NULL) {
        return attributes;
    }
    if (!write->merge) {
        (void)json_object_clear(attributes);
    }
    json_object_foreach((json_t *)(uintptr_t)write->attributes, name, value)
    {
        if (json_string_length(value) == 0) {
            (void)json_object_del(attributes, name);
        } else {
            (void)json_object_set(attributes, name, value);
        }
    }
    return attributes;
}

static enum dr_status
store_update(struct dr_act *act, struct dr_db *db, const char *type, json_t *attributes)
{
    struct thing_write *write = act->arguments;
    if (json_object_size(attributes) > ATTRIBUTES_MAX) {
        return dr_call_invalid(act->call, "a thing has at most 50 attributes");
    }
    char *text = dr_json_text(attributes);
    if (text == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = dr_db_run(
        db, "UPDATE thing SET type = ?2, attributes = ?3, version = version + 1 WHERE name = ?1",
        DR_VALUES(dr_value_text(write->name), dr_value_text(type), dr_value_text(text)));
    free(text);
    return status == DR_OK ? dr_changes_of_thing(db, write->name, &act->changes) : status;
}

static enum dr_status run_update(struct dr_act *act, struct dr_db *db)
{
    struct thing_write *write = act->arguments;
    struct dr_rows rows;
    dr_db_select(
        db, &rows, "SELECT " THING_COLUMNS " FROM thing WHERE name = ?1",
        DR_VALUES(dr_value_text(write->name)));
    if (!dr_rows_next(&rows)) {
        DR_TRY(dr_rows_end(&rows));
        return dr_call_not_found(act->call, "Thing", write->name);
    }
    char type[DR_THING_NAME_MAX + 1];
    (void)snprintf(
        type, sizeof type, "%s", write->type != NULL ? write->type : dr_rows_text(&rows, 2));
    int64_t version = dr_rows_int(&rows, 4);
    json_t *attributes = new_attributes(write, dr_rows_text(&rows, 3));
    enum dr_status status = dr_rows_end(&rows);
    if (status == DR_OK && write->expected_version != 0 && write->expected_version != version) {
        status = dr_call_fail(
            act->call, DR_E_CONFLICT, DR_CODE_VERSION, "Thing %s has version %lld, not %lld",
            write->name, (long long)version, (long long)write->expected_version);
    }
    if (status == DR_OK) {
        bool has_type = type[0] != '\0' && !write->remove_type;
        status = store_update(act, db, has_type ? type : NULL, attributes);
    }
    json_decref(attributes);
    return status;
}

enum dr_status dr_service_update_thing(struct dr_call *call, const char *name, const json_t *body)
{
    struct thing_write write = {.name = name};
    DR_TRY(read_body(call, body, &write));
    DR_TRY(dr_body_bool(call, body, "removeThingType", false, &write.remove_type));
    DR_TRY(dr_body_int(call, body, "expectedVersion", 0, INT64_MAX, 0, &write.expected_version));
    struct dr_act act = {
        .call = call,
        .action = "UpdateThing",
        .resource = name,
        .run = run_update,
        .arguments = &write};
    return dr_act_write(&act);
}

struct filter {
    const char *name;  /* of an attribute; NULL: every thing fits */
    const char *value; /* NULL: any */
};

static bool fits(const struct filter *filter, const struct dr_rows *row)
{
    if (filter->name == NULL) {
        return true;
    }
    json_t *attributes = load_attributes(dr_rows_text(row, 3));
    const char *value = json_string_value(json_object_get(attributes, filter->name));
    bool has = value != NULL && (filter->value == NULL || strcmp(value, filter->value) == 0);
    json_decref(attributes);
    return has;
}

static json_t *
thing_item(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    return fits(context, row) ? thing_json(call, row) : NULL;
}

enum dr_status dr_service_list_things(
    struct dr_call *call, const char *attribute_name, const char *attribute_value,
    const struct dr_page *page, json_t **ret_body)
{
    const struct filter filter = {.name = attribute_name, .value = attribute_value};
    const struct dr_list list = {
        .sql = "SELECT " THING_COLUMNS " FROM thing WHERE name > ?1 ORDER BY name LIMIT ?2",
        .item = thing_item,
        .context = &filter,
        .filtered = attribute_name != NULL,
        .items_name = "things",
        .token_name = "nextToken"};
    return dr_list_read(call, &list, page, ret_body);
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/registry/identity.h"

#include "cloud/registry/frame.h"

#include <stdlib.h>
#include <string.h>

#define THINGS_MAX 64u
#define ATTRIBUTES_MAX 50u
#define POLICIES_MAX 10u

/* One identity under construction. What the exported structures point at lives in the JSON values
 * and copies kept here until release. */
struct assembly {
    struct dr_identity identity;
    struct dr_identity_thing things[THINGS_MAX];
    json_t *thing_values[THINGS_MAX]; /* {name, type, attributes}: owns the text */
    struct dr_identity_attribute *attributes[THINGS_MAX];
    struct dr_identity_policy policies[POLICIES_MAX];
    char *policy_names[POLICIES_MAX];
    uint8_t *policy_bytes[POLICIES_MAX];
};

static void release(struct assembly *assembly)
{
    for (size_t i = 0; i < assembly->identity.thing_count; i++) {
        json_decref(assembly->thing_values[i]);
        free(assembly->attributes[i]);
    }
    for (size_t i = 0; i < assembly->identity.policy_count; i++) {
        free(assembly->policy_names[i]);
        free(assembly->policy_bytes[i]);
    }
    assembly->identity.thing_count = 0;
    assembly->identity.policy_count = 0;
}

static size_t collect_attributes(struct assembly *assembly, size_t at, json_t *attributes)
{
    const char *name;
    json_t *value;
    size_t count = 0;
    assembly->attributes[at] = calloc(ATTRIBUTES_MAX, sizeof *assembly->attributes[at]);
    if (assembly->attributes[at] == NULL) {
        return 0;
    }
    json_object_foreach(attributes, name, value)
    {
        if (count < ATTRIBUTES_MAX && json_is_string(value)) {
            assembly->attributes[at][count++] =
                (struct dr_identity_attribute){name, json_string_value(value)};
        }
    }
    return count;
}

static enum dr_status
collect_things(struct dr_db *db, const char *certificate_id, struct assembly *assembly)
{
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT thing, type, attributes, exclusive FROM thing_principal"
        " JOIN thing ON name = thing WHERE certificate = ?1 ORDER BY thing LIMIT ?2",
        DR_VALUES(dr_value_text(certificate_id), dr_value_int(THINGS_MAX)));
    bool complete = true;
    while (complete && dr_rows_next(&rows)) { /* bound: THINGS_MAX */
        size_t at = assembly->identity.thing_count++;
        json_t *attributes = json_loads(dr_rows_text(&rows, 2), 0, NULL);
        if (attributes == NULL) {
            attributes = json_object();
        }
        json_t *value = json_pack(
            "{s:s, s:s, s:o}", "name", dr_rows_text(&rows, 0), "type", dr_rows_text(&rows, 1),
            "attributes", attributes);
        assembly->thing_values[at] = value;
        assembly->things[at] = (struct dr_identity_thing){
            .name = json_string_value(json_object_get(value, "name")),
            .type = json_string_value(json_object_get(value, "type")),
            .exclusive = dr_rows_int(&rows, 3) != 0,
            .attribute_count = collect_attributes(assembly, at, attributes),
        };
        assembly->things[at].attributes = assembly->attributes[at];
        complete = assembly->attributes[at] != NULL; /* one left out might be what denies */
    }
    enum dr_status ended = dr_rows_end(&rows);
    return complete ? ended : DR_E_SPACE;
}

static enum dr_status
collect_policies(struct dr_db *db, const char *certificate_id, struct assembly *assembly)
{
    struct dr_rows rows;
    enum dr_status status = DR_OK;
    dr_db_select(
        db, &rows,
        "SELECT policy.name, version, compiled FROM policy_target"
        " JOIN policy ON policy.name = policy_target.policy"
        " JOIN policy_version ON policy_version.policy = policy.name AND version = default_version"
        " WHERE target = ?1 ORDER BY policy.name LIMIT ?2",
        DR_VALUES(dr_value_text(certificate_id), dr_value_int(POLICIES_MAX)));
    while (status == DR_OK && dr_rows_next(&rows)) { /* bound: POLICIES_MAX */
        size_t size = 0;
        const void *bytes = dr_rows_blob(&rows, 2, &size);
        size_t at = assembly->identity.policy_count++;
        assembly->policy_names[at] = strdup(dr_rows_text(&rows, 0));
        assembly->policy_bytes[at] = malloc(size != 0 ? size : 1);
        if (assembly->policy_names[at] == NULL || assembly->policy_bytes[at] == NULL) {
            status = DR_E_SPACE;
            break;
        }
        memcpy(assembly->policy_bytes[at], bytes, size);
        assembly->policies[at] = (struct dr_identity_policy){
            .name = assembly->policy_names[at],
            .version = (uint32_t)dr_rows_int(&rows, 1),
            .compiled = assembly->policy_bytes[at],
            .compiled_size = size,
        };
    }
    enum dr_status ended = dr_rows_end(&rows);
    return status != DR_OK ? status : ended;
}

static enum dr_status visit_one(
    struct dr_db *db, const struct dr_rows *certificate, struct assembly *assembly,
    bool (*visit)(void *context, const struct dr_identity *identity), void *context,
    bool *ret_goes_on)
{
    const char *id = dr_rows_text(certificate, 0);
    int64_t status_number = dr_rows_int(certificate, 1);
    assembly->identity = (struct dr_identity){.certificate_id = id};
    assembly->identity.status = (enum dr_certificate_status)status_number;
    assembly->identity.things = assembly->things;
    assembly->identity.policies = assembly->policies;
    enum dr_status status = collect_things(db, id, assembly);
    if (status == DR_OK) {
        status = collect_policies(db, id, assembly);
    }
    if (status == DR_OK) {
        *ret_goes_on = visit(context, &assembly->identity);
    }
    release(assembly);
    return status;
}

static enum dr_status visit_rows(
    struct dr_db *db, struct dr_rows *rows,
    bool (*visit)(void *context, const struct dr_identity *identity), void *context,
    size_t *ret_count)
{
    struct assembly *assembly = calloc(1, sizeof *assembly);
    enum dr_status status = assembly != NULL ? DR_OK : DR_E_SPACE;
    bool goes_on = true;
    *ret_count = 0;
    while (status == DR_OK && goes_on && dr_rows_next(rows)) { /* bound: the certificates */
        status = visit_one(db, rows, assembly, visit, context, &goes_on);
        (*ret_count)++;
    }
    free(assembly);
    enum dr_status ended = dr_rows_end(rows);
    return status != DR_OK ? status : ended;
}

enum dr_status dr_service_identities(
    struct dr_service *service, bool (*visit)(void *context, const struct dr_identity *identity),
    void *context)
{
    struct dr_db *db = NULL;
    struct dr_rows rows;
    size_t count = 0;
    DR_TRY(dr_store_read_begin(service->store, &db));
    dr_db_select(db, &rows, "SELECT id, status FROM certificate ORDER BY id", DR_NO_VALUES);
    enum dr_status status = visit_rows(db, &rows, visit, context, &count);
    dr_store_read_end(service->store, db);
    return status;
}

enum dr_status dr_service_identity_get(
    struct dr_service *service, const char *certificate_id,
    bool (*visit)(void *context, const struct dr_identity *identity), void *context)
{
    struct dr_db *db = NULL;
    struct dr_rows rows;
    size_t count = 0;
    DR_TRY(dr_store_read_begin(service->store, &db));
    dr_db_select(
        db, &rows, "SELECT id, status FROM certificate WHERE id = ?1",
        DR_VALUES(dr_value_text(certificate_id)));
    enum dr_status status = visit_rows(db, &rows, visit, context, &count);
    dr_store_read_end(service->store, db);
    return status == DR_OK && count == 0 ? DR_E_NOT_FOUND : status;
}

static enum dr_status collect_changes(struct dr_rows *rows, struct dr_changes *changes)
{
    while (!changes->all && dr_rows_next(rows)) { /* bound: DR_CHANGES_MAX */
        dr_changes_add(changes, dr_rows_text(rows, 0));
    }
    return dr_rows_end(rows);
}

enum dr_status dr_changes_of_thing(struct dr_db *db, const char *thing, struct dr_changes *changes)
{
    struct dr_rows rows;
    dr_db_select(
        db, &rows, "SELECT certificate FROM thing_principal WHERE thing = ?1",
        DR_VALUES(dr_value_text(thing)));
    return collect_changes(&rows, changes);
}

enum dr_status
dr_changes_of_policy(struct dr_db *db, const char *policy, struct dr_changes *changes)
{
    struct dr_rows rows;
    dr_db_select(
        db, &rows, "SELECT target FROM policy_target WHERE policy = ?1",
        DR_VALUES(dr_value_text(policy)));
    return collect_changes(&rows, changes);
}

void dr_service_tell_changes(struct dr_service *service, const struct dr_changes *changes)
{
    (void)pthread_mutex_lock(&service->hook_lock);
    const struct dr_service_hooks *hooks = &service->hooks;
    if (hooks->identity_changed != NULL && changes->all) {
        hooks->identity_changed(hooks->context, NULL);
    } else if (hooks->identity_changed != NULL) {
        for (size_t i = 0; i < changes->count; i++) {
            hooks->identity_changed(hooks->context, changes->ids[i]);
        }
    }
    (void)pthread_mutex_unlock(&service->hook_lock);
}

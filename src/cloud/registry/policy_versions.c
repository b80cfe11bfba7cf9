/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/registry/page.h"
#include "cloud/registry/policies.h"
#include "cloud/registry/policies_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum dr_status version_named(struct dr_call *call, const char *text, int64_t *ret_version)
{
    size_t len = strlen(text);
    if (len == 0 || len > 9 || strspn(text, "0123456789") != len) {
        return dr_call_invalid(call, "policyVersionId must be a number");
    }
    *ret_version = strtoll(text, NULL, 10);
    return DR_OK;
}

static enum dr_status
default_version(struct dr_act *act, struct dr_db *db, const char *name, int64_t *ret_version)
{
    enum dr_status status = dr_db_int(
        db, "SELECT default_version FROM policy WHERE name = ?1", DR_VALUES(dr_value_text(name)),
        ret_version);
    return status == DR_E_NOT_FOUND ? dr_call_not_found(act->call, "Policy", name) : status;
}

static enum dr_status set_default(struct dr_act *act, struct dr_db *db)
{
    const struct dr_policy_write *write = act->arguments;
    DR_TRY(dr_db_run(
        db, "UPDATE policy SET default_version = ?2, modified_ms = ?3 WHERE name = ?1",
        DR_VALUES(
            dr_value_text(write->name), dr_value_int(write->version),
            dr_value_int(act->call->now_ms))));
    return dr_changes_of_policy(db, write->name, &act->changes);
}

static enum dr_status run_create(struct dr_act *act, struct dr_db *db)
{
    struct dr_policy_write *write = act->arguments;
    int64_t count = 0;
    DR_TRY(dr_policy_require(act->call, db, write->name));
    DR_TRY(dr_db_int(
        db, "SELECT count(*) FROM policy_version WHERE policy = ?1",
        DR_VALUES(dr_value_text(write->name)), &count));
    if (count >= (int64_t)DR_POLICY_VERSIONS_MAX) {
        return dr_call_fail(
            act->call, DR_E_SPACE, DR_CODE_VERSIONS,
            "The policy already has the maximum number of versions (%u)", DR_POLICY_VERSIONS_MAX);
    }
    DR_TRY(dr_db_int(
        db, "SELECT next_version FROM policy WHERE name = ?1",
        DR_VALUES(dr_value_text(write->name)), &write->version));
    DR_TRY(dr_db_run(
        db, "UPDATE policy SET next_version = next_version + 1, modified_ms = ?2 WHERE name = ?1",
        DR_VALUES(dr_value_text(write->name), dr_value_int(act->call->now_ms))));
    DR_TRY(dr_policy_add_version(act, db, write, write->version));
    return write->set_default ? set_default(act, db) : DR_OK;
}

enum dr_status dr_service_create_policy_version(
    struct dr_call *call, const char *name, const char *document, bool is_default,
    json_t **ret_body)
{
    struct dr_policy_compiled compiled;
    DR_TRY(dr_policy_document_compile(call, document, &compiled));
    struct dr_policy_write write = {
        .name = name, .document = document, .compiled = &compiled, .set_default = is_default};
    struct dr_act act = {
        .call = call,
        .action = "CreatePolicyVersion",
        .resource = name,
        .run = run_create,
        .arguments = &write};
    DR_TRY(dr_act_write(&act));
    char arn[DR_ARN_SIZE];
    char id[24];
    dr_call_arn(call, "policy", name, arn);
    (void)snprintf(id, sizeof id, "%lld", (long long)write.version);
    *ret_body = json_pack(
        "{s:s, s:s, s:s, s:b}", "policyArn", arn, "policyDocument", document, "policyVersionId", id,
        "isDefaultVersion", (int)is_default);
    return DR_OK;
}

struct get {
    const char *name;
    int64_t version;
    json_t *body;
};

static enum dr_status run_get(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct get *get = arguments;
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT version, version = default_version, policy_version.created_ms, document"
        " FROM policy_version JOIN policy ON name = policy WHERE policy = ?1 AND version = ?2",
        DR_VALUES(dr_value_text(get->name), dr_value_int(get->version)));
    if (dr_rows_next(&rows)) {
        char arn[DR_ARN_SIZE];
        get->body = json_object();
        dr_call_arn(call, "policy", get->name, arn);
        dr_json_set_text(get->body, "policyArn", arn);
        dr_json_set_text(get->body, "policyName", get->name);
        dr_json_set_text(get->body, "policyVersionId", dr_rows_text(&rows, 0));
        dr_json_set(get->body, "isDefaultVersion", json_boolean(dr_rows_int(&rows, 1) != 0));
        dr_json_set_time(get->body, "creationDate", dr_rows_int(&rows, 2));
        dr_json_set_time(get->body, "lastModifiedDate", dr_rows_int(&rows, 2));
        dr_json_set_text(get->body, "policyDocument", dr_rows_text(&rows, 3));
        dr_json_set_text(get->body, "generationId", dr_rows_text(&rows, 0));
    }
    enum dr_status status = dr_rows_end(&rows);
    if (status == DR_OK && get->body == NULL) {
        return dr_call_not_found(call, "Version of policy", get->name);
    }
    return status;
}

enum dr_status dr_service_get_policy_version(
    struct dr_call *call, const char *name, const char *version, json_t **ret_body)
{
    struct get get = {.name = name};
    DR_TRY(version_named(call, version, &get.version));
    DR_TRY(dr_call_read(call, run_get, &get));
    *ret_body = get.body;
    return DR_OK;
}

static json_t *
version_item(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    json_t *item = json_object();
    (void)call;
    (void)context;
    dr_json_set_text(item, "versionId", dr_rows_text(row, 0));
    dr_json_set(item, "isDefaultVersion", json_boolean(dr_rows_int(row, 1) != 0));
    dr_json_set_time(item, "createDate", dr_rows_int(row, 2));
    return item;
}

enum dr_status
dr_service_list_policy_versions(struct dr_call *call, const char *name, json_t **ret_body)
{
    const struct dr_list list = {
        .sql = "SELECT version, version = default_version, policy_version.created_ms"
               " FROM policy_version JOIN policy ON name = policy"
               " WHERE policy = ?3 AND version < ?1 ORDER BY version DESC LIMIT ?2",
        .key = DR_LIST_NEWEST,
        .values = DR_VALUES(dr_value_text(name)),
        .require = dr_policy_require,
        .owner = name,
        .item = version_item,
        .items_name = "policyVersions"}; /* DR_POLICY_VERSIONS_MAX: never more than a page */
    return dr_list_read(call, &list, NULL, ret_body);
}

static enum dr_status require_version(struct dr_act *act, struct dr_db *db)
{
    const struct dr_policy_write *write = act->arguments;
    int64_t one = 0;
    enum dr_status status = dr_db_int(
        db, "SELECT 1 FROM policy_version WHERE policy = ?1 AND version = ?2",
        DR_VALUES(dr_value_text(write->name), dr_value_int(write->version)), &one);
    return status == DR_E_NOT_FOUND ? dr_call_not_found(act->call, "Version of policy", write->name)
                                    : status;
}

static enum dr_status run_set_default(struct dr_act *act, struct dr_db *db)
{
    DR_TRY(require_version(act, db));
    return set_default(act, db);
}

enum dr_status
dr_service_set_default_policy_version(struct dr_call *call, const char *name, const char *version)
{
    struct dr_policy_write write = {.name = name};
    DR_TRY(version_named(call, version, &write.version));
    struct dr_act act = {
        .call = call,
        .action = "SetDefaultPolicyVersion",
        .resource = name,
        .run = run_set_default,
        .arguments = &write};
    return dr_act_write(&act);
}

static enum dr_status run_delete(struct dr_act *act, struct dr_db *db)
{
    const struct dr_policy_write *write = act->arguments;
    int64_t current = 0;
    DR_TRY(default_version(act, db, write->name, &current));
    DR_TRY(require_version(act, db));
    if (current == write->version) {
        return dr_call_fail(
            act->call, DR_E_STATE, DR_CODE_DELETE, "Cannot delete the default version of a policy");
    }
    return dr_db_run(
        db, "DELETE FROM policy_version WHERE policy = ?1 AND version = ?2",
        DR_VALUES(dr_value_text(write->name), dr_value_int(write->version)));
}

enum dr_status
dr_service_delete_policy_version(struct dr_call *call, const char *name, const char *version)
{
    struct dr_policy_write write = {.name = name};
    DR_TRY(version_named(call, version, &write.version));
    struct dr_act act = {
        .call = call,
        .action = "DeletePolicyVersion",
        .resource = name,
        .run = run_delete,
        .arguments = &write};
    return dr_act_write(&act);
}

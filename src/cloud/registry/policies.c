/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Policies and their attachments. Versions: policy_versions.c. */
#include "cloud/registry/policies.h"

#include "cloud/registry/frame.h"
#include "cloud/registry/page.h"
#include "cloud/registry/policies_priv.h"
#include "cloud/registry/policy_document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum dr_status dr_policy_require(struct dr_call *call, struct dr_db *db, const char *name)
{
    int64_t one = 0;
    enum dr_status status =
        dr_db_int(db, "SELECT 1 FROM policy WHERE name = ?1", DR_VALUES(dr_value_text(name)), &one);
    return status == DR_E_NOT_FOUND ? dr_call_not_found(call, "Policy", name) : status;
}

enum dr_status dr_policy_add_version(
    struct dr_act *act, struct dr_db *db, const struct dr_policy_write *write, int64_t version)
{
    return dr_db_run(
        db,
        "INSERT INTO policy_version(policy, version, document, compiled, created_ms)"
        " VALUES(?1, ?2, ?3, ?4, ?5)",
        DR_VALUES(
            dr_value_text(write->name), dr_value_int(version), dr_value_text(write->document),
            dr_value_blob(write->compiled->bytes, write->compiled->size_bytes),
            dr_value_int(act->call->now_ms)));
}

static enum dr_status run_create(struct dr_act *act, struct dr_db *db)
{
    const struct dr_policy_write *write = act->arguments;
    enum dr_status status = dr_db_run(
        db,
        "INSERT INTO policy(name, default_version, next_version, created_ms, modified_ms)"
        " VALUES(?1, 1, 2, ?2, ?2)",
        DR_VALUES(dr_value_text(write->name), dr_value_int(act->call->now_ms)));
    if (status == DR_E_EXISTS) {
        dr_call_arn(act->call, "policy", write->name, act->call->resource);
        return dr_call_fail(
            act->call, DR_E_EXISTS, DR_CODE_EXISTS, "Policy %s already exists", write->name);
    }
    DR_TRY(status);
    return dr_policy_add_version(act, db, write, 1);
}

enum dr_status dr_service_create_policy(
    struct dr_call *call, const char *name, const char *document, json_t **ret_body)
{
    if (!dr_name_policy(name)) {
        return dr_call_invalid(call, "policyName must be 1 to 128 of [A-Za-z0-9_+=,.@-]");
    }
    struct dr_policy_compiled compiled;
    DR_TRY(dr_policy_document_compile(call, document, &compiled));
    struct dr_policy_write write = {.name = name, .document = document, .compiled = &compiled};
    struct dr_act act = {
        .call = call,
        .action = "CreatePolicy",
        .resource = name,
        .run = run_create,
        .arguments = &write};
    DR_TRY(dr_act_write(&act));
    char arn[DR_ARN_SIZE];
    dr_call_arn(call, "policy", name, arn);
    *ret_body = json_pack(
        "{s:s, s:s, s:s, s:s}", "policyName", name, "policyArn", arn, "policyDocument", document,
        "policyVersionId", "1");
    return DR_OK;
}

struct get {
    const char *name;
    json_t *body;
};

static enum dr_status run_get(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct get *get = arguments;
    struct dr_rows rows;
    dr_db_select(
        db, &rows,
        "SELECT policy.default_version, document, policy.created_ms, policy.modified_ms FROM policy"
        " JOIN policy_version ON policy = name AND version = default_version WHERE name = ?1",
        DR_VALUES(dr_value_text(get->name)));
    if (dr_rows_next(&rows)) {
        char arn[DR_ARN_SIZE];
        get->body = json_object();
        dr_call_arn(call, "policy", get->name, arn);
        dr_json_set_text(get->body, "policyName", get->name);
        dr_json_set_text(get->body, "policyArn", arn);
        dr_json_set_text(get->body, "defaultVersionId", dr_rows_text(&rows, 0));
        dr_json_set_text(get->body, "policyDocument", dr_rows_text(&rows, 1));
        dr_json_set_time(get->body, "creationDate", dr_rows_int(&rows, 2));
        dr_json_set_time(get->body, "lastModifiedDate", dr_rows_int(&rows, 3));
        dr_json_set_text(get->body, "generationId", dr_rows_text(&rows, 0));
    }
    enum dr_status status = dr_rows_end(&rows);
    if (status == DR_OK && get->body == NULL) {
        return dr_call_not_found(call, "Policy", get->name);
    }
    return status;
}

enum dr_status dr_service_get_policy(struct dr_call *call, const char *name, json_t **ret_body)
{
    struct get get = {.name = name};
    DR_TRY(dr_call_read(call, run_get, &get));
    *ret_body = get.body;
    return DR_OK;
}

/* Column 0 is a policy's name. */
static json_t *
policy_item(const struct dr_call *call, const struct dr_rows *row, const void *context)
{
    char arn[DR_ARN_SIZE];
    const char *name = dr_rows_text(row, 0);
    (void)context;
    dr_call_arn(call, "policy", name, arn);
    return json_pack("{s:s, s:s}", "policyName", name, "policyArn", arn);
}

enum dr_status
dr_service_list_policies(struct dr_call *call, const struct dr_page *page, json_t **ret_body)
{
    const struct dr_list list = {
        DR_LIST_BOTH_WAYS("SELECT name FROM policy WHERE", "name"),
        .item = policy_item,
        .items_name = "policies",
        .token_name = "nextMarker",
    };
    return dr_list_read(call, &list, page, ret_body);
}

static enum dr_status run_delete(struct dr_act *act, struct dr_db *db)
{
    const struct dr_policy_write *write = act->arguments;
    int64_t versions = 0;
    int64_t targets = 0;
    DR_TRY(dr_policy_require(act->call, db, write->name));
    DR_TRY(dr_db_int(
        db, "SELECT count(*) FROM policy_version WHERE policy = ?1",
        DR_VALUES(dr_value_text(write->name)), &versions));
    DR_TRY(dr_db_int(
        db, "SELECT count(*) FROM policy_target WHERE policy = ?1",
        DR_VALUES(dr_value_text(write->name)), &targets));
    if (targets != 0 || versions > 1) {
        return dr_call_fail(
            act->call, DR_E_STATE, DR_CODE_DELETE, "Cannot delete the policy because %s",
            targets != 0 ? "it is attached to one or more targets"
                         : "it has one or more policy versions besides the default");
    }
    DR_TRY(dr_db_run(
        db, "DELETE FROM policy_version WHERE policy = ?1", DR_VALUES(dr_value_text(write->name))));
    return dr_db_run(
        db, "DELETE FROM policy WHERE name = ?1", DR_VALUES(dr_value_text(write->name)));
}

enum dr_status dr_service_delete_policy(struct dr_call *call, const char *name)
{
    struct dr_policy_write write = {.name = name};
    struct dr_act act = {
        .call = call,
        .action = "DeletePolicy",
        .resource = name,
        .run = run_delete,
        .arguments = &write};
    return dr_act_write(&act);
}

struct attachment {
    const char *policy;
    const char *target;
};

static enum dr_status run_attach(struct dr_act *act, struct dr_db *db)
{
    const struct attachment *attachment = act->arguments;
    int64_t count = 0;
    DR_TRY(dr_policy_require(act->call, db, attachment->policy));
    DR_TRY(dr_certificate_require(act->call, db, attachment->target));
    DR_TRY(dr_db_run(
        db, "INSERT INTO policy_target(policy, target) VALUES(?1, ?2) ON CONFLICT DO NOTHING",
        DR_VALUES(dr_value_text(attachment->policy), dr_value_text(attachment->target))));
    if (dr_db_changes(db) == 0) {
        act->is_change = false;
        return DR_OK;
    }
    DR_TRY(dr_db_int(
        db, "SELECT count(*) FROM policy_target WHERE target = ?1",
        DR_VALUES(dr_value_text(attachment->target)), &count));
    if (count > DR_POLICY_PER_PRINCIPAL_MAX) {
        return dr_call_fail(
            act->call, DR_E_SPACE, DR_CODE_LIMIT, "at most %u policies can be attached to a target",
            DR_POLICY_PER_PRINCIPAL_MAX);
    }
    dr_changes_add(&act->changes, attachment->target);
    return DR_OK;
}

static enum dr_status run_detach(struct dr_act *act, struct dr_db *db)
{
    const struct attachment *attachment = act->arguments;
    DR_TRY(dr_policy_require(act->call, db, attachment->policy));
    DR_TRY(dr_db_run(
        db, "DELETE FROM policy_target WHERE policy = ?1 AND target = ?2",
        DR_VALUES(dr_value_text(attachment->policy), dr_value_text(attachment->target))));
    act->is_change = dr_db_changes(db) != 0;
    dr_changes_add(&act->changes, attachment->target);
    return DR_OK;
}

enum dr_status dr_service_attach_policy(struct dr_call *call, const char *name, const char *target)
{
    struct attachment attachment = {.policy = name};
    DR_TRY(dr_certificate_named(call, target, &attachment.target));
    struct dr_act act = {
        .call = call,
        .action = "AttachPolicy",
        .resource = name,
        .run = run_attach,
        .arguments = &attachment};
    return dr_act_write(&act);
}

enum dr_status dr_service_detach_policy(struct dr_call *call, const char *name, const char *target)
{
    struct attachment attachment = {.policy = name};
    DR_TRY(dr_certificate_named(call, target, &attachment.target));
    struct dr_act act = {
        .call = call,
        .action = "DetachPolicy",
        .resource = name,
        .run = run_detach,
        .arguments = &attachment};
    return dr_act_write(&act);
}

enum dr_status dr_service_list_attached_policies(
    struct dr_call *call, const char *target, const struct dr_page *page, json_t **ret_body)
{
    const char *id = NULL;
    DR_TRY(dr_certificate_named(call, target, &id));
    const struct dr_list list = {
        DR_LIST_BOTH_WAYS("SELECT policy FROM policy_target WHERE target = ?3 AND", "policy"),
        .values = DR_VALUES(dr_value_text(id)),
        .require = dr_certificate_require,
        .owner = id,
        .item = policy_item,
        .items_name = "policies",
        .token_name = "nextMarker",
    };
    return dr_list_read(call, &list, page, ret_body);
}

enum dr_status dr_service_list_targets_for_policy(
    struct dr_call *call, const char *name, const struct dr_page *page, json_t **ret_body)
{
    const struct dr_list list = {
        DR_LIST_BOTH_WAYS("SELECT target FROM policy_target WHERE policy = ?3 AND", "target"),
        .values = DR_VALUES(dr_value_text(name)),
        .require = dr_policy_require,
        .owner = name,
        .item = dr_certificate_arn_item,
        .items_name = "targets",
        .token_name = "nextMarker",
    };
    return dr_list_read(call, &list, page, ret_body);
}

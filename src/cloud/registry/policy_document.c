/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/registry/policy_document.h"

#include "cloud/registry/frame.h"

#include <string.h>

struct compiler {
    struct dr_call *call;
    struct dr_policy_builder builder;
    size_t statement; /* from 1, for messages */
};

static enum dr_status malformed(struct dr_call *call, const char *what)
{
    return dr_call_fail(call, DR_E_FORMAT, DR_CODE_POLICY, "the policy is malformed: %s", what);
}

static enum dr_status
malformed_at(const struct compiler *compiler, const char *member, const char *what)
{
    return dr_call_fail(
        compiler->call, DR_E_FORMAT, DR_CODE_POLICY,
        "the policy is malformed: statement %zu: %s %s", compiler->statement, member, what);
}

/* A string, or a boolean as conditions have it: {"Bool": {"key": true}}. NULL: neither. */
static const char *scalar(const json_t *value, bool booleans)
{
    if (booleans && json_is_boolean(value)) {
        return json_is_true(value) ? "true" : "false";
    }
    return json_string_value(value);
}

/* Feed one text, or each of a list, to a builder function. */
static enum dr_status each_text(
    struct compiler *compiler, const char *member, const json_t *value,
    void (*take)(struct dr_policy_builder *builder, const char *text))
{
    bool booleans = take == dr_policy_build_value;
    if (scalar(value, booleans) != NULL) {
        take(&compiler->builder, scalar(value, booleans));
        return DR_OK;
    }
    if (!json_is_array(value) || json_array_size(value) == 0) {
        return malformed_at(compiler, member, "must be a string or a list of strings");
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *text = scalar(json_array_get(value, i), booleans);
        if (text == NULL) {
            return malformed_at(compiler, member, "must hold strings only");
        }
        take(&compiler->builder, text);
    }
    return DR_OK;
}

static enum dr_status conditions(struct compiler *compiler, json_t *condition)
{
    const char *op_name;
    const char *key;
    json_t *keys;
    json_t *values;
    if (!json_is_object(condition)) {
        return malformed_at(compiler, "Condition", "must be an object");
    }
    json_object_foreach(condition, op_name, keys)
    {
        if (!json_is_object(keys)) {
            return malformed_at(compiler, "Condition", "must hold objects");
        }
        json_object_foreach(keys, key, values)
        {
            dr_policy_build_condition(&compiler->builder, op_name, key);
            DR_TRY(each_text(compiler, "Condition", values, dr_policy_build_value));
        }
    }
    return DR_OK;
}

static bool is_known_member(const char *name)
{
    static const char *const known[] = {"Sid", "Effect", "Action", "Resource", "Condition"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name, known[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum dr_status one_statement(struct compiler *compiler, json_t *statement)
{
    const char *name;
    json_t *value;
    if (!json_is_object(statement)) {
        return malformed_at(compiler, "it", "must be an object");
    }
    /* An ignored member could mean a grant that was not meant: NotAction, NotResource, a typo. */
    json_object_foreach(statement, name, value)
    {
        if (!is_known_member(name)) {
            return malformed_at(compiler, name, "is not known here");
        }
    }
    const char *effect = json_string_value(json_object_get(statement, "Effect"));
    bool allow = effect != NULL && strcmp(effect, "Allow") == 0;
    if (!allow && (effect == NULL || strcmp(effect, "Deny") != 0)) {
        return malformed_at(compiler, "Effect", "must be Allow or Deny");
    }
    dr_policy_build_statement(&compiler->builder, allow);
    DR_TRY(each_text(
        compiler, "Action", json_object_get(statement, "Action"), dr_policy_build_action));
    DR_TRY(each_text(
        compiler, "Resource", json_object_get(statement, "Resource"), dr_policy_build_resource));
    json_t *condition = json_object_get(statement, "Condition");
    DR_TRY(condition != NULL ? conditions(compiler, condition) : DR_OK);
    enum dr_status status = compiler->builder.writer.status;
    if (status == DR_E_SPACE) {
        return malformed_at(compiler, "it", "makes the policy too large");
    }
    if (status == DR_E_UNSUPPORTED) {
        return malformed_at(compiler, "it", "uses a variable or operator that is not supported");
    }
    return status == DR_OK ? DR_OK
                           : malformed_at(compiler, "it", "has a bad action, resource or value");
}

static enum dr_status compile(struct compiler *compiler, const json_t *root)
{
    const char *version = json_string_value(json_object_get(root, "Version"));
    json_t *statements = json_object_get(root, "Statement");
    if (!json_is_object(root)) {
        return malformed(compiler->call, "it is not a JSON object");
    }
    if (version == NULL ||
        (strcmp(version, "2012-10-17") != 0 && strcmp(version, "2008-10-17") != 0)) {
        return malformed(compiler->call, "Version must be 2012-10-17");
    }
    if (json_is_object(statements)) {
        compiler->statement = 1;
        return one_statement(compiler, statements);
    }
    if (!json_is_array(statements) || json_array_size(statements) == 0) {
        return malformed(compiler->call, "Statement is missing");
    }
    for (size_t i = 0; i < json_array_size(statements); i++) {
        compiler->statement = i + 1;
        DR_TRY(one_statement(compiler, json_array_get(statements, i)));
    }
    return DR_OK;
}

static size_t len_without_blanks(const char *text)
{
    size_t len = 0;
    for (; *text != '\0'; text++) {
        len += strchr(" \t\r\n", *text) == NULL ? 1u : 0u;
    }
    return len;
}

enum dr_status dr_policy_document_compile(
    struct dr_call *call, const char *document, struct dr_policy_compiled *ret_compiled)
{
    if (document == NULL || len_without_blanks(document) > DR_POLICY_DOCUMENT_MAX) {
        return malformed(call, "it must have 1 to 2048 characters without white space");
    }
    struct compiler compiler = {.call = call};
    dr_policy_build_begin(&compiler.builder, ret_compiled->bytes, sizeof ret_compiled->bytes);
    json_t *root = json_loads(document, JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL) {
        return malformed(call, "it is not JSON, or has a member twice");
    }
    enum dr_status status = compile(&compiler, root);
    json_decref(root);
    if (status == DR_OK &&
        dr_policy_build_finish(&compiler.builder, &ret_compiled->size_bytes) != DR_OK) {
        return malformed(call, "it does not compile");
    }
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Compiling policies: see policy_priv.h for the bytes. */
#include "base/check.h"
#include "cloud/model/policy_priv.h"

#include <string.h>

enum part { PART_NONE, PART_ACTIONS, PART_RESOURCES, PART_CONDITIONS };

enum {
    STATEMENT_COUNT_AT = 1,
    ALLOW_OFFSET = 2, /* within a statement, behind its length */
    ACTIONS_OFFSET = 3,
    RESOURCES_OFFSET = 5,
};

#define NAME(name, bit, action, prefix) action,
static const char *const action_names[] = {DR_POLICY_ACTION_LIST(NAME)};
#undef NAME
DR_STATIC_ASSERT(DR_ARRAY_COUNT(action_names) <= 16, "actions are 16 bits");

struct operator_name {
    const char *text;
    enum dr_policy_operator op;
    unsigned flags;
};

static const struct operator_name operator_names[] = {
    {"StringEquals", DR_OPERATOR_STRING_EQUALS, 0},
    {"StringNotEquals", DR_OPERATOR_STRING_EQUALS, DR_CONDITION_NEGATED},
    {"StringEqualsIgnoreCase", DR_OPERATOR_STRING_EQUALS_IGNORE_CASE, 0},
    {"StringNotEqualsIgnoreCase", DR_OPERATOR_STRING_EQUALS_IGNORE_CASE, DR_CONDITION_NEGATED},
    {"StringLike", DR_OPERATOR_STRING_LIKE, 0},
    {"StringNotLike", DR_OPERATOR_STRING_LIKE, DR_CONDITION_NEGATED},
    {"ArnEquals", DR_OPERATOR_STRING_LIKE, 0},
    {"ArnLike", DR_OPERATOR_STRING_LIKE, 0},
    {"ArnNotEquals", DR_OPERATOR_STRING_LIKE, DR_CONDITION_NEGATED},
    {"ArnNotLike", DR_OPERATOR_STRING_LIKE, DR_CONDITION_NEGATED},
    {"Bool", DR_OPERATOR_BOOL, 0},
    {"IpAddress", DR_OPERATOR_IP_ADDRESS, 0},
    {"NotIpAddress", DR_OPERATOR_IP_ADDRESS, DR_CONDITION_NEGATED},
};

static void fail(struct dr_policy_builder *builder, enum dr_status status)
{
    dr_writer_fail(&builder->writer, status);
}

static bool good(const struct dr_policy_builder *builder)
{
    return builder->writer.status == DR_OK;
}

static void patch_u16(struct dr_policy_builder *builder, size_t at, size_t value)
{
    if (good(builder)) {
        builder->writer.data[at] = (uint8_t)(value & 0xffu);
        builder->writer.data[at + 1] = (uint8_t)(value >> 8);
    }
}

/* One more in the open list. */
static void count_one(struct dr_policy_builder *builder, size_t at)
{
    if (good(builder)) {
        if (builder->writer.data[at] == UINT8_MAX) {
            fail(builder, DR_E_SPACE);
            return;
        }
        builder->writer.data[at]++;
    }
}

static void put_literal(struct dr_policy_builder *builder, const char *text, size_t len)
{
    while (len != 0) {
        size_t part = len > UINT8_MAX ? UINT8_MAX : len;
        dr_write_u8(&builder->writer, DR_TOKEN_LITERAL);
        dr_write_u8(&builder->writer, (uint8_t)part);
        dr_write_bytes(&builder->writer, (const uint8_t *)text, part);
        text += part;
        len -= part;
    }
}

static void
put_reference(struct dr_policy_builder *builder, const struct dr_policy_reference *reference)
{
    dr_write_u8(&builder->writer, (uint8_t)reference->id);
    if (dr_policy_has_name(reference->id)) {
        dr_write_u8(&builder->writer, (uint8_t)reference->name.len);
        dr_write_bytes(
            &builder->writer, (const uint8_t *)reference->name.data, reference->name.len);
    }
}

/* text is what stands between "${" and "}". */
static void put_variable(struct dr_policy_builder *builder, const char *text, size_t len)
{
    if (len == 1 && (text[0] == '*' || text[0] == '?' || text[0] == '$')) {
        put_literal(builder, text, 1);
        return;
    }
    struct dr_policy_reference reference;
    if (!dr_policy_variable_parse(text, len, &reference)) {
        fail(builder, DR_E_UNSUPPORTED);
        return;
    }
    if (reference.id == DR_VARIABLE_CONNECT_ATTRIBUTES ||
        reference.id == DR_VARIABLE_LAST_WILL_TOPIC) {
        fail(builder, DR_E_UNSUPPORTED);
        return;
    }
    dr_write_u8(&builder->writer, DR_TOKEN_VARIABLE);
    put_reference(builder, &reference);
}

static void put_tokens(struct dr_policy_builder *builder, const char *text, bool wildcards)
{
    size_t at = 0;
    while (text[at] != '\0' && good(builder)) {
        if (text[at] == '$' && text[at + 1] == '{') {
            const char *close = strchr(text + at, '}');
            if (close == NULL) {
                fail(builder, DR_E_FORMAT);
                return;
            }
            const char *name = text + at + 2;
            put_variable(builder, name, (size_t)(close - name));
            at = (size_t)(close - text) + 1;
        } else if (wildcards && (text[at] == '*' || text[at] == '?')) {
            dr_write_u8(&builder->writer, text[at] == '*' ? DR_TOKEN_ANY : DR_TOKEN_ONE);
            at++;
        } else {
            size_t len = 1;
            while (text[at + len] != '\0' && text[at + len] != '$' &&
                   !(wildcards && strchr("*?", text[at + len]) != NULL)) {
                len++;
            }
            put_literal(builder, text + at, len);
            at += len;
        }
    }
}

static void put_pattern(struct dr_policy_builder *builder, const char *text, bool wildcards)
{
    size_t at = builder->writer.size_bytes;
    dr_write_u16(&builder->writer, 0);
    put_tokens(builder, text, wildcards);
    size_t len = builder->writer.size_bytes - at - 2u;
    if (good(builder) && len > UINT16_MAX) {
        fail(builder, DR_E_SPACE);
    }
    patch_u16(builder, at, len);
}

void dr_policy_build_begin(struct dr_policy_builder *builder, uint8_t *out, size_t capacity_bytes)
{
    memset(builder, 0, sizeof *builder);
    dr_writer_init(&builder->writer, out, capacity_bytes);
    dr_write_u8(&builder->writer, DR_POLICY_FORMAT);
    dr_write_u8(&builder->writer, 0);
}

/* Close the open statement: its condition list exists, its length is known. */
static void end_statement(struct dr_policy_builder *builder)
{
    if (builder->part == PART_NONE || !good(builder)) {
        return;
    }
    const uint8_t *statement = builder->writer.data + builder->statement_at;
    if (builder->part == PART_ACTIONS || statement[RESOURCES_OFFSET] == 0) {
        fail(builder, DR_E_FORMAT);
        return;
    }
    if (builder->part == PART_RESOURCES) {
        dr_write_u8(&builder->writer, 0);
    }
    size_t len = builder->writer.size_bytes - builder->statement_at - ALLOW_OFFSET;
    if (len > UINT16_MAX) {
        fail(builder, DR_E_SPACE);
    }
    patch_u16(builder, builder->statement_at, len);
    builder->part = PART_NONE;
}

void dr_policy_build_statement(struct dr_policy_builder *builder, bool allow)
{
    end_statement(builder);
    if (good(builder) && builder->writer.data[STATEMENT_COUNT_AT] >= DR_POLICY_STATEMENTS_MAX) {
        fail(builder, DR_E_SPACE);
    }
    count_one(builder, STATEMENT_COUNT_AT);
    builder->statement_at = builder->writer.size_bytes;
    dr_write_u16(&builder->writer, 0);
    dr_write_u8(&builder->writer, allow ? 1 : 0);
    dr_write_u16(&builder->writer, 0);
    dr_write_u8(&builder->writer, 0);
    builder->part = PART_ACTIONS;
}

static bool glob(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *resume = NULL;
    while (*text != '\0' || *pattern != '\0') { /* bound: resume moves on with each retry */
        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
        } else if (*text != '\0' && (*pattern == '?' || *pattern == *text)) {
            pattern++;
            text++;
        } else if (star != NULL && *resume != '\0') {
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    return true;
}

void dr_policy_build_action(struct dr_policy_builder *builder, const char *pattern)
{
    if (builder->part != PART_ACTIONS) {
        fail(builder, DR_E_FORMAT);
    }
    if (strcmp(pattern, "*") != 0 && strchr(pattern, ':') == NULL) {
        fail(builder, DR_E_FORMAT);
    }
    if (!good(builder)) {
        return;
    }
    uint8_t *at = builder->writer.data + builder->statement_at + ACTIONS_OFFSET;
    unsigned bits = (unsigned)at[0] | ((unsigned)at[1] << 8);
    for (size_t i = 0; i < DR_ARRAY_COUNT(action_names); i++) {
        if (glob(pattern, action_names[i])) {
            bits |= 1u << i;
        }
    }
    at[0] = (uint8_t)(bits & 0xffu);
    at[1] = (uint8_t)(bits >> 8);
}

void dr_policy_build_resource(struct dr_policy_builder *builder, const char *pattern)
{
    if (builder->part != PART_ACTIONS && builder->part != PART_RESOURCES) {
        fail(builder, DR_E_FORMAT);
        return;
    }
    bool is_arn = strncmp(pattern, "arn:", 4) == 0 || pattern[0] == '*';
    if (!is_arn) {
        fail(builder, DR_E_FORMAT);
    }
    builder->part = PART_RESOURCES;
    count_one(builder, builder->statement_at + RESOURCES_OFFSET);
    put_pattern(builder, pattern, true);
}

/* "ForAllValues:StringEqualsIfExists" into operator and flags. */
static bool operator_parse(const char *name, unsigned *ret_op, unsigned *ret_flags)
{
    unsigned flags = 0;
    if (strncmp(name, "ForAllValues:", 13) == 0) {
        flags |= DR_CONDITION_FOR_ALL;
        name += 13;
    } else if (strncmp(name, "ForAnyValue:", 12) == 0) {
        flags |= DR_CONDITION_FOR_ANY;
        name += 12;
    }
    size_t len = strlen(name);
    if (len > 8 && strcmp(name + len - 8, "IfExists") == 0) {
        flags |= DR_CONDITION_IF_EXISTS;
        len -= 8;
    }
    for (size_t i = 0; i < DR_ARRAY_COUNT(operator_names); i++) {
        if (strlen(operator_names[i].text) == len &&
            memcmp(operator_names[i].text, name, len) == 0) {
            *ret_op = operator_names[i].op;
            *ret_flags = flags | operator_names[i].flags;
            return true;
        }
    }
    return false;
}

void dr_policy_build_condition(
    struct dr_policy_builder *builder, const char *op_name, const char *key)
{
    unsigned op = 0;
    unsigned flags = 0;
    struct dr_policy_reference reference = {0};
    if (builder->part != PART_RESOURCES && builder->part != PART_CONDITIONS) {
        fail(builder, DR_E_FORMAT);
    }
    if (!operator_parse(op_name, &op, &flags) ||
        !dr_policy_variable_parse(key, strlen(key), &reference)) {
        fail(builder, DR_E_UNSUPPORTED);
    }
    if (!good(builder)) {
        return;
    }
    if (builder->part == PART_RESOURCES) { /* the first one opens the list */
        builder->part = PART_CONDITIONS;
        builder->conditions_at = builder->writer.size_bytes;
        dr_write_u8(&builder->writer, 0);
    }
    count_one(builder, builder->conditions_at);
    dr_write_u8(&builder->writer, (uint8_t)op);
    dr_write_u8(&builder->writer, (uint8_t)flags);
    put_reference(builder, &reference);
    builder->values_at = builder->writer.size_bytes;
    builder->op = (int)op;
    dr_write_u8(&builder->writer, 0);
}

void dr_policy_build_value(struct dr_policy_builder *builder, const char *value)
{
    if (builder->part != PART_CONDITIONS) {
        fail(builder, DR_E_FORMAT);
        return;
    }
    struct dr_policy_text text = {value, strlen(value)};
    if (builder->op == DR_OPERATOR_IP_ADDRESS && !dr_policy_ip_range_valid(text)) {
        fail(builder, DR_E_FORMAT);
    }
    count_one(builder, builder->values_at);
    put_pattern(builder, value, builder->op == DR_OPERATOR_STRING_LIKE);
}

enum dr_status dr_policy_build_finish(struct dr_policy_builder *builder, size_t *ret_size_bytes)
{
    end_statement(builder);
    if (good(builder) && builder->writer.data[STATEMENT_COUNT_AT] == 0) {
        fail(builder, DR_E_FORMAT);
    }
    if (!good(builder)) {
        return builder->writer.status;
    }
    *ret_size_bytes = builder->writer.size_bytes;
    return DR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/members.h"

#include "base/check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- parsing --- */

/* Deepest nesting of a text that may not even be JSON; brackets inside strings do not count. */
static size_t nesting(const char *text, size_t text_len)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < text_len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

enum dr_status dr_api_json_parse(
    const char *text, size_t text_len, json_t **ret_object, char error[DR_API_MEMBERS_ERROR_BYTES])
{
    json_error_t parse_error;
    if (nesting(text, text_len) > DR_API_JSON_DEPTH_MAX) {
        (void)snprintf(
            error, DR_API_MEMBERS_ERROR_BYTES, "the body is nested deeper than %u levels",
            DR_API_JSON_DEPTH_MAX);
        return DR_E_FORMAT;
    }
    json_t *object = text_len == 0
                         ? json_object()
                         : json_loadb(text, text_len, JSON_REJECT_DUPLICATES, &parse_error);
    if (object == NULL) {
        (void)snprintf(
            error, DR_API_MEMBERS_ERROR_BYTES, "the body is not JSON: %s at byte %d",
            text_len == 0 ? "no memory" : parse_error.text,
            text_len == 0 ? 0 : parse_error.position);
        return DR_E_FORMAT;
    }
    if (!json_is_object(object)) {
        json_decref(object);
        (void)snprintf(error, DR_API_MEMBERS_ERROR_BYTES, "the body is not a JSON object");
        return DR_E_FORMAT;
    }
    *ret_object = object;
    return DR_OK;
}

/* --- schema --- */

struct member {
    const char *name;
    size_t name_len;
    char kind;         /* 's' 'i' 'n' 'b' 'a' '*' '-' '{' '[' */
    const char *inner; /* schema of '{' and '[' */
    size_t inner_len;
};

/* Where the bracket that opens at text[0] closes. The schema is ours and well-formed. */
static size_t closing(const char *text, size_t len)
{
    size_t depth = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '{' || text[i] == '[') {
            depth++;
        } else if (text[i] == '}' || text[i] == ']') {
            depth--;
            if (depth == 0) {
                return i;
            }
        }
    }
    DR_CHECK(false);
    return 0;
}

/* The next member of a schema; false at its end. */
static bool next_member(const char **schema, size_t *len, struct member *ret_member)
{
    while (*len > 0 && **schema == ' ') {
        (*schema)++;
        (*len)--;
    }
    if (*len == 0) {
        return false;
    }
    size_t name_len = strcspn(*schema, ":{[");
    DR_CHECK(name_len > 0 && name_len + 1 < *len);
    struct member member = {.name = *schema, .name_len = name_len};
    size_t used = name_len + 2;
    if ((*schema)[name_len] == ':') {
        member.kind = (*schema)[name_len + 1];
    } else {
        size_t end = closing(*schema + name_len, *len - name_len);
        member.kind = (*schema)[name_len];
        member.inner = *schema + name_len + 1;
        member.inner_len = end - 1;
        used = name_len + end + 1;
    }
    *schema += used;
    *len -= used;
    *ret_member = member;
    return true;
}

static bool
find_member(const char *schema, size_t schema_len, const char *name, struct member *ret_member)
{
    size_t name_len = strlen(name);
    while (next_member(&schema, &schema_len, ret_member)) { /* bound: the schema */
        bool any = ret_member->name_len == 1 && ret_member->name[0] == '*';
        if (any ||
            (ret_member->name_len == name_len && memcmp(ret_member->name, name, name_len) == 0)) {
            return true;
        }
    }
    return false;
}

static bool list_of(const json_t *value, json_type type)
{
    size_t count = json_array_size(value);
    for (size_t i = 0; i < count; i++) {
        if (json_typeof(json_array_get(value, i)) != type) {
            return false;
        }
    }
    return json_is_array(value);
}

static bool is_kind(const json_t *value, char kind)
{
    switch (kind) {
    case 's':
        return json_is_string(value);
    case 'i':
        return json_is_integer(value);
    case 'n':
        return json_is_number(value);
    case 'b':
        return json_is_boolean(value);
    case 'a':
        return list_of(value, JSON_STRING);
    case '{':
        return json_is_object(value);
    case '[':
        return list_of(value, JSON_OBJECT);
    default:
        return true;
    }
}

static const char *kind_name(char kind)
{
    switch (kind) {
    case 's':
        return "a string";
    case 'i':
        return "an integer";
    case 'n':
        return "a number";
    case 'b':
        return "true or false";
    case 'a':
        return "a list of strings";
    case '{':
        return "an object";
    default:
        return "a list of objects";
    }
}

/* --- checking --- */

/* Objects still to be checked. Breadth is bounded by the body, depth by the parser. */
struct work {
    json_t *object;
    const char *schema;
    size_t schema_len;
};

struct worklist {
    struct work *items;
    size_t count;
    size_t capacity;
    bool failed;
};

static void push(struct worklist *list, json_t *object, const struct member *member)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 16;
        struct work *items = realloc(list->items, capacity * sizeof *items);
        if (items == NULL) {
            list->failed = true;
            return;
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] =
        (struct work){.object = object, .schema = member->inner, .schema_len = member->inner_len};
}

static void push_children(struct worklist *list, json_t *value, const struct member *member)
{
    if (member->kind == '{') {
        push(list, value, member);
    } else if (member->kind == '[') {
        size_t count = json_array_size(value);
        for (size_t i = 0; i < count; i++) {
            push(list, json_array_get(value, i), member);
        }
    }
}

static enum dr_status
check_object(struct worklist *list, struct work work, char error[DR_API_MEMBERS_ERROR_BYTES])
{
    const char *name = NULL;
    json_t *value = NULL;
    void *next = NULL;
    json_object_foreach_safe(work.object, next, name, value)
    {
        struct member member;
        if (!find_member(work.schema, work.schema_len, name, &member)) {
            (void)snprintf(
                error, DR_API_MEMBERS_ERROR_BYTES, "unknown member \"%.100s\" in the body", name);
            return DR_E_FORMAT;
        }
        if (json_is_null(value)) {
            (void)json_object_del(work.object, name);
            continue;
        }
        if (!is_kind(value, member.kind)) {
            (void)snprintf(
                error, DR_API_MEMBERS_ERROR_BYTES, "member \"%.100s\" must be %s", name,
                kind_name(member.kind));
            return DR_E_FORMAT;
        }
        push_children(list, value, &member);
    }
    return DR_OK;
}

enum dr_status
dr_api_members_check(json_t *object, const char *schema, char error[DR_API_MEMBERS_ERROR_BYTES])
{
    struct worklist list = {0};
    struct member root = {
        .inner = schema == NULL ? "" : schema, .inner_len = schema == NULL ? 0 : strlen(schema)};
    enum dr_status status = DR_OK;
    push(&list, object, &root);
    while (status == DR_OK && list.count > 0) { /* bound: the objects of the body */
        struct work work = list.items[--list.count];
        status = check_object(&list, work, error);
    }
    if (status == DR_OK && list.failed) {
        (void)snprintf(error, DR_API_MEMBERS_ERROR_BYTES, "no memory");
        status = DR_E_SPACE;
    }
    free(list.items);
    return status;
}

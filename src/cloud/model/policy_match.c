/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Variables and patterns of compiled policies. */
#include "cloud/model/policy_priv.h"

#include <string.h>

struct variable_name {
    const char *text;
    enum dr_policy_variable id;
};

static const struct variable_name variable_names[] = {
    {"iot:ClientId", DR_VARIABLE_CLIENT_ID},
    {"iot:Connection.Thing.ThingName", DR_VARIABLE_THING_NAME},
    {"iot:Thing.ThingName", DR_VARIABLE_THING_NAME}, /* the older spelling */
    {"iot:Connection.Thing.ThingTypeName", DR_VARIABLE_THING_TYPE},
    {"iot:Connection.Thing.IsAttached", DR_VARIABLE_IS_ATTACHED},
    {"aws:SourceIp", DR_VARIABLE_SOURCE_IP},
    {"iot:DomainName", DR_VARIABLE_DOMAIN_NAME},
    {"iot:LastWillTopic", DR_VARIABLE_LAST_WILL_TOPIC},
    {"iot:ConnectAttributes", DR_VARIABLE_CONNECT_ATTRIBUTES},
};

static const char attribute_begin[] = "iot:Connection.Thing.Attributes[";
static const char certificate_begin[] = "iot:Certificate.";

static bool begins_with(const char *text, size_t text_len, const char *prefix, size_t prefix_len)
{
    return text_len >= prefix_len && memcmp(text, prefix, prefix_len) == 0;
}

bool dr_policy_has_name(enum dr_policy_variable id)
{
    return id == DR_VARIABLE_ATTRIBUTE || id == DR_VARIABLE_CERTIFICATE;
}

bool dr_policy_variable_parse(
    const char *text, size_t text_len, struct dr_policy_reference *ret_reference)
{
    for (size_t i = 0; i < sizeof variable_names / sizeof variable_names[0]; i++) {
        const char *name = variable_names[i].text;
        if (text_len == strlen(name) && memcmp(text, name, text_len) == 0) {
            *ret_reference = (struct dr_policy_reference){.id = variable_names[i].id};
            return true;
        }
    }
    size_t begin = sizeof attribute_begin - 1;
    if (begins_with(text, text_len, attribute_begin, begin) && text_len >= begin + 2 &&
        text_len - begin - 1 <= UINT8_MAX && text[text_len - 1] == ']') {
        ret_reference->id = DR_VARIABLE_ATTRIBUTE;
        ret_reference->name = (struct dr_policy_text){text + begin, text_len - begin - 1};
        return true;
    }
    if (begins_with(text, text_len, certificate_begin, sizeof certificate_begin - 1) &&
        text_len <= UINT8_MAX) {
        ret_reference->id = DR_VARIABLE_CERTIFICATE;
        ret_reference->name = (struct dr_policy_text){text, text_len};
        return true;
    }
    return false;
}

void dr_policy_read_reference(struct dr_reader *reader, struct dr_policy_reference *ret_reference)
{
    unsigned id = dr_read_u8(reader);
    *ret_reference = (struct dr_policy_reference){.id = DR_VARIABLE_NONE};
    if (id == DR_VARIABLE_NONE || id > DR_VARIABLE_CONNECT_ATTRIBUTES) {
        dr_reader_fail(reader, DR_E_FORMAT);
        return;
    }
    ret_reference->id = (enum dr_policy_variable)id;
    if (dr_policy_has_name(ret_reference->id)) {
        size_t len = dr_read_u8(reader);
        ret_reference->name.data = (const char *)dr_reader_view(reader, len);
        ret_reference->name.len = ret_reference->name.data != NULL ? len : 0;
    }
}

void dr_policy_read_token(struct dr_reader *reader, struct dr_policy_token *ret_token)
{
    unsigned kind = dr_read_u8(reader);
    *ret_token = (struct dr_policy_token){.kind = DR_TOKEN_LITERAL};
    if (kind > DR_TOKEN_VARIABLE) {
        dr_reader_fail(reader, DR_E_FORMAT);
        return;
    }
    ret_token->kind = (enum dr_policy_token_kind)kind;
    if (ret_token->kind == DR_TOKEN_LITERAL) {
        size_t len = dr_read_u8(reader);
        ret_token->literal.data = (const char *)dr_reader_view(reader, len);
        ret_token->literal.len = ret_token->literal.data != NULL ? len : 0;
    } else if (ret_token->kind == DR_TOKEN_VARIABLE) {
        dr_policy_read_reference(reader, &ret_token->variable);
    }
}

static bool resolve_text(const char *text, struct dr_policy_text *ret_value)
{
    if (text == NULL) {
        return false;
    }
    *ret_value = (struct dr_policy_text){text, strlen(text)};
    return true;
}

static bool resolve_pair(
    const struct dr_policy_pair *pairs, size_t count, struct dr_policy_text name,
    struct dr_policy_text *ret_value)
{
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].name_len == name.len && memcmp(pairs[i].name, name.data, name.len) == 0) {
            *ret_value = (struct dr_policy_text){pairs[i].value, pairs[i].value_len};
            return true;
        }
    }
    return false;
}

bool dr_policy_resolve(
    const struct dr_policy_request *request, const struct dr_policy_reference *reference,
    struct dr_policy_text *ret_value)
{
    switch (reference->id) {
    case DR_VARIABLE_CLIENT_ID:
        return resolve_text(request->client_id, ret_value);
    case DR_VARIABLE_THING_NAME:
        return resolve_text(request->thing_name, ret_value);
    case DR_VARIABLE_THING_TYPE:
        return resolve_text(request->thing_type, ret_value);
    case DR_VARIABLE_IS_ATTACHED:
        return resolve_text(request->is_attached ? "true" : "false", ret_value);
    case DR_VARIABLE_SOURCE_IP:
        return resolve_text(request->source_ip, ret_value);
    case DR_VARIABLE_DOMAIN_NAME:
        return resolve_text(request->domain_name, ret_value);
    case DR_VARIABLE_LAST_WILL_TOPIC:
        return resolve_text(request->last_will_topic, ret_value);
    case DR_VARIABLE_ATTRIBUTE:
        return resolve_pair(
            request->attributes, request->attribute_count, reference->name, ret_value);
    case DR_VARIABLE_CERTIFICATE:
        return resolve_pair(
            request->certificate, request->certificate_count, reference->name, ret_value);
    case DR_VARIABLE_CONNECT_ATTRIBUTES: /* a set: only conditions know what to do with it */
    case DR_VARIABLE_NONE:
        break;
    }
    return false;
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool equal(const char *a, const char *b, size_t len, bool ignore_case)
{
    if (!ignore_case) {
        return len == 0 || memcmp(a, b, len) == 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (fold(a[i]) != fold(b[i])) {
            return false;
        }
    }
    return true;
}

/* Bytes of the character at text[at]: `?` takes one character, not one byte of it. */
static size_t char_len(struct dr_policy_text text, size_t at)
{
    size_t end = at + 1;
    while (end < text.len && ((uint8_t)text.data[end] & 0xc0u) == 0x80u) {
        end++;
    }
    return end - at;
}

struct position {
    size_t token; /* offset in the pattern */
    size_t text;  /* offset in the text */
};

/* One token at the current position. False: it does not fit here. */
static bool step(
    const struct dr_policy_token *token, const struct dr_policy_request *request,
    struct dr_policy_text text, bool ignore_case, size_t *text_at)
{
    struct dr_policy_text want = token->literal;
    if (token->kind == DR_TOKEN_ONE) {
        if (*text_at >= text.len) {
            return false;
        }
        *text_at += char_len(text, *text_at);
        return true;
    }
    if (token->kind == DR_TOKEN_VARIABLE && !dr_policy_resolve(request, &token->variable, &want)) {
        return false;
    }
    if (want.len > text.len - *text_at ||
        !equal(text.data + *text_at, want.data, want.len, ignore_case)) {
        return false;
    }
    *text_at += want.len;
    return true;
}

/* Backtracking to the last `*` is enough: an earlier one could only skip more.
 * bound: each round reads a token, and the last `*` moves on at most text.len times. */
enum dr_policy_match dr_policy_pattern_matches(
    struct dr_policy_text pattern, const struct dr_policy_request *request,
    struct dr_policy_text text, bool ignore_case)
{
    struct position at = {0, 0};
    struct position star = {0, 0};
    bool has_star = false;
    for (;;) {
        bool fits = at.token == pattern.len && at.text == text.len;
        if (fits) {
            return DR_MATCH_YES;
        }
        if (at.token < pattern.len) {
            struct dr_reader reader;
            dr_reader_init(
                &reader, (const uint8_t *)pattern.data + at.token, pattern.len - at.token);
            struct dr_policy_token token;
            dr_policy_read_token(&reader, &token);
            if (reader.status != DR_OK) {
                return DR_MATCH_DAMAGED;
            }
            size_t next = at.token + reader.offset_bytes;
            if (token.kind == DR_TOKEN_ANY) {
                has_star = true;
                at.token = next;
                star = at;
                continue;
            }
            fits = step(&token, request, text, ignore_case, &at.text);
            at.token = next;
        }
        if (!fits) {
            if (!has_star || star.text >= text.len) {
                return DR_MATCH_NO;
            }
            star.text++;
            at = star;
        }
    }
}

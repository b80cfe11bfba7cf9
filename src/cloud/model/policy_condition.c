/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Conditions of compiled policies. */
#include "cloud/model/policy_priv.h"

#include <arpa/inet.h>
#include <string.h>

#define IP_TEXT_SIZE 64u

struct ip {
    uint8_t bytes[16];
    unsigned bits; /* 32 or 128 */
};

static bool ip_parse(struct dr_policy_text text, struct ip *ret_ip)
{
    char copy[IP_TEXT_SIZE];
    if (text.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    memset(ret_ip, 0, sizeof *ret_ip);
    if (inet_pton(AF_INET, copy, ret_ip->bytes) == 1) {
        ret_ip->bits = 32;
        return true;
    }
    ret_ip->bits = 128;
    return inet_pton(AF_INET6, copy, ret_ip->bytes) == 1;
}

static bool range_parse(struct dr_policy_text text, struct ip *ret_ip, unsigned *ret_prefix)
{
    const char *slash = memchr(text.data, '/', text.len);
    if (slash == NULL) {
        if (!ip_parse(text, ret_ip)) {
            return false;
        }
        *ret_prefix = ret_ip->bits;
        return true;
    }
    struct dr_policy_text address = {text.data, (size_t)(slash - text.data)};
    if (!ip_parse(address, ret_ip)) {
        return false;
    }
    unsigned prefix = 0;
    size_t digits = text.len - address.len - 1;
    if (digits == 0 || digits > 3) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        char c = slash[1 + i];
        if (c < '0' || c > '9') {
            return false;
        }
        prefix = 10u * prefix + (unsigned)(c - '0');
    }
    *ret_prefix = prefix;
    return prefix <= ret_ip->bits;
}

bool dr_policy_ip_range_valid(struct dr_policy_text range)
{
    struct ip ip;
    unsigned prefix = 0;
    return range_parse(range, &ip, &prefix);
}

static bool ip_in_range(struct dr_policy_text range, struct dr_policy_text address)
{
    struct ip want;
    struct ip have;
    unsigned prefix = 0;
    if (!range_parse(range, &want, &prefix) || !ip_parse(address, &have) ||
        want.bits != have.bits) {
        return false;
    }
    for (unsigned bit = 0; bit < prefix; bit += 8) {
        unsigned left = prefix - bit;
        unsigned mask = left >= 8 ? 0xffu : (0xffu << (8 - left)) & 0xffu;
        if (((want.bytes[bit / 8] ^ have.bytes[bit / 8]) & mask) != 0) {
            return false;
        }
    }
    return true;
}

/* The values of a condition's key: at most two ("PersistentConnect", "LastWill"). */
struct value_set {
    struct dr_policy_text values[2];
    size_t count;
};

static void key_values(
    const struct dr_policy_request *request, const struct dr_policy_reference *key,
    struct value_set *ret_set)
{
    ret_set->count = 0;
    if (key->id == DR_VARIABLE_CONNECT_ATTRIBUTES) {
        if (request->persistent_connect) {
            ret_set->values[ret_set->count++] = (struct dr_policy_text){"PersistentConnect", 17};
        }
        if (request->last_will_topic != NULL) {
            ret_set->values[ret_set->count++] = (struct dr_policy_text){"LastWill", 8};
        }
    } else if (dr_policy_resolve(request, key, &ret_set->values[0])) {
        ret_set->count = 1;
    }
}

/* A literal pattern's text: what IP ranges are compiled to. */
static bool pattern_literal(struct dr_policy_text pattern, struct dr_policy_text *ret_text)
{
    struct dr_reader reader;
    struct dr_policy_token token;
    dr_reader_init(&reader, (const uint8_t *)pattern.data, pattern.len);
    dr_policy_read_token(&reader, &token);
    *ret_text = token.literal;
    return dr_reader_end(&reader) == DR_OK && token.kind == DR_TOKEN_LITERAL;
}

static enum dr_policy_match value_matches(
    unsigned op, struct dr_policy_text pattern, const struct dr_policy_request *request,
    struct dr_policy_text value)
{
    if (op == DR_OPERATOR_IP_ADDRESS) {
        struct dr_policy_text range;
        if (!pattern_literal(pattern, &range)) {
            return DR_MATCH_DAMAGED;
        }
        return ip_in_range(range, value) ? DR_MATCH_YES : DR_MATCH_NO;
    }
    bool ignore_case = op == DR_OPERATOR_STRING_EQUALS_IGNORE_CASE || op == DR_OPERATOR_BOOL;
    return dr_policy_pattern_matches(pattern, request, value, ignore_case);
}

/* Does the value equal any of the condition's? patterns is read from a copy of the reader. */
static enum dr_policy_match any_pattern(
    struct dr_reader patterns, unsigned count, unsigned op, const struct dr_policy_request *request,
    struct dr_policy_text value)
{
    enum dr_policy_match result = DR_MATCH_NO;
    for (unsigned i = 0; i < count && result == DR_MATCH_NO; i++) {
        size_t len = dr_read_u16(&patterns);
        const uint8_t *tokens = dr_reader_view(&patterns, len);
        if (tokens == NULL) {
            return DR_MATCH_DAMAGED;
        }
        struct dr_policy_text pattern = {(const char *)tokens, len};
        result = value_matches(op, pattern, request, value);
    }
    return result;
}

static void skip_patterns(struct dr_reader *reader, unsigned count)
{
    for (unsigned i = 0; i < count && reader->status == DR_OK; i++) {
        size_t len = dr_read_u16(reader);
        (void)dr_reader_view(reader, len);
    }
}

/* A key without a value: only ...IfExists and ForAllValues (true for the empty set) hold. */
static enum dr_policy_match empty_holds(unsigned flags)
{
    return (flags & (DR_CONDITION_IF_EXISTS | DR_CONDITION_FOR_ALL)) != 0 ? DR_MATCH_YES
                                                                          : DR_MATCH_NO;
}

enum dr_policy_match
dr_policy_condition_holds(struct dr_reader *reader, const struct dr_policy_request *request)
{
    unsigned op = dr_read_u8(reader);
    unsigned flags = dr_read_u8(reader);
    struct dr_policy_reference key;
    dr_policy_read_reference(reader, &key);
    unsigned count = dr_read_u8(reader);
    struct dr_reader patterns = *reader;
    skip_patterns(reader, count);
    if (reader->status != DR_OK || op > DR_OPERATOR_IP_ADDRESS) {
        return DR_MATCH_DAMAGED;
    }

    struct value_set set;
    key_values(request, &key, &set);
    if (set.count == 0) {
        return empty_holds(flags);
    }
    bool negated = (flags & DR_CONDITION_NEGATED) != 0;
    size_t holding = 0;
    for (size_t i = 0; i < set.count; i++) {
        enum dr_policy_match match = any_pattern(patterns, count, op, request, set.values[i]);
        if (match == DR_MATCH_DAMAGED) {
            return match;
        }
        holding += (match == DR_MATCH_YES) != negated ? 1u : 0u;
    }
    bool any_is_enough = (flags & DR_CONDITION_FOR_ANY) != 0;
    return holding == set.count || (any_is_enough && holding != 0) ? DR_MATCH_YES : DR_MATCH_NO;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/model/policy.h"

#include "base/check.h"
#include "cloud/model/policy_priv.h"

#include <string.h>

static const char *const resource_prefixes[] = {
#define PREFIX(name, bit, action, prefix) [bit] = (prefix),
    DR_POLICY_ACTION_LIST(PREFIX)
#undef PREFIX
};

struct arn {
    char text[DR_POLICY_RESOURCE_MAX];
    size_t len;
    bool fits;
};

static void arn_append(struct arn *arn, const char *part)
{
    size_t len = strlen(part);
    if (len > sizeof arn->text - arn->len) {
        arn->fits = false;
        return;
    }
    memcpy(arn->text + arn->len, part, len);
    arn->len += len;
}

static void arn_build(struct arn *arn, const struct dr_policy_request *request)
{
    arn->len = 0;
    arn->fits = true;
    arn_append(arn, "arn:aws:iot:");
    arn_append(arn, request->region);
    arn_append(arn, ":");
    arn_append(arn, request->account);
    arn_append(arn, ":");
    arn_append(arn, resource_prefixes[request->action]);
    arn_append(arn, request->name);
}

/* Any of the statement's resources; all are read, so that the conditions follow in the reader. */
static enum dr_policy_match resources_match(
    struct dr_reader *body, const struct dr_policy_request *request, const struct arn *arn)
{
    enum dr_policy_match result = DR_MATCH_NO;
    unsigned count = dr_read_u8(body);
    for (unsigned i = 0; i < count && body->status == DR_OK; i++) {
        size_t len = dr_read_u16(body);
        const uint8_t *tokens = dr_reader_view(body, len);
        if (tokens == NULL || result != DR_MATCH_NO) {
            continue;
        }
        struct dr_policy_text pattern = {(const char *)tokens, len};
        struct dr_policy_text text = {arn->text, arn->len};
        result = dr_policy_pattern_matches(pattern, request, text, false);
    }
    return body->status == DR_OK ? result : DR_MATCH_DAMAGED;
}

/* All of the statement's conditions. */
static enum dr_policy_match
conditions_hold(struct dr_reader *body, const struct dr_policy_request *request)
{
    enum dr_policy_match result = DR_MATCH_YES;
    unsigned count = dr_read_u8(body);
    for (unsigned i = 0; i < count && result == DR_MATCH_YES; i++) {
        result = dr_policy_condition_holds(body, request);
    }
    return body->status == DR_OK ? result : DR_MATCH_DAMAGED;
}

static enum dr_policy_verdict statement_verdict(
    struct dr_reader *body, const struct dr_policy_request *request, const struct arn *arn)
{
    bool allow = dr_read_u8(body) != 0;
    unsigned actions = dr_read_u16(body);
    if (body->status != DR_OK) {
        return DR_POLICY_EXPLICIT_DENY;
    }
    if ((actions & (1u << (unsigned)request->action)) == 0) {
        return DR_POLICY_IMPLICIT_DENY;
    }
    enum dr_policy_match match = resources_match(body, request, arn);
    if (match == DR_MATCH_YES) {
        match = conditions_hold(body, request);
    }
    if (match == DR_MATCH_DAMAGED) {
        return DR_POLICY_EXPLICIT_DENY;
    }
    if (match == DR_MATCH_NO) {
        return DR_POLICY_IMPLICIT_DENY;
    }
    return allow ? DR_POLICY_ALLOWED : DR_POLICY_EXPLICIT_DENY;
}

static enum dr_policy_verdict policy_verdict(
    struct dr_policy_view policy, const struct dr_policy_request *request, const struct arn *arn)
{
    struct dr_reader reader;
    dr_reader_init(&reader, policy.data, policy.size_bytes);
    unsigned format = dr_read_u8(&reader);
    unsigned count = dr_read_u8(&reader);
    if (reader.status != DR_OK || format != DR_POLICY_FORMAT || count > DR_POLICY_STATEMENTS_MAX) {
        return DR_POLICY_EXPLICIT_DENY;
    }
    enum dr_policy_verdict verdict = DR_POLICY_IMPLICIT_DENY;
    for (unsigned i = 0; i < count; i++) {
        size_t len = dr_read_u16(&reader);
        const uint8_t *bytes = dr_reader_view(&reader, len);
        if (bytes == NULL) {
            return DR_POLICY_EXPLICIT_DENY;
        }
        struct dr_reader body;
        dr_reader_init(&body, bytes, len);
        enum dr_policy_verdict one = statement_verdict(&body, request, arn);
        if (one == DR_POLICY_EXPLICIT_DENY) {
            return one;
        }
        if (one == DR_POLICY_ALLOWED) {
            verdict = one;
        }
    }
    return dr_reader_end(&reader) == DR_OK ? verdict : DR_POLICY_EXPLICIT_DENY;
}

enum dr_policy_verdict dr_policy_evaluate(
    const struct dr_policy_view *policies, size_t policy_count,
    const struct dr_policy_request *request)
{
    DR_CHECK((size_t)request->action < DR_ARRAY_COUNT(resource_prefixes));
    DR_CHECK(request->name != NULL && request->region != NULL && request->account != NULL);

    struct arn arn;
    arn_build(&arn, request);
    if (!arn.fits) {
        return DR_POLICY_IMPLICIT_DENY;
    }
    enum dr_policy_verdict verdict = DR_POLICY_IMPLICIT_DENY;
    for (size_t i = 0; i < policy_count; i++) {
        enum dr_policy_verdict one = policy_verdict(policies[i], request, &arn);
        if (one == DR_POLICY_EXPLICIT_DENY) {
            return one;
        }
        if (one == DR_POLICY_ALLOWED) {
            verdict = one;
        }
    }
    return verdict;
}

static void check_pattern(struct dr_reader *body)
{
    size_t len = dr_read_u16(body);
    const uint8_t *bytes = dr_reader_view(body, len);
    if (bytes == NULL) {
        return;
    }
    struct dr_reader tokens;
    dr_reader_init(&tokens, bytes, len);
    while (dr_reader_left(&tokens) != 0 && tokens.status == DR_OK) {
        struct dr_policy_token token;
        dr_policy_read_token(&tokens, &token);
    }
    if (tokens.status != DR_OK) {
        dr_reader_fail(body, DR_E_FORMAT);
    }
}

static void check_condition(struct dr_reader *body)
{
    unsigned op = dr_read_u8(body);
    (void)dr_read_u8(body);
    struct dr_policy_reference reference;
    dr_policy_read_reference(body, &reference);
    if (op > DR_OPERATOR_IP_ADDRESS) {
        dr_reader_fail(body, DR_E_FORMAT);
    }
    unsigned count = dr_read_u8(body);
    for (unsigned i = 0; i < count && body->status == DR_OK; i++) {
        check_pattern(body);
    }
}

static enum dr_status check_statement(const uint8_t *bytes, size_t len)
{
    struct dr_reader body;
    dr_reader_init(&body, bytes, len);
    if (dr_read_u8(&body) > 1u) {
        dr_reader_fail(&body, DR_E_FORMAT);
    }
    (void)dr_read_u16(&body);
    unsigned resources = dr_read_u8(&body);
    for (unsigned i = 0; i < resources && body.status == DR_OK; i++) {
        check_pattern(&body);
    }
    unsigned conditions = dr_read_u8(&body);
    for (unsigned i = 0; i < conditions && body.status == DR_OK; i++) {
        check_condition(&body);
    }
    return dr_reader_end(&body);
}

enum dr_status dr_policy_check(struct dr_policy_view policy)
{
    struct dr_reader reader;
    dr_reader_init(&reader, policy.data, policy.size_bytes);
    unsigned format = dr_read_u8(&reader);
    unsigned count = dr_read_u8(&reader);
    if (format != DR_POLICY_FORMAT || count > DR_POLICY_STATEMENTS_MAX) {
        return DR_E_FORMAT;
    }
    for (unsigned i = 0; i < count; i++) {
        size_t len = dr_read_u16(&reader);
        const uint8_t *bytes = dr_reader_view(&reader, len);
        if (bytes == NULL || check_statement(bytes, len) != DR_OK) {
            return DR_E_FORMAT;
        }
    }
    return dr_reader_end(&reader) == DR_OK ? DR_OK : DR_E_FORMAT;
}

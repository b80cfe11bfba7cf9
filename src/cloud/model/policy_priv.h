/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private to cloud/model: the bytes of a compiled policy.
 *
 *   policy     u8 format (1), u8 statement count, statements
 *   statement  u16 bytes that follow, u8 allow, u16 action bits, u8 resource count, patterns,
 *              u8 condition count, conditions
 *   condition  u8 operator, u8 flags, variable, u8 value count, patterns
 *   pattern    u16 bytes that follow, tokens
 *   token      u8 kind; LITERAL: u8 length, bytes; VARIABLE: variable; ANY, ONE: nothing
 *   variable   u8 id; with a name: u8 length, bytes
 *
 * Little-endian, no padding.
 */
#ifndef DR_CLOUD_MODEL_POLICY_PRIV_H
#define DR_CLOUD_MODEL_POLICY_PRIV_H

#include "base/cursor.h"
#include "cloud/model/policy.h"

#define DR_POLICY_FORMAT 1u

enum dr_policy_token_kind {
    DR_TOKEN_LITERAL = 0,
    DR_TOKEN_ANY = 1,
    DR_TOKEN_ONE = 2,
    DR_TOKEN_VARIABLE = 3,
};

enum dr_policy_variable {
    DR_VARIABLE_NONE = 0,
    DR_VARIABLE_CLIENT_ID = 1,
    DR_VARIABLE_THING_NAME = 2,
    DR_VARIABLE_THING_TYPE = 3,
    DR_VARIABLE_IS_ATTACHED = 4,
    DR_VARIABLE_SOURCE_IP = 5,
    DR_VARIABLE_DOMAIN_NAME = 6,
    DR_VARIABLE_ATTRIBUTE = 7,          /* named */
    DR_VARIABLE_CERTIFICATE = 8,        /* named */
    DR_VARIABLE_LAST_WILL_TOPIC = 9,    /* conditions only */
    DR_VARIABLE_CONNECT_ATTRIBUTES = 10 /* conditions only; a set */
};

enum dr_policy_operator {
    DR_OPERATOR_STRING_EQUALS = 0,
    DR_OPERATOR_STRING_EQUALS_IGNORE_CASE = 1,
    DR_OPERATOR_STRING_LIKE = 2,
    DR_OPERATOR_BOOL = 3,
    DR_OPERATOR_IP_ADDRESS = 4,
};

#define DR_CONDITION_NEGATED 1u
#define DR_CONDITION_IF_EXISTS 2u
#define DR_CONDITION_FOR_ALL 4u
#define DR_CONDITION_FOR_ANY 8u

struct dr_policy_text {
    const char *data;
    size_t len;
};

/* A variable as referred to by a token or a condition. */
struct dr_policy_reference {
    enum dr_policy_variable id;
    struct dr_policy_text name; /* of an attribute or certificate field */
};

struct dr_policy_token {
    enum dr_policy_token_kind kind;
    struct dr_policy_text literal;
    struct dr_policy_reference variable;
};

enum dr_policy_match {
    DR_MATCH_NO = 0,
    DR_MATCH_YES = 1,
    DR_MATCH_DAMAGED = 2, /* the bytes are not a policy */
};

bool dr_policy_has_name(enum dr_policy_variable id);

/* "iot:ClientId" and so on. False: unknown. */
bool dr_policy_variable_parse(
    const char *text, size_t text_len, struct dr_policy_reference *ret_reference);

/* Errors are latched in the reader. */
void dr_policy_read_reference(struct dr_reader *reader, struct dr_policy_reference *ret_reference);
void dr_policy_read_token(struct dr_reader *reader, struct dr_policy_token *ret_token);

/* The value of a variable with at most one; false: unresolved. */
bool dr_policy_resolve(
    const struct dr_policy_request *request, const struct dr_policy_reference *reference,
    struct dr_policy_text *ret_value);

/* pattern: the tokens without the length in front. */
enum dr_policy_match dr_policy_pattern_matches(
    struct dr_policy_text pattern, const struct dr_policy_request *request,
    struct dr_policy_text text, bool ignore_case);

/* Read one condition and judge it. */
enum dr_policy_match
dr_policy_condition_holds(struct dr_reader *reader, const struct dr_policy_request *request);

/* "192.0.2.0/24", "2001:db8::1". False: not an address (range). */
bool dr_policy_ip_range_valid(struct dr_policy_text range);

#endif

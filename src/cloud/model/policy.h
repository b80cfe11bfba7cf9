/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Device policies: a compact compiled form, and its evaluation (AWS IoT's published API).
 *
 * The service parses policy JSON and compiles it with the builder; the compiled bytes travel in the
 * gate's snapshot; the gate evaluates them on the broker's only thread. Evaluation allocates
 * nothing, never recurses and reads the bytes with bounds checks, so damaged bytes cost a denial
 * and nothing else.
 *
 * `*` matches any run of characters, `?` one character; `+` and `#` are ordinary characters. A
 * variable that does not resolve makes its pattern match nothing.
 */
#ifndef DR_CLOUD_MODEL_POLICY_H
#define DR_CLOUD_MODEL_POLICY_H

#include "base/cursor.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_POLICY_COMPILED_MAX 8192u /* bytes of one compiled policy */
#define DR_POLICY_DOCUMENT_MAX 2048u /* characters without white space */
#define DR_POLICY_STATEMENTS_MAX 64u
#define DR_POLICY_RESOURCE_MAX 1024u /* bytes of a full ARN at evaluation; longer is denied */
#define DR_POLICY_PER_PRINCIPAL_MAX 10u

/* X(name, bit, action, first part of the resource) */
#define DR_POLICY_ACTION_LIST(X)                                                                   \
    X(DR_POLICY_CONNECT, 0, "iot:Connect", "client/")                                              \
    X(DR_POLICY_PUBLISH, 1, "iot:Publish", "topic/")                                               \
    X(DR_POLICY_RETAIN_PUBLISH, 2, "iot:RetainPublish", "topic/")                                  \
    X(DR_POLICY_SUBSCRIBE, 3, "iot:Subscribe", "topicfilter/")                                     \
    X(DR_POLICY_RECEIVE, 4, "iot:Receive", "topic/")                                               \
    X(DR_POLICY_DESCRIBE_JOB_EXECUTION, 5, "iot:DescribeJobExecution", "thing/")                   \
    X(DR_POLICY_GET_PENDING_JOB_EXECUTIONS, 6, "iot:GetPendingJobExecutions", "thing/")            \
    X(DR_POLICY_START_NEXT_JOB_EXECUTION, 7, "iot:StartNextPendingJobExecution", "thing/")         \
    X(DR_POLICY_UPDATE_JOB_EXECUTION, 8, "iot:UpdateJobExecution", "thing/")                       \
    X(DR_POLICY_GET_THING_SHADOW, 9, "iot:GetThingShadow", "thing/")                               \
    X(DR_POLICY_UPDATE_THING_SHADOW, 10, "iot:UpdateThingShadow", "thing/")                        \
    X(DR_POLICY_DELETE_THING_SHADOW, 11, "iot:DeleteThingShadow", "thing/")

enum dr_policy_action {
#define DR_POLICY_ENUM(name, bit, action, prefix) name = bit,
    DR_POLICY_ACTION_LIST(DR_POLICY_ENUM)
#undef DR_POLICY_ENUM
};

enum dr_policy_verdict {
    DR_POLICY_IMPLICIT_DENY = 0, /* nothing allows it */
    DR_POLICY_ALLOWED = 1,
    DR_POLICY_EXPLICIT_DENY = 2, /* a Deny matches, or a policy is damaged */
};

/* One compiled policy, borrowed. */
struct dr_policy_view {
    const uint8_t *data;
    size_t size_bytes;
};

/* A name and its value, borrowed; neither needs a NUL at its end. */
struct dr_policy_pair {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

/* What is asked, by whom. Text is borrowed and NUL-terminated; NULL = not known (unresolved). */
struct dr_policy_request {
    enum dr_policy_action action;
    const char *name;    /* client id, topic, topic filter or thing, without the resource prefix */
    const char *region;  /* of the ARN, e.g. "local" */
    const char *account; /* of the ARN, e.g. "000000000000" */

    const char *client_id;
    /* Thing variables: set only when the certificate is attached to the thing and, unless that is
     * exclusive, the client id equals the thing name. */
    const char *thing_name;
    const char *thing_type;
    bool is_attached;
    const struct dr_policy_pair *attributes;
    size_t attribute_count;

    const char *source_ip;
    const char *domain_name;
    const struct dr_policy_pair *certificate; /* "iot:Certificate.Subject.CommonName" and so on */
    size_t certificate_count;

    /* For iot:Connect. */
    bool persistent_connect;
    const char *last_will_topic; /* NULL = no will */
};

/* The IAM rule over all policies together: a matching Deny wins, else a matching Allow. */
enum dr_policy_verdict dr_policy_evaluate(
    const struct dr_policy_view *policies, size_t policy_count,
    const struct dr_policy_request *request);

/* DR_E_FORMAT unless every part of the bytes can be read. */
DR_MUST_USE enum dr_status dr_policy_check(struct dr_policy_view policy);

/* Builder: statement by statement. The first error stays and is returned by the finish call. */
struct dr_policy_builder {
    struct dr_writer writer;
    /* private */
    size_t statement_at;  /* where the open statement begins */
    size_t conditions_at; /* counter of its conditions */
    size_t values_at;     /* counter of the open condition's values */
    int part;             /* what the open statement is being given */
    int op;               /* of the open condition */
};

void dr_policy_build_begin(struct dr_policy_builder *builder, uint8_t *out, size_t capacity_bytes);
void dr_policy_build_statement(struct dr_policy_builder *builder, bool allow);

/* pattern: "iot:Publish", "iot:*", "*", "iot:Pub*". An action outside the list above (shadow
 * variants, other services) is legal and matches nothing here. */
void dr_policy_build_action(struct dr_policy_builder *builder, const char *pattern);
/* pattern: "*" or an ARN with wildcards and ${variables}. After the statement's actions. */
void dr_policy_build_resource(struct dr_policy_builder *builder, const char *pattern);

/* Begin one condition (one operator and one key); its values follow. After the resources.
 * op_name: as in the document: String{Equals,NotEquals,EqualsIgnoreCase,NotEqualsIgnoreCase,Like,
 * NotLike}, Arn{Equals,Like,NotEquals,NotLike}, Bool, IpAddress, NotIpAddress, with ForAllValues:
 * or ForAnyValue: before and IfExists after it. */
void dr_policy_build_condition(
    struct dr_policy_builder *builder, const char *op_name, const char *key);
void dr_policy_build_value(struct dr_policy_builder *builder, const char *value);

/* DR_E_SPACE: too large. DR_E_FORMAT: bad variable, no action, no resource. DR_E_UNSUPPORTED: an
 * operator or variable this service does not know. */
DR_MUST_USE enum dr_status
dr_policy_build_finish(struct dr_policy_builder *builder, size_t *ret_size_bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Compiling and evaluating device policies, damaged bytes included. */
#include "cloud/model/policy.h"

#include "tests/unit/check.h"

#define REGION "local"
#define ACCOUNT "000000000000"
#define ARN "arn:aws:iot:" REGION ":" ACCOUNT ":"

static uint8_t bytes[DR_POLICY_COMPILED_MAX];

/* A policy of one statement with one action and one resource. */
static struct dr_policy_view simple(bool allow, const char *action, const char *resource)
{
    struct dr_policy_builder builder;
    size_t size = 0;
    dr_policy_build_begin(&builder, bytes, sizeof bytes);
    dr_policy_build_statement(&builder, allow);
    dr_policy_build_action(&builder, action);
    dr_policy_build_resource(&builder, resource);
    enum dr_status status = dr_policy_build_finish(&builder, &size);
    EXPECT_EQ(status, DR_OK);
    return (struct dr_policy_view){bytes, size};
}

static struct dr_policy_request request(enum dr_policy_action action, const char *name)
{
    return (struct dr_policy_request){
        .action = action,
        .name = name,
        .region = REGION,
        .account = ACCOUNT,
        .client_id = "doll-1",
        .thing_name = "doll-1",
        .is_attached = true};
}

struct row {
    const char *action;
    const char *resource;
    enum dr_policy_action asked;
    const char *name;
    bool matches;
};

static const struct row rows[] = {
    {"iot:Publish", ARN "topic/a/b", DR_POLICY_PUBLISH, "a/b", true},
    {"iot:Publish", ARN "topic/a/b", DR_POLICY_PUBLISH, "a/b/c", false},
    {"iot:Publish", ARN "topic/a/b", DR_POLICY_RECEIVE, "a/b", false},
    {"iot:Publish", ARN "topic/a/b", DR_POLICY_RETAIN_PUBLISH, "a/b", false},
    {"iot:*", ARN "topic/a/*", DR_POLICY_RECEIVE, "a/b/c", true},
    {"*", "*", DR_POLICY_CONNECT, "any", true},
    {"iot:P?blish", ARN "topic/a?c", DR_POLICY_PUBLISH, "abc", true},
    {"iot:P?blish", ARN "topic/a?c", DR_POLICY_PUBLISH, "ac", false},
    {"iot:Publish", ARN "topic/a?c", DR_POLICY_PUBLISH,
     "a\xc3\xa4"
     "c",
     true},
    {"iot:Publish", ARN "topic/*/x/*", DR_POLICY_PUBLISH, "a/y/x/b", true},
    {"iot:Publish", ARN "topic/*/x/*", DR_POLICY_PUBLISH, "a/y/b", false},
    {"iot:Publish", ARN "topic/*ab", DR_POLICY_PUBLISH, "aab", true},
    {"iot:Publish", ARN "topic/*aab*b", DR_POLICY_PUBLISH, "aaabab", true},
    /* Wildcards of MQTT are ordinary characters here. */
    {"iot:Subscribe", ARN "topicfilter/a/+/b", DR_POLICY_SUBSCRIBE, "a/+/b", true},
    {"iot:Subscribe", ARN "topicfilter/a/+/b", DR_POLICY_SUBSCRIBE, "a/x/b", false},
    {"iot:Subscribe", ARN "topicfilter/a/#", DR_POLICY_SUBSCRIBE, "a/x", false},
    {"iot:Subscribe", ARN "topicfilter/a/*", DR_POLICY_SUBSCRIBE, "a/#", true},
    {"iot:Publish", ARN "topicfilter/a", DR_POLICY_PUBLISH, "a", false},
    /* Another region or account is another resource. */
    {"iot:Publish", "arn:aws:iot:eu-west-1:" ACCOUNT ":topic/a", DR_POLICY_PUBLISH, "a", false},
    {"iot:Publish", "arn:aws:iot:*:*:topic/a", DR_POLICY_PUBLISH, "a", true},
    /* Variables. */
    {"iot:Connect", ARN "client/${iot:ClientId}", DR_POLICY_CONNECT, "doll-1", true},
    {"iot:Connect", ARN "client/${iot:ClientId}", DR_POLICY_CONNECT, "doll-2", false},
    {"iot:Publish", ARN "topic/$aws/things/${iot:Connection.Thing.ThingName}/jobs/*",
     DR_POLICY_PUBLISH, "$aws/things/doll-1/jobs/$next/get", true},
    {"iot:Publish", ARN "topic/$aws/things/${iot:Thing.ThingName}/jobs/*", DR_POLICY_PUBLISH,
     "$aws/things/doll-2/jobs/$next/get", false},
    {"iot:Publish", ARN "topic/${iot:Connection.Thing.ThingTypeName}", DR_POLICY_PUBLISH, "",
     false},
    {"iot:Publish", ARN "topic/a${*}b", DR_POLICY_PUBLISH, "a*b", true},
    {"iot:Publish", ARN "topic/a${*}b", DR_POLICY_PUBLISH, "axb", false},
    {"iot:Publish", ARN "topic/a${?}b${$}", DR_POLICY_PUBLISH, "a?b$", true},
    {"iot:GetThingShadow", ARN "thing/doll-1", DR_POLICY_GET_THING_SHADOW, "doll-1", true},
    {"s3:*", "*", DR_POLICY_PUBLISH, "a", false},
};

static void patterns(void)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_policy_view policy = simple(true, rows[i].action, rows[i].resource);
        struct dr_policy_request asked = request(rows[i].asked, rows[i].name);
        enum dr_policy_verdict want = rows[i].matches ? DR_POLICY_ALLOWED : DR_POLICY_IMPLICIT_DENY;
        if (dr_policy_evaluate(&policy, 1, &asked) != want) {
            fprintf(stderr, "%s %s on %s\n", rows[i].action, rows[i].resource, rows[i].name);
        }
        EXPECT_EQ(dr_policy_evaluate(&policy, 1, &asked), want);
        EXPECT_EQ(dr_policy_check(policy), DR_OK);
    }
}

static void deny_wins(void)
{
    static uint8_t allow_bytes[256];
    struct dr_policy_view allow = simple(true, "iot:*", "*");
    REQUIRE(allow.size_bytes <= sizeof allow_bytes);
    memcpy(allow_bytes, allow.data, allow.size_bytes);
    allow.data = allow_bytes;
    struct dr_policy_view policies[2] = {allow, simple(false, "iot:Publish", ARN "topic/secret*")};
    struct dr_policy_request asked = request(DR_POLICY_PUBLISH, "secret/1");
    EXPECT_EQ(dr_policy_evaluate(policies, 2, &asked), DR_POLICY_EXPLICIT_DENY);
    asked.name = "public";
    EXPECT_EQ(dr_policy_evaluate(policies, 2, &asked), DR_POLICY_ALLOWED);
    EXPECT_EQ(dr_policy_evaluate(policies, 0, &asked), DR_POLICY_IMPLICIT_DENY);
}

static void unresolved_never_matches(void)
{
    struct dr_policy_view policy =
        simple(true, "iot:Publish", ARN "topic/${iot:Connection.Thing.ThingName}*");
    struct dr_policy_request asked = request(DR_POLICY_PUBLISH, "anything");
    asked.thing_name = NULL;
    EXPECT_EQ(dr_policy_evaluate(&policy, 1, &asked), DR_POLICY_IMPLICIT_DENY);
    policy = simple(true, "iot:Publish", ARN "topic/${iot:Connection.Thing.Attributes[site]}/x");
    struct dr_policy_pair site = {"site", 4, "rome", 4};
    asked.name = "rome/x";
    EXPECT_EQ(dr_policy_evaluate(&policy, 1, &asked), DR_POLICY_IMPLICIT_DENY);
    asked.attributes = &site;
    asked.attribute_count = 1;
    EXPECT_EQ(dr_policy_evaluate(&policy, 1, &asked), DR_POLICY_ALLOWED);
    policy = simple(true, "iot:Publish", ARN "topic/${iot:Certificate.Subject.CommonName}");
    struct dr_policy_pair name = {"iot:Certificate.Subject.CommonName", 34, "cn", 2};
    asked.certificate = &name;
    asked.certificate_count = 1;
    asked.name = "cn";
    EXPECT_EQ(dr_policy_evaluate(&policy, 1, &asked), DR_POLICY_ALLOWED);
}

struct condition {
    const char *op_name;
    const char *key;
    const char *value;
    bool holds; /* for the request below */
};

static const struct condition conditions[] = {
    {"Bool", "iot:Connection.Thing.IsAttached", "true", true},
    {"Bool", "iot:Connection.Thing.IsAttached", "True", true},
    {"Bool", "iot:Connection.Thing.IsAttached", "false", false},
    {"StringEquals", "iot:ClientId", "doll-1", true},
    {"StringEquals", "iot:ClientId", "${iot:Connection.Thing.ThingName}", true},
    {"StringEquals", "iot:ClientId", "doll-*", false},
    {"StringLike", "iot:ClientId", "doll-*", true},
    {"StringNotLike", "iot:ClientId", "doll-*", false},
    {"StringNotEquals", "iot:ClientId", "doll-2", true},
    {"StringEqualsIgnoreCase", "iot:ClientId", "DOLL-1", true},
    {"StringEquals", "iot:DomainName", "x", false},
    {"StringNotEquals", "iot:DomainName", "x", false}, /* unresolved: cannot match */
    {"StringEqualsIfExists", "iot:DomainName", "x", true},
    {"IpAddress", "aws:SourceIp", "192.0.2.0/24", true},
    {"IpAddress", "aws:SourceIp", "192.0.2.7", true},
    {"IpAddress", "aws:SourceIp", "192.0.2.8/30", false},
    {"IpAddress", "aws:SourceIp", "2001:db8::/32", false},
    {"NotIpAddress", "aws:SourceIp", "10.0.0.0/8", true},
    {"ArnEquals", "iot:LastWillTopic", ARN "topic/last/*", true},
    {"ForAllValues:StringEquals", "iot:ConnectAttributes", "LastWill", false},
    {"ForAnyValue:StringEquals", "iot:ConnectAttributes", "LastWill", true},
    {"ForAnyValue:StringEquals", "iot:ConnectAttributes", "Other", false},
};

static void condition_table(void)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(conditions); i++) {
        struct dr_policy_builder builder;
        size_t size = 0;
        dr_policy_build_begin(&builder, bytes, sizeof bytes);
        dr_policy_build_statement(&builder, true);
        dr_policy_build_action(&builder, "iot:Connect");
        dr_policy_build_resource(&builder, "*");
        dr_policy_build_condition(&builder, conditions[i].op_name, conditions[i].key);
        dr_policy_build_value(&builder, conditions[i].value);
        EXPECT_EQ(dr_policy_build_finish(&builder, &size), DR_OK);
        struct dr_policy_view policy = {bytes, size};
        struct dr_policy_request asked = request(DR_POLICY_CONNECT, "doll-1");
        asked.source_ip = "192.0.2.7";
        asked.persistent_connect = true;
        asked.last_will_topic = ARN "topic/last/doll-1";
        bool holds = dr_policy_evaluate(&policy, 1, &asked) == DR_POLICY_ALLOWED;
        if (holds != conditions[i].holds) {
            fprintf(stderr, "%s %s\n", conditions[i].op_name, conditions[i].value);
        }
        EXPECT(holds == conditions[i].holds);
        EXPECT_EQ(dr_policy_check(policy), DR_OK);
    }
}

/* ForAllValues holds for the empty set; several values of one condition are alternatives; several
 * conditions must all hold. */
static void condition_sets(void)
{
    struct dr_policy_builder builder;
    size_t size = 0;
    dr_policy_build_begin(&builder, bytes, sizeof bytes);
    dr_policy_build_statement(&builder, true);
    dr_policy_build_action(&builder, "iot:Connect");
    dr_policy_build_resource(&builder, "*");
    dr_policy_build_condition(&builder, "ForAllValues:StringEquals", "iot:ConnectAttributes");
    dr_policy_build_value(&builder, "PersistentConnect");
    dr_policy_build_condition(&builder, "StringEquals", "iot:ClientId");
    dr_policy_build_value(&builder, "other");
    dr_policy_build_value(&builder, "doll-1");
    REQUIRE(dr_policy_build_finish(&builder, &size) == DR_OK);
    struct dr_policy_view policy = {bytes, size};
    struct dr_policy_request asked = request(DR_POLICY_CONNECT, "doll-1");
    EXPECT_EQ(dr_policy_evaluate(&policy, 1, &asked), DR_POLICY_ALLOWED);
    asked.persistent_connect = true;
    EXPECT_EQ(dr_policy_evaluate(&policy, 1, &asked), DR_POLICY_ALLOWED);
    asked.last_will_topic = "t";
    EXPECT_EQ(dr_policy_evaluate(&policy, 1, &asked), DR_POLICY_IMPLICIT_DENY);
    asked.last_will_topic = NULL;
    asked.client_id = "third";
    EXPECT_EQ(dr_policy_evaluate(&policy, 1, &asked), DR_POLICY_IMPLICIT_DENY);
}

static enum dr_status build_one(const char *action, const char *resource)
{
    struct dr_policy_builder builder;
    size_t size = 0;
    dr_policy_build_begin(&builder, bytes, sizeof bytes);
    dr_policy_build_statement(&builder, true);
    if (action != NULL) {
        dr_policy_build_action(&builder, action);
    }
    if (resource != NULL) {
        dr_policy_build_resource(&builder, resource);
    }
    return dr_policy_build_finish(&builder, &size);
}

static void refusals(void)
{
    struct dr_policy_builder builder;
    size_t size = 0;
    EXPECT_EQ(build_one("iot:Publish", NULL), DR_E_FORMAT);
    EXPECT_EQ(build_one("Publish", "*"), DR_E_FORMAT);
    EXPECT_EQ(build_one("iot:Publish", "topic/a"), DR_E_FORMAT);
    EXPECT_EQ(build_one("iot:Publish", ARN "topic/${iot:Unknown}"), DR_E_UNSUPPORTED);
    EXPECT_EQ(build_one("iot:Publish", ARN "topic/${iot:ConnectAttributes}"), DR_E_UNSUPPORTED);
    EXPECT_EQ(build_one("iot:Publish", ARN "topic/${iot:ClientId"), DR_E_FORMAT);
    dr_policy_build_begin(&builder, bytes, sizeof bytes);
    EXPECT_EQ(dr_policy_build_finish(&builder, &size), DR_E_FORMAT);
    dr_policy_build_begin(&builder, bytes, sizeof bytes);
    for (unsigned i = 0; i <= DR_POLICY_STATEMENTS_MAX; i++) {
        dr_policy_build_statement(&builder, true);
        dr_policy_build_action(&builder, "iot:*");
        dr_policy_build_resource(&builder, "*");
    }
    EXPECT_EQ(dr_policy_build_finish(&builder, &size), DR_E_SPACE);
    for (size_t capacity = 0; capacity < 40; capacity++) {
        dr_policy_build_begin(&builder, bytes, capacity);
        dr_policy_build_statement(&builder, true);
        dr_policy_build_action(&builder, "iot:*");
        dr_policy_build_resource(&builder, "arn:aws:iot:local:0:topic/some/text/that/is/long");
        EXPECT_EQ(dr_policy_build_finish(&builder, &size), DR_E_SPACE);
    }
}

/* A resource that is too long for the evaluation is denied, not cut. */
static void long_names(void)
{
    static char name[2000];
    memset(name, 'a', sizeof name - 1);
    struct dr_policy_view policy = simple(true, "*", "*");
    struct dr_policy_request asked = request(DR_POLICY_PUBLISH, name);
    EXPECT_EQ(dr_policy_evaluate(&policy, 1, &asked), DR_POLICY_IMPLICIT_DENY);
    name[900] = '\0';
    EXPECT_EQ(dr_policy_evaluate(&policy, 1, &asked), DR_POLICY_ALLOWED);
}

/* Whatever the bytes: an answer, no reading past the end (the sanitizers watch), and never ALLOWED
 * from bytes cut short. */
static void damage(void)
{
    struct dr_policy_view whole =
        simple(true, "iot:Publish", ARN "topic/$aws/things/${iot:ClientId}/*");
    struct dr_policy_request asked = request(DR_POLICY_PUBLISH, "$aws/things/doll-1/jobs");
    uint8_t *copy = malloc(whole.size_bytes); /* exact: the sanitizer sees one byte too far */
    REQUIRE(copy != NULL);
    for (size_t size = 0; size < whole.size_bytes; size++) {
        uint8_t *exact = malloc(size != 0 ? size : 1);
        REQUIRE(exact != NULL);
        memcpy(exact, whole.data, size);
        struct dr_policy_view cut = {exact, size};
        EXPECT(dr_policy_check(cut) != DR_OK);
        EXPECT(dr_policy_evaluate(&cut, 1, &asked) == DR_POLICY_EXPLICIT_DENY);
        free(exact);
    }
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        memcpy(copy, whole.data, whole.size_bytes);
        for (int flips = 0; flips < 3; flips++) {
            random = random * 1664525u + 1013904223u;
            copy[(random >> 8) % whole.size_bytes] ^= (uint8_t)(1u << (random >> 29));
        }
        struct dr_policy_view mutant = {copy, whole.size_bytes};
        enum dr_policy_verdict verdict = dr_policy_evaluate(&mutant, 1, &asked);
        EXPECT(verdict <= DR_POLICY_EXPLICIT_DENY);
    }
    free(copy);
}

DR_TEST_MAIN(
    patterns, deny_wins, unresolved_never_matches, condition_table, condition_sets, refusals,
    long_names, damage)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Things, certificates, policies, attachments, and what the gate is told of them. */
#include "tests/unit/cloud_world.h"
#include "tests/unit/lingering.h"

#include "cloud/model/policy.h"

#include <pthread.h>

static json_t *no_body;

static void things(void)
{
    REQUIRE(world_begin());
    json_t *body = world_json("{\"thingTypeName\":\"lamp\",\"attributePayload\":{\"attributes\":"
                              "{\"site\":\"rome\",\"floor\":\"2\"}}}");
    REQUIRE(dr_service_create_thing(world_call(), "doll:1", body, world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "thingArn"), "arn:aws:iot:local:000000000000:thing/doll:1");
    char id[40];
    snprintf(id, sizeof id, "%s", world_text(w.body, "thingId"));
    EXPECT_EQ(strlen(id), 36);
    /* The same again is the same thing, with another configuration it is taken. */
    REQUIRE(dr_service_create_thing(world_call(), "doll:1", body, world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "thingId"), id);
    json_decref(body);
    EXPECT_EQ(dr_service_create_thing(world_call(), "doll:1", no_body, world_body()), DR_E_EXISTS);
    EXPECT_STR(w.call.code, "ResourceAlreadyExistsException");
    EXPECT_STR(w.call.resource, "arn:aws:iot:local:000000000000:thing/doll:1");
    EXPECT_EQ(dr_service_create_thing(world_call(), "a/b", no_body, world_body()), DR_E_ARGUMENT);
    EXPECT_STR(w.call.code, "InvalidRequestException");

    /* The region of the request's signature is the region of ARNs. */
    world_call()->region = "eu-west-1";
    REQUIRE(dr_service_describe_thing(&w.call, "doll:1", world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "thingArn"), "arn:aws:iot:eu-west-1:000000000000:thing/doll:1");
    EXPECT_STR(world_text(w.body, "attributes.site"), "rome");
    EXPECT_STR(world_text(w.body, "thingTypeName"), "lamp");
    EXPECT_EQ(world_number(w.body, "version"), 1);

    body = world_json("{\"expectedVersion\":1,\"attributePayload\":{\"merge\":true,\"attributes\":"
                      "{\"floor\":\"\",\"room\":\"3\"}}}");
    EXPECT_EQ(dr_service_update_thing(world_call(), "doll:1", body), DR_OK);
    EXPECT_EQ(dr_service_update_thing(world_call(), "doll:1", body), DR_E_CONFLICT);
    EXPECT_STR(w.call.code, "VersionConflictException");
    json_decref(body);
    REQUIRE(dr_service_describe_thing(world_call(), "doll:1", world_body()) == DR_OK);
    EXPECT(world_at(w.body, "attributes.floor") == NULL);
    EXPECT_STR(world_text(w.body, "attributes.room"), "3");
    EXPECT_STR(world_text(w.body, "attributes.site"), "rome");
    EXPECT_STR(world_text(w.body, "thingTypeName"), "lamp");

    EXPECT_EQ(dr_service_describe_thing(world_call(), "none", world_body()), DR_E_NOT_FOUND);
    EXPECT_STR(w.call.code, "ResourceNotFoundException");
    EXPECT_EQ(dr_service_delete_thing(world_call(), "none", 0), DR_OK);
    EXPECT_EQ(dr_service_delete_thing(world_call(), "doll:1", 1), DR_E_CONFLICT);
    EXPECT_EQ(dr_service_delete_thing(world_call(), "doll:1", 2), DR_OK);
    EXPECT_EQ(dr_service_describe_thing(world_call(), "doll:1", world_body()), DR_E_NOT_FOUND);
    world_end();
}

static void pages(void)
{
    REQUIRE(world_begin());
    for (int i = 0; i < 7; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        json_t *body = world_json(
            i % 2 == 0 ? "{\"attributePayload\":{\"attributes\":{\"even\":\"yes\"}}}" : "{}");
        EXPECT_EQ(dr_service_create_thing(world_call(), name, body, world_body()), DR_OK);
        json_decref(body);
    }
    struct dr_page page = {.limit = 3, .token = NULL};
    char token[DR_SERVICE_TOKEN_SIZE];
    REQUIRE(dr_service_list_things(world_call(), NULL, NULL, &page, world_body()) == DR_OK);
    EXPECT_EQ(json_array_size(world_at(w.body, "things")), 3);
    EXPECT_STR(world_text(w.body, "things.0.thingName"), "t0");
    snprintf(token, sizeof token, "%s", world_text(w.body, "nextToken"));
    page.token = token;
    REQUIRE(dr_service_list_things(world_call(), NULL, NULL, &page, world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "things.0.thingName"), "t3");
    snprintf(token, sizeof token, "%s", world_text(w.body, "nextToken"));
    REQUIRE(dr_service_list_things(world_call(), NULL, NULL, &page, world_body()) == DR_OK);
    EXPECT_EQ(json_array_size(world_at(w.body, "things")), 1);
    EXPECT(world_at(w.body, "nextToken") == NULL);
    page = (struct dr_page){.limit = 4};
    REQUIRE(dr_service_list_things(world_call(), "even", "yes", &page, world_body()) == DR_OK);
    EXPECT_EQ(json_array_size(world_at(w.body, "things")), 4);
    EXPECT(world_at(w.body, "nextToken") == NULL); /* exactly full is not more */
    REQUIRE(dr_service_list_things(world_call(), "even", "no", &page, world_body()) == DR_OK);
    EXPECT_EQ(json_array_size(world_at(w.body, "things")), 0);
    page.token = "x";
    EXPECT_EQ(dr_service_list_jobs(world_call(), NULL, NULL, &page, world_body()), DR_E_ARGUMENT);
    EXPECT_STR(w.call.code, "InvalidRequestException");
    world_end();
}

/* Row numbers, downwards: what comes in between two pages neither repeats nor hides anything. */
static void newest_first(void)
{
    REQUIRE(world_begin());
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        EXPECT_EQ(world_thing(name), DR_OK);
    }
    struct dr_page page = {.limit = 3};
    char token[DR_SERVICE_TOKEN_SIZE];
    REQUIRE(dr_service_list_audit(world_call(), &page, world_body()) == DR_OK);
    EXPECT_EQ(json_array_size(world_at(w.body, "entries")), 3);
    EXPECT_STR(world_text(w.body, "entries.0.resource"), "t3");
    EXPECT_STR(world_text(w.body, "entries.2.resource"), "t1");
    snprintf(token, sizeof token, "%s", world_text(w.body, "nextToken"));
    EXPECT_EQ(world_thing("later"), DR_OK);
    page.token = token;
    REQUIRE(dr_service_list_audit(world_call(), &page, world_body()) == DR_OK);
    EXPECT_EQ(json_array_size(world_at(w.body, "entries")), 1);
    EXPECT_STR(world_text(w.body, "entries.0.resource"), "t0");
    EXPECT(world_at(w.body, "nextToken") == NULL);

    /* What the list belongs to is looked for, and a token that is none is seen before that. */
    page.token = "";
    EXPECT_EQ(dr_service_thing_timeline(world_call(), "none", &page, world_body()), DR_E_NOT_FOUND);
    EXPECT_STR(w.call.code, "ResourceNotFoundException");
    page.token = "1234567890123456789";
    EXPECT_EQ(dr_service_thing_timeline(world_call(), "none", &page, world_body()), DR_E_ARGUMENT);
    world_end();
}

/* Make a certificate from an own key; id and ARN of it. */
static bool new_certificate(bool active, char id[65], char arn[160])
{
    struct dr_pki_key *key = NULL;
    static char csr[DR_PKI_PEM_BYTES];
    bool made = dr_pki_key_generate(&key) == DR_OK &&
                dr_pki_make_request(key, "x", csr, sizeof csr) == DR_OK &&
                dr_service_create_certificate_from_csr(
                    world_call(), csr, NULL, false, active, world_body()) == DR_OK;
    dr_pki_key_free(key);
    snprintf(id, 65, "%s", world_text(w.body, "certificateId"));
    snprintf(arn, 160, "%s", world_text(w.body, "certificateArn"));
    return made && strstr(world_text(w.body, "certificatePem"), "BEGIN CERTIFICATE") != NULL;
}

static void certificates(void)
{
    char id[65];
    char arn[160];
    REQUIRE(world_begin());
    REQUIRE(new_certificate(false, id, arn));
    EXPECT_EQ(strlen(id), 64);
    REQUIRE(dr_service_describe_certificate(world_call(), id, world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "certificateDescription.status"), "INACTIVE");
    EXPECT(world_number(w.body, "certificateDescription.validity.notAfter") > 0);
    EXPECT_EQ(dr_service_update_certificate(world_call(), id, "ACTIVE"), DR_OK);
    EXPECT_EQ(dr_service_update_certificate(world_call(), id, "PENDING"), DR_E_ARGUMENT);
    EXPECT_EQ(dr_service_update_certificate(world_call(), "none", "ACTIVE"), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_service_delete_certificate(world_call(), id, true), DR_E_STATE);
    EXPECT_STR(w.call.code, "CertificateStateException");
    EXPECT_EQ(dr_service_update_certificate(world_call(), id, "REVOKED"), DR_OK);
    EXPECT_EQ(dr_service_update_certificate(world_call(), id, "ACTIVE"), DR_E_STATE);
    EXPECT_EQ(dr_service_update_certificate(world_call(), id, "INACTIVE"), DR_E_STATE);
    EXPECT_EQ(dr_service_update_certificate(world_call(), id, "ACTIVE"), DR_E_STATE);
    REQUIRE(world_thing("doll") == DR_OK);
    EXPECT_EQ(dr_service_attach_thing_principal(world_call(), "doll", arn, false), DR_OK);
    EXPECT_EQ(dr_service_delete_thing(world_call(), "doll", 0), DR_E_STATE);
    EXPECT_EQ(dr_service_delete_certificate(world_call(), id, true), DR_E_STATE);
    EXPECT_STR(w.call.code, "DeleteConflictException");
    EXPECT_EQ(dr_service_detach_thing_principal(world_call(), "doll", arn), DR_OK);
    EXPECT_EQ(dr_service_detach_thing_principal(world_call(), "doll", arn), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_service_delete_certificate(world_call(), id, false), DR_OK);

    EXPECT_EQ(
        dr_service_create_certificate_from_csr(
            world_call(), "not a csr", NULL, false, true, world_body()),
        DR_E_ARGUMENT);
    EXPECT_EQ(
        dr_service_register_certificate(world_call(), "no pem", NULL, world_body()), DR_E_FORMAT);
    EXPECT_STR(w.call.code, "CertificateValidationException");

    REQUIRE(dr_service_create_keys_and_certificate(world_call(), true, world_body()) == DR_OK);
    EXPECT(strstr(world_text(w.body, "keyPair.PrivateKey"), "PRIVATE KEY") != NULL);
    EXPECT(strstr(world_text(w.body, "keyPair.PublicKey"), "PUBLIC KEY") != NULL);
    REQUIRE(dr_service_list_certificates(world_call(), NULL, world_body()) == DR_OK);
    EXPECT_EQ(json_array_size(world_at(w.body, "certificates")), 1);
    EXPECT_STR(world_text(w.body, "certificates.0.status"), "ACTIVE");
    world_end();
}

static void register_own(void)
{
    struct dr_pki_authority *other = NULL;
    static struct dr_pki_identity identity;
    REQUIRE(world_begin());
    REQUIRE(dr_pki_authority_create("other", w.now_ms / 1000, &other) == DR_OK);
    REQUIRE(
        dr_pki_create_identity(
            other, DR_PKI_EC_P256, "c", DR_PKI_DEVICE, w.now_ms / 1000, &identity) == DR_OK);
    REQUIRE(
        dr_service_register_certificate(
            world_call(), identity.certificate.pem, "ACTIVE", world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "certificateId"), identity.certificate.id_text);
    EXPECT_EQ(
        dr_service_register_certificate(world_call(), identity.certificate.pem, NULL, world_body()),
        DR_E_EXISTS);
    EXPECT(strstr(w.call.resource, identity.certificate.id_text) != NULL);
    dr_pki_authority_free(other);
    world_end();
}

static const char policy_text[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"iot:Connect\"],"
    "\"Resource\":\"arn:aws:iot:local:000000000000:client/${iot:Connection.Thing.ThingName}\"},"
    "{\"Effect\":\"Allow\",\"Action\":[\"iot:Publish\",\"iot:Receive\"],\"Resource\":"
    "[\"arn:aws:iot:local:000000000000:topic/$aws/things/${iot:Connection.Thing.ThingName}/*\"],"
    "\"Condition\":{\"Bool\":{\"iot:Connection.Thing.IsAttached\":[true]}}}]}";

struct malformed {
    const char *document;
    const char *message; /* a part of it */
};

static const struct malformed malformed_policies[] = {
    {"", "not JSON"},
    {"[]", "object"},
    {"{\"Version\":\"2012-10-17\"}", "Statement"},
    {"{\"Version\":\"1\",\"Statement\":[]}", "Version"},
    {"{\"Version\":\"2012-10-17\",\"Statement\":[]}", "Statement"},
    {"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"allow\",\"Action\":\"*\","
     "\"Resource\":\"*\"}]}",
     "statement 1: Effect"},
    {"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iot:*\"}]}",
     "Resource"},
    {"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iot:*\","
     "\"Resource\":\"topic/a\"}]}",
     "bad action, resource"},
    {"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"NotAction\":\"iot:*\","
     "\"Action\":\"iot:*\",\"Resource\":\"*\"}]}",
     "NotAction is not known"},
    {"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iot:*\","
     "\"Resource\":\"*\",\"Condition\":{\"DateEquals\":{\"iot:ClientId\":\"x\"}}}]}",
     "not supported"},
    {"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iot:*\","
     "\"Resource\":\"arn:aws:iot:l:0:topic/${aws:UserName}\"}]}",
     "not supported"},
    {"{\"Version\":\"2012-10-17\",\"Version\":\"2012-10-17\",\"Statement\":[]}", "twice"},
};

static void policies(void)
{
    char id[65];
    char arn[160];
    REQUIRE(world_begin());
    REQUIRE(dr_service_create_policy(world_call(), "p", policy_text, world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "policyVersionId"), "1");
    EXPECT_STR(world_text(w.body, "policyDocument"), policy_text);
    EXPECT_EQ(dr_service_create_policy(world_call(), "p", policy_text, world_body()), DR_E_EXISTS);
    for (size_t i = 0; i < DR_ARRAY_COUNT(malformed_policies); i++) {
        EXPECT(
            dr_service_create_policy(
                world_call(), "q", malformed_policies[i].document, world_body()) != DR_OK);
        EXPECT_STR(w.call.code, "MalformedPolicyException");
        if (strstr(w.call.message, malformed_policies[i].message) == NULL) {
            fprintf(stderr, "row %zu: %s\n", i, w.call.message);
        }
        EXPECT(strstr(w.call.message, malformed_policies[i].message) != NULL);
    }
    static char big[5000];
    memset(big, 'x', sizeof big - 1);
    EXPECT_EQ(dr_service_create_policy(world_call(), "q", big, world_body()), DR_E_FORMAT);

    REQUIRE(new_certificate(true, id, arn));
    EXPECT_EQ(dr_service_attach_policy(world_call(), "p", arn), DR_OK);
    EXPECT_EQ(dr_service_attach_policy(world_call(), "p", arn), DR_OK);
    EXPECT_EQ(dr_service_attach_policy(world_call(), "none", arn), DR_E_NOT_FOUND);
    EXPECT_EQ(
        dr_service_attach_policy(world_call(), "p", "arn:aws:iot:local:000000000000:thinggroup/g"),
        DR_E_ARGUMENT);
    EXPECT_EQ(
        dr_service_attach_policy(world_call(), "p", "arn:aws:iot:local:111111111111:cert/0"),
        DR_E_ARGUMENT);
    REQUIRE(dr_service_list_attached_policies(world_call(), arn, NULL, world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "policies.0.policyName"), "p");
    REQUIRE(dr_service_list_targets_for_policy(world_call(), "p", NULL, world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "targets"), "");
    EXPECT_STR(json_string_value(world_at(w.body, "targets.0")), arn);
    EXPECT_EQ(dr_service_delete_policy(world_call(), "p"), DR_E_STATE);
    EXPECT_STR(w.call.code, "DeleteConflictException");
    EXPECT_EQ(dr_service_detach_policy(world_call(), "p", arn), DR_OK);
    EXPECT_EQ(dr_service_delete_policy(world_call(), "p"), DR_OK);
    for (int i = 0; i < 11; i++) {
        char name[16];
        snprintf(name, sizeof name, "many%d", i);
        REQUIRE(dr_service_create_policy(world_call(), name, policy_text, world_body()) == DR_OK);
        EXPECT_EQ(dr_service_attach_policy(world_call(), name, arn), i < 10 ? DR_OK : DR_E_SPACE);
    }
    EXPECT_STR(w.call.code, "LimitExceededException");
    world_end();
}

static void policy_versions(void)
{
    REQUIRE(world_begin());
    REQUIRE(dr_service_create_policy(world_call(), "p", policy_text, world_body()) == DR_OK);
    for (int i = 2; i <= 5; i++) {
        REQUIRE(
            dr_service_create_policy_version(
                world_call(), "p", policy_text, i == 3, world_body()) == DR_OK);
    }
    EXPECT_EQ(
        dr_service_create_policy_version(world_call(), "p", policy_text, true, world_body()),
        DR_E_SPACE);
    EXPECT_STR(w.call.code, "VersionsLimitExceededException");
    REQUIRE(dr_service_get_policy(world_call(), "p", world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "defaultVersionId"), "3");
    EXPECT_EQ(dr_service_delete_policy_version(world_call(), "p", "3"), DR_E_STATE);
    EXPECT_EQ(dr_service_set_default_policy_version(world_call(), "p", "5"), DR_OK);
    EXPECT_EQ(dr_service_set_default_policy_version(world_call(), "p", "6"), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_service_delete_policy_version(world_call(), "p", "3"), DR_OK);
    EXPECT_EQ(dr_service_delete_policy(world_call(), "p"), DR_E_STATE);
    REQUIRE(
        dr_service_create_policy_version(world_call(), "p", policy_text, false, world_body()) ==
        DR_OK);
    EXPECT_STR(world_text(w.body, "policyVersionId"), "6"); /* numbers are not used again */
    REQUIRE(dr_service_list_policy_versions(world_call(), "p", world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "policyVersions.0.versionId"), "6");
    EXPECT(json_is_true(world_at(w.body, "policyVersions.1.isDefaultVersion")));
    EXPECT_EQ(dr_service_get_policy_version(world_call(), "p", "one", world_body()), DR_E_ARGUMENT);
    world_end();
}

/* ---- what the gate is told ---- */

static unsigned told_count;
static char told[8][65];

static void on_identity(void *context, const char *certificate_id)
{
    (void)context;
    snprintf(
        told[told_count++ % 8], sizeof told[0], "%s",
        certificate_id != NULL ? certificate_id : "all");
}

struct seen {
    unsigned count;
    char last_id[65];
    enum dr_certificate_status status;
    size_t things;
    size_t policies;
    enum dr_policy_verdict own_topic;
    enum dr_policy_verdict other_topic;
    char site[32];
};

static bool see(void *context, const struct dr_identity *identity)
{
    struct seen *seen = context;
    struct dr_policy_view views[8];
    EXPECT(strcmp(seen->last_id, identity->certificate_id) < 0); /* ascending */
    seen->count++;
    snprintf(seen->last_id, sizeof seen->last_id, "%s", identity->certificate_id);
    seen->status = identity->status;
    seen->things = identity->thing_count;
    seen->policies = identity->policy_count;
    for (size_t i = 0; i < identity->policy_count && i < 8; i++) {
        views[i] = (struct dr_policy_view){
            identity->policies[i].compiled, identity->policies[i].compiled_size};
    }
    if (identity->thing_count == 1) {
        const struct dr_identity_thing *thing = &identity->things[0];
        struct dr_policy_request request = {
            .action = DR_POLICY_PUBLISH,
            .region = "local",
            .account = "000000000000",
            .client_id = "doll",
            .thing_name = thing->name,
            .is_attached = true};
        request.name = "$aws/things/doll/jobs/$next/get";
        seen->own_topic = dr_policy_evaluate(views, identity->policy_count, &request);
        request.name = "$aws/things/other/jobs/$next/get";
        seen->other_topic = dr_policy_evaluate(views, identity->policy_count, &request);
        if (thing->attribute_count == 1) {
            snprintf(seen->site, sizeof seen->site, "%s", thing->attributes[0].value);
        }
    }
    return true;
}

static void identities(void)
{
    char id[65];
    char arn[160];
    char second[65];
    char second_arn[160];
    struct dr_service_hooks hooks = {.identity_changed = on_identity};
    REQUIRE(world_begin());
    dr_service_set_hooks(w.service, &hooks);
    told_count = 0;
    REQUIRE(new_certificate(true, id, arn));
    REQUIRE(new_certificate(false, second, second_arn));
    EXPECT_EQ(told_count, 2);
    EXPECT_STR(told[0], id);
    json_t *body = world_json("{\"attributePayload\":{\"attributes\":{\"site\":\"rome\"}}}");
    REQUIRE(dr_service_create_thing(world_call(), "doll", body, world_body()) == DR_OK);
    EXPECT_EQ(told_count, 2); /* nobody's yet */
    EXPECT_EQ(dr_service_attach_thing_principal(world_call(), "doll", arn, false), DR_OK);
    REQUIRE(dr_service_create_policy(world_call(), "p", policy_text, world_body()) == DR_OK);
    EXPECT_EQ(dr_service_attach_policy(world_call(), "p", arn), DR_OK);
    EXPECT_EQ(told_count, 4);
    EXPECT_STR(told[3], id);

    struct seen seen = {0};
    REQUIRE(dr_service_identities(w.service, see, &seen) == DR_OK);
    EXPECT_EQ(seen.count, 2);
    seen = (struct seen){0};
    REQUIRE(dr_service_identity_get(w.service, id, see, &seen) == DR_OK);
    EXPECT_EQ(seen.status, DR_CERTIFICATE_ACTIVE);
    EXPECT_EQ(seen.things, 1);
    EXPECT_EQ(seen.policies, 1);
    EXPECT_EQ(seen.own_topic, DR_POLICY_ALLOWED);
    EXPECT_EQ(seen.other_topic, DR_POLICY_IMPLICIT_DENY);
    EXPECT_STR(seen.site, "rome");

    /* A new default version, an attribute, a detachment, a revocation: each is told. */
    told_count = 0;
    REQUIRE(
        dr_service_create_policy_version(world_call(), "p", policy_text, true, world_body()) ==
        DR_OK);
    EXPECT_EQ(told_count, 1);
    EXPECT_EQ(dr_service_update_thing(world_call(), "doll", body), DR_OK);
    EXPECT_EQ(told_count, 2);
    EXPECT_EQ(dr_service_update_certificate(world_call(), id, "REVOKED"), DR_OK);
    EXPECT_EQ(told_count, 3);
    EXPECT_EQ(dr_service_update_certificate(world_call(), id, "REVOKED"), DR_OK);
    EXPECT_EQ(told_count, 3); /* no change */
    EXPECT_EQ(dr_service_detach_thing_principal(world_call(), "doll", arn), DR_OK);
    EXPECT_EQ(dr_service_detach_policy(world_call(), "p", arn), DR_OK);
    EXPECT_EQ(dr_service_delete_certificate(world_call(), id, false), DR_OK);
    EXPECT_EQ(told_count, 6);
    EXPECT_EQ(dr_service_identity_get(w.service, id, see, &seen), DR_E_NOT_FOUND);
    json_decref(body);
    world_end();
}

/* An exclusive attachment tolerates no other. */
static void on_identity_lingering(void *context, const char *certificate_id)
{
    (void)certificate_id;
    linger(context);
}

static void *revoke_it(void *id)
{
    EXPECT_EQ(dr_service_update_certificate(world_call(), id, "REVOKED"), DR_OK);
    return NULL;
}

static void hooks_are_not_called_once_they_are_off(void)
{
    static struct lingering lingering;
    const struct dr_service_hooks none = {.context = NULL};
    const struct dr_service_hooks hooks = {
        .context = &lingering, .identity_changed = on_identity_lingering};
    char id[65];
    char arn[160];
    pthread_t thread;
    REQUIRE(world_begin());
    REQUIRE(new_certificate(true, id, arn));
    dr_service_set_hooks(w.service, &hooks);
    REQUIRE(pthread_create(&thread, NULL, revoke_it, id) == 0);
    EXPECT(lingers(&lingering));
    dr_service_set_hooks(w.service, &none);
    atomic_store(&lingering.freed, true);
    (void)pthread_join(thread, NULL);
    EXPECT(!atomic_load(&lingering.outlived));
    world_end();
}

static void exclusive(void)
{
    char id[65];
    char arn[160];
    REQUIRE(world_begin());
    REQUIRE(new_certificate(true, id, arn));
    REQUIRE(world_thing("a") == DR_OK);
    REQUIRE(world_thing("b") == DR_OK);
    EXPECT_EQ(dr_service_attach_thing_principal(world_call(), "a", id, true), DR_OK);
    EXPECT_EQ(dr_service_attach_thing_principal(world_call(), "b", id, false), DR_E_ARGUMENT);
    EXPECT_EQ(dr_service_attach_thing_principal(world_call(), "a", id, false), DR_OK);
    EXPECT_EQ(dr_service_attach_thing_principal(world_call(), "b", id, true), DR_E_ARGUMENT);
    EXPECT_EQ(dr_service_attach_thing_principal(world_call(), "b", id, false), DR_OK);
    REQUIRE(dr_service_list_principal_things(world_call(), arn, NULL, world_body()) == DR_OK);
    EXPECT_EQ(json_array_size(world_at(w.body, "things")), 2);
    REQUIRE(dr_service_list_thing_principals(world_call(), "a", NULL, world_body()) == DR_OK);
    EXPECT_STR(json_string_value(world_at(w.body, "principals.0")), arn);
    world_end();
}

/* Each change leaves one line with who and what; a refusal and a repetition leave none. */
static void audit(void)
{
    REQUIRE(world_begin());
    REQUIRE(world_thing("doll") == DR_OK);
    REQUIRE(world_thing("doll") == DR_OK);
    EXPECT(world_thing("no/name") != DR_OK);
    EXPECT_EQ(dr_service_delete_thing(world_call(), "doll", 0), DR_OK);
    REQUIRE(dr_service_list_audit(world_call(), NULL, world_body()) == DR_OK);
    EXPECT_EQ(json_array_size(world_at(w.body, "entries")), 2);
    EXPECT_STR(world_text(w.body, "entries.0.action"), "DeleteThing");
    EXPECT_STR(world_text(w.body, "entries.0.actor"), "operator");
    EXPECT_STR(world_text(w.body, "entries.1.action"), "CreateThing");
    EXPECT_STR(world_text(w.body, "entries.1.resource"), "doll");
    REQUIRE(dr_service_describe_endpoint(world_call(), "iot:Data-ATS", world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "endpointAddress"), "localhost:8883");
    EXPECT_EQ(
        dr_service_describe_endpoint(world_call(), "iot:Nothing", world_body()), DR_E_ARGUMENT);
    world_end();
}

DR_TEST_MAIN(
    things, pages, newest_first, certificates, register_own, policies, policy_versions, identities,
    hooks_are_not_called_once_they_are_off, exclusive, audit)

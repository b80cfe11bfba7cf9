/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Which commands are genuine: signature, keys, product, action, and every bit of it altered. */
#include "base/cursor.h"
#include "base/text.h"
#include "cloud/pki/key.h"
#include "crypto/crypto.h"
#include "device/client/command.h"
#include "format/job_service.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

static struct dr_pki_key *product_key;
static struct dr_pki_key *stranger;
static struct dr_boot_info info;
static const uint8_t image[32] = {1, 2, 3};

/* What the device makes of a job with this document. */
static enum dr_reason judge(const char *document)
{
    static char message[2048];
    struct dr_heard heard = {.event = {.kind = DR_EVENT_NO_JOB}};
    struct dr_agent_facts facts = {.spare_bytes = 1};
    struct dr_agent agent;
    dr_agent_init(&agent, &facts, NULL);
    agent.question = 0x5eed;
    int len = snprintf(
        message, sizeof(message),
        "{\"clientToken\":\"p00005eed\",\"timestamp\":1,\"execution\":{\"jobId\":\"j\",\"status\":"
        "\"QUEUED\",\"versionNumber\":1,"
        "\"executionNumber\":1,\"jobDocument\":%s}}",
        document);
    EXPECT(len > 0 && (size_t)len < sizeof(message));
    EXPECT(
        dr_agent_hear(
            &agent, "$aws/things/t/jobs/$next/get/accepted", (const uint8_t *)message, (size_t)len,
            &heard) == DR_OK);
    EXPECT(heard.event.kind == DR_EVENT_JOB);
    EXPECT_EQ(heard.job.fault, DR_REASON_RESERVED_FEATURE); /* unless somebody judges it */
    EXPECT(!heard.job.has_digest);
    EXPECT(memcmp(heard.job.ref.digest, image, sizeof(image)) == 0);
    return dr_client_commands.judge(&dr_crypto_openssl, &info, &heard);
}

static const char *
document_of(const struct dr_pki_key *key, enum dr_job_action action, const char *product)
{
    static char document[1024];
    uint8_t bytes[DR_JOB_COMMAND_BYTES_MAX];
    uint8_t digest[DR_SHA256_BYTES];
    uint8_t der[72];
    char base64[100];
    size_t size_bytes = 0;
    struct dr_writer writer;
    dr_writer_init(&writer, bytes, sizeof(bytes));
    dr_job_write_command(&writer, action, product, image);
    dr_sha256_once(&dr_crypto_openssl, bytes, writer.size_bytes, digest);
    EXPECT(dr_pki_key_sign_der(key, digest, der, &size_bytes) == DR_OK);
    (void)dr_base64_encode(der, size_bytes, base64);
    EXPECT(
        dr_job_write_command_document(
            action, product, image, base64, document, sizeof(document), &size_bytes) == DR_OK);
    document[size_bytes] = '\0';
    return document;
}

static void begin(void)
{
    memset(&info, 0, sizeof(info));
    strcpy(info.product, "demo-lock");
    if (product_key == NULL) {
        REQUIRE(dr_pki_key_generate(&product_key) == DR_OK);
        REQUIRE(dr_pki_key_generate(&stranger) == DR_OK);
    }
    info.trust.key_count = 1;
    REQUIRE(dr_pki_key_public(product_key, info.trust.keys[0]) == DR_OK);
}

static void test_genuine(void)
{
    begin();
    EXPECT_EQ(judge(document_of(product_key, DR_JOB_ACTION_REVERT, "demo-lock")), DR_REASON_NONE);
    info.trust.key_count = 2; /* either key will do */
    memcpy(info.trust.keys[1], info.trust.keys[0], sizeof(info.trust.keys[1]));
    REQUIRE(dr_pki_key_public(stranger, info.trust.keys[0]) == DR_OK);
    EXPECT_EQ(judge(document_of(product_key, DR_JOB_ACTION_REVERT, "demo-lock")), DR_REASON_NONE);
    EXPECT_EQ(judge(document_of(stranger, DR_JOB_ACTION_REVERT, "demo-lock")), DR_REASON_NONE);
    info.trust.revoked = 1;
    EXPECT_EQ(
        judge(document_of(stranger, DR_JOB_ACTION_REVERT, "demo-lock")),
        DR_REASON_COMMAND_SIGNATURE);
}

static void test_foreign(void)
{
    begin();
    EXPECT_EQ(
        judge(document_of(stranger, DR_JOB_ACTION_REVERT, "demo-lock")),
        DR_REASON_COMMAND_SIGNATURE);
    EXPECT_EQ(
        judge(document_of(product_key, DR_JOB_ACTION_REVERT, "demo-loc")),
        DR_REASON_COMMAND_TARGET);
    EXPECT_EQ(/* nothing obeys it yet */
              judge(document_of(product_key, DR_JOB_ACTION_FACTORY, "demo-lock")),
              DR_REASON_COMMAND_TARGET);
    EXPECT_EQ(
        judge("{\"daruma\":{\"command\":\"revert\",\"product\":\"demo-lock\",\"digest\":"
              "\"0102030000000000000000000000000000000000000000000000000000000000\"}}"),
        DR_REASON_COMMAND_SIGNATURE);
}

/* A signature moved to another action, or with any character of it changed, is none. */
static void test_altered(void)
{
    begin();
    const char *genuine = document_of(product_key, DR_JOB_ACTION_REVERT, "demo-lock");
    const char *signature = strstr(genuine, "signature\":\"") + 12;
    size_t from = (size_t)(signature - genuine);
    char altered[1024];
    for (size_t i = from; genuine[i] != '"'; i++) {
        strcpy(altered, genuine);
        altered[i] = altered[i] == 'A' ? 'B' : 'A';
        if (genuine[i + 1] == '=' || genuine[i] == '=') {
            continue; /* padding bits carry nothing */
        }
        EXPECT_EQ(judge(altered), DR_REASON_COMMAND_SIGNATURE);
    }
    strcpy(altered, document_of(product_key, DR_JOB_ACTION_FACTORY, "demo-lock"));
    char *word = strstr(altered, "factory");
    memmove(word + 6, word + 7, strlen(word + 7) + 1);
    memcpy(word, "revert", 6);
    EXPECT_EQ(judge(altered), DR_REASON_COMMAND_SIGNATURE);
    dr_pki_key_free(product_key);
    dr_pki_key_free(stranger);
}

DR_TEST_MAIN(test_genuine, test_foreign, test_altered)

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Pre-signed URLs in the documents that devices get. */
#include "aws/sigv4.h"
#include "tests/unit/cloud_world.h"

#define SECRET "a secret of the test"

static uint8_t image[WORLD_IMAGE_MAX];

static bool offer(const char *protocols, const char *config)
{
    char text[512];
    snprintf(
        text, sizeof text,
        "{\"targets\":[\"arn:aws:iot:local:000000000000:thing/doll\"],\"files\":[{\"fileLocation\":"
        "{\"s3Location\":{\"bucket\":\"images\",\"key\":\"fw\"}}}],\"protocols\":%s%s}",
        protocols, config);
    json_t *body = world_json(text);
    enum dr_status status = dr_service_create_ota_update(world_call(), "u", body, world_body());
    json_decref(body);
    return status == DR_OK;
}

/* The document as the thing hears it now; the caller drops it. */
static json_t *ask(void)
{
    world_say("doll", "jobs/$next/get", "{}");
    json_t *answer = world_hear("jobs/$next/get/accepted"); /* the world's */
    return json_incref(world_at(answer, "execution.jobDocument"));
}

static const char *url_in(json_t *document)
{
    return world_text(document, "afr_ota.files.0.update_data_url");
}

/* Does the S3 side of the API take this URL, at this moment? */
static enum dr_status check_url(const char *url, int64_t now_ms)
{
    static const char origin[] = "https://127.0.0.1:8443";
    const struct dr_sigv4_header host = {"host", "127.0.0.1:8443"};
    struct dr_sigv4_claim claim;
    if (strncmp(url, origin, sizeof origin - 1) != 0) {
        return DR_E_FORMAT;
    }
    const struct dr_sigv4_request request = {
        .method = "GET", .target = url + sizeof origin - 1, .headers = &host, .header_count = 1};
    DR_TRY(dr_sigv4_parse(&request, &claim));
    EXPECT_STR(claim.access_key_id, "DOWNLOADS");
    DR_TRY(dr_sigv4_check_time(&claim, now_ms / 1000));
    return dr_sigv4_verify(&dr_crypto_openssl, &request, &claim, SECRET, DR_SIGV4_UNSIGNED_PAYLOAD);
}

static void each_delivery_has_a_url_of_its_own(void)
{
    REQUIRE(world_begin());
    REQUIRE(world_ready(image) != 0);
    REQUIRE(offer("[\"HTTP\",\"MQTT\"]", ""));
    json_t *first = ask();
    EXPECT_STR(world_text(first, "afr_ota.protocols.0"), "HTTP");
    EXPECT_STR(world_text(first, "afr_ota.protocols.1"), "MQTT");
    EXPECT_STR(world_text(first, "afr_ota.streamname"), "AFR_OTA-u");
    EXPECT_STR(world_text(first, "afr_ota.files.0.auth_scheme"), "aws.s3.presigned");
    EXPECT(strstr(url_in(first), "/images/fw?versionId=") != NULL);
    EXPECT(strstr(url_in(first), "x-daruma-thing=doll") != NULL);
    EXPECT(strlen(url_in(first)) < 1500);
    EXPECT_EQ(check_url(url_in(first), w.now_ms), DR_OK);
    EXPECT_EQ(check_url(url_in(first), w.now_ms + 1800 * 1000), DR_OK);
    EXPECT_EQ(check_url(url_in(first), w.now_ms + 1802 * 1000), DR_E_RANGE);
    w.now_ms += 60 * 1000;
    json_t *second = ask();
    EXPECT(strcmp(url_in(first), url_in(second)) != 0);
    EXPECT_EQ(check_url(url_in(second), w.now_ms), DR_OK);
    json_decref(first);
    json_decref(second);
    world_end();
}

static void operators_see_no_url(void)
{
    REQUIRE(world_begin());
    REQUIRE(world_ready(image) != 0);
    REQUIRE(offer("[\"HTTP\"]", ",\"awsJobPresignedUrlConfig\":{\"expiresInSec\":5}"));
    json_t *document = ask();
    EXPECT(world_at(document, "afr_ota.streamname") == NULL);
    EXPECT_EQ(check_url(url_in(document), w.now_ms + 5 * 1000), DR_OK);
    EXPECT_EQ(check_url(url_in(document), w.now_ms + 7 * 1000), DR_E_RANGE);
    json_decref(document);
    REQUIRE(dr_service_get_job_document(world_call(), "AFR_OTA-u", world_body()) == DR_OK);
    const char *shown = world_text(w.body, "document");
    EXPECT(strstr(shown, "${aws:iot:s3-presigned-url:https://s3.amazonaws.com/images/fw?") != NULL);
    EXPECT(strstr(shown, "X-Amz-Signature") == NULL);
    world_end();
}

/* A document of the operator's own: both forms of an object's address, and what is no address. */
static void placeholders_of_plain_jobs(void)
{
    REQUIRE(world_begin());
    REQUIRE(world_ready(image) != 0);
    json_t *body = json_pack(
        "{s:[s], s:s, s:{s:s, s:i}}", "targets", "arn:aws:iot:local:000000000000:thing/doll",
        "document",
        "{\"a\":\"${aws:iot:s3-presigned-url:https://images.s3.eu-west-1.amazonaws.com/d/fw}\","
        "\"b\":\"${aws:iot:s3-presigned-url:https://s3.amazonaws.com/images/fw} and more\","
        "\"c\":\"${aws:iot:s3-presigned-url:ftp://x/y}\",\"d\":\"${other}\"}",
        "presignedUrlConfig", "roleArn", "r", "expiresInSec", 120);
    REQUIRE(dr_service_create_job(world_call(), "plain", body, world_body()) == DR_OK);
    json_decref(body);
    json_t *document = ask();
    EXPECT(strstr(world_text(document, "a"), "https://127.0.0.1:8443/images/d/fw?") != NULL);
    EXPECT_EQ(check_url(world_text(document, "a"), w.now_ms + 120 * 1000), DR_OK);
    EXPECT(strstr(world_text(document, "b"), "https://127.0.0.1:8443/images/fw?") != NULL);
    EXPECT(strstr(world_text(document, "b"), " and more") != NULL);
    EXPECT_STR(world_text(document, "c"), "${aws:iot:s3-presigned-url:ftp://x/y}");
    EXPECT_STR(world_text(document, "d"), "${other}");
    json_decref(document);
    world_end();
}

DR_TEST_MAIN(each_delivery_has_a_url_of_its_own, operators_see_no_url, placeholders_of_plain_jobs)

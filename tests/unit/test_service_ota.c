/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What CreateOTAUpdate refuses and passes on, objects and buckets, deletion. */
#include "tests/unit/cloud_world.h"

static uint8_t image[WORLD_IMAGE_MAX];

static enum dr_status create(const char *id, const char *text)
{
    json_t *body = world_json(text);
    enum dr_status status = dr_service_create_ota_update(world_call(), id, body, world_body());
    json_decref(body);
    return status;
}

#define TARGET "\"targets\":[\"arn:aws:iot:local:000000000000:thing/doll\"]"
#define FILE_AT(key)                                                                               \
    "{\"fileLocation\":{\"s3Location\":{\"bucket\":\"images\",\"key\":\"" key "\"}}}"

struct refused {
    const char *body;
    const char *message; /* a part of it */
};

static const struct refused refusals[] = {
    {"{}", "targets"},
    {"{" TARGET "}", "files must have one entry"},
    {"{" TARGET ",\"files\":[{}]}", "exactly one of s3Location and stream"},
    {"{\"targets\":[\"doll\"],\"files\":[" FILE_AT("fw") "]}", "targets[0]"},
    {"{\"targets\":[\"arn:aws:iot:local:1:thing/doll\"],\"files\":[" FILE_AT("fw") "]}",
     "targets[0]"},
    {"{\"targets\":[\"arn:aws:iot:local:000000000000:thinggroup/g\"],\"files\":[" FILE_AT(
         "fw") "]}",
     "thing groups"},
    {"{" TARGET ",\"files\":[" FILE_AT("none") "]}", "no object none"},
    {"{" TARGET ",\"files\":[" FILE_AT("empty") "]}", "0 bytes"},
    {"{" TARGET ",\"files\":[" FILE_AT("cut") "]}", "ends too early"},
    {"{" TARGET ",\"files\":[" FILE_AT("more") "]}", "bytes after the image"},
    {"{" TARGET ",\"files\":[" FILE_AT("altered") "]}", "altered"},
    {"{" TARGET ",\"files\":[" FILE_AT("foreign") "]}", "codeSigning is missing"},
    {"{" TARGET ",\"files\":[" FILE_AT("fw") "," FILE_AT("fw") "]}", "one entry"},
    {"{" TARGET ",\"files\":[" FILE_AT("fw") "],\"protocols\":[\"FTP\"]}", "MQTT and HTTP"},
    {"{" TARGET ",\"files\":[" FILE_AT("fw") "],\"targetSelection\":\"CONTINUOUS\"}", "SNAPSHOT"},
    {"{" TARGET ",\"files\":[" FILE_AT("fw") "],\"awsJobTimeoutConfig\":"
                                             "{\"inProgressTimeoutInMinutes\":0}}",
     "inProgressTimeoutInMinutes"},
    {"{" TARGET ",\"files\":[" FILE_AT("fw") "],\"awsJobExecutionsRolloutConfig\":"
                                             "{\"maximumPerMinute\":1001}}",
     "maximumPerMinute"},
    {"{" TARGET ",\"files\":[{\"fileLocation\":{\"stream\":{\"streamId\":\"none\",\"fileId\":0}}}]"
     "}",
     "no file 0"},
    {"{" TARGET ",\"files\":[{\"fileLocation\":{\"s3Location\":{\"bucket\":\"images\",\"key\":"
     "\"foreign\"}},\"codeSigning\":{\"customCodeSigning\":{\"signature\":{\"inlineDocument\":"
     "\"!!!\"}}}}]}",
     "base64"},
    {"{" TARGET ",\"files\":[{\"fileLocation\":{\"s3Location\":{\"bucket\":\"images\",\"key\":"
     "\"foreign\"}},\"codeSigning\":{\"customCodeSigning\":{\"hashAlgorithm\":\"SHA1\"}}}]}",
     "SHA256"},
    {"{" TARGET ",\"files\":[{\"fileLocation\":{\"s3Location\":{\"bucket\":\"images\",\"key\":"
     "\"fw\"}},\"codeSigning\":{\"startSigningJobParameter\":{\"signingProfileName\":\"p\"}}}]}",
     "no signer"},
    {"{" TARGET ",\"files\":[{\"fileLocation\":{\"s3Location\":{\"bucket\":\"images\",\"key\":"
     "\"fw\"}},\"codeSigning\":{\"awsSignerJobId\":\"j\"}}]}",
     "awsSignerJobId"},
};

static bool upload_all(void)
{
    static uint8_t copy[WORLD_IMAGE_MAX];
    size_t size = world_ready(image);
    bool put =
        size != 0 && world_put("images", "empty", image, 0) == DR_OK &&
        world_put("images", "cut", image, size - 10) == DR_OK &&
        world_put("images", "foreign", "not an image of ours, but long enough for one", 45) ==
            DR_OK;
    memcpy(copy, image, size);
    memset(copy + size, 0, 3000);
    put = put && world_put("images", "more", copy, size + 100) == DR_OK;
    copy[5000] ^= 1;
    return put && world_put("images", "altered", copy, size) == DR_OK;
}

static void refusals_say_why(void)
{
    REQUIRE(world_begin());
    REQUIRE(upload_all());
    for (size_t i = 0; i < DR_ARRAY_COUNT(refusals); i++) {
        EXPECT(create("bad", refusals[i].body) != DR_OK);
        if (strstr(w.call.message, refusals[i].message) == NULL) {
            fprintf(stderr, "row %zu: %s\n", i, w.call.message);
        }
        EXPECT(strstr(w.call.message, refusals[i].message) != NULL);
        EXPECT(w.call.code != NULL);
    }
    /* Nothing was left behind. */
    EXPECT_EQ(dr_service_get_ota_update(world_call(), "bad", world_body()), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_service_describe_job(world_call(), "AFR_OTA-bad", world_body()), DR_E_NOT_FOUND);
    EXPECT_EQ(
        create(
            "a123456789012345678901234567890123456789012345678901234567",
            "{" TARGET ",\"files\":[" FILE_AT("fw") "]}"),
        DR_E_ARGUMENT);
    EXPECT(strstr(w.call.message, "56") != NULL);
    world_end();
}

/* Who tests devices may send what no device takes. */
static void unchecked_passes(void)
{
    REQUIRE(world_begin());
    REQUIRE(upload_all());
    EXPECT_EQ(
        create(
            "x", "{" TARGET ",\"files\":[" FILE_AT("altered") "],\"additionalParameters\":"
                                                              "{\"daruma-unchecked\":\"true\"}}"),
        DR_OK);
    EXPECT_EQ(
        create(
            "y", "{" TARGET ",\"files\":[" FILE_AT("cut") "],\"additionalParameters\":"
                                                          "{\"daruma-unchecked\":\"true\"}}"),
        DR_OK);
    world_end();
}

#define WITH_BUNDLE(text) "\"additionalParameters\":{\"daruma-bundle\":\"" text "\"}}"

/* What goes to one device beside its image is passed on as it came: the service cannot read it. */
static void bundle_passes(void)
{
    REQUIRE(world_begin());
    REQUIRE(upload_all());
    REQUIRE(
        create("b", "{" TARGET ",\"files\":[" FILE_AT("fw") "]," WITH_BUNDLE("AAEC/+==")) != DR_OK);
    EXPECT(strstr(w.call.message, "daruma-bundle") != NULL);
    REQUIRE(
        create(
            "b",
            "{" TARGET ",\"files\":["
            "{\"fileName\":\"x\",\"fileLocation\":{\"s3Location\":{\"bucket\":\"images\",\"key\":"
            "\"foreign\"}},\"codeSigning\":{\"customCodeSigning\":{\"signature\":"
            "{\"inlineDocument\":\"AAEC\"},\"certificateChain\":{\"certificateName\":\"c\"},"
            "\"hashAlgorithm\":\"SHA256\",\"signatureAlgorithm\":\"ECDSA\"}}}"
            "]," WITH_BUNDLE("AAEC")) != DR_OK);
    EXPECT(strstr(w.call.message, "daruma-bundle") != NULL);
    REQUIRE(
        create("b", "{" TARGET ",\"files\":[" FILE_AT("fw") "]," WITH_BUNDLE("AAEC/+8=")) == DR_OK);
    REQUIRE(dr_service_get_job_document(world_call(), "AFR_OTA-b", world_body()) == DR_OK);
    json_t *document = world_json(world_text(w.body, "document"));
    EXPECT_STR(world_text(document, "daruma.bundle"), "AAEC/+8=");
    json_decref(document);
    world_end();
}

/* A file of another maker with its own signature, for agents of another maker. */
static void foreign_file(void)
{
    REQUIRE(world_begin());
    REQUIRE(upload_all());
    REQUIRE(
        create(
            "f",
            "{" TARGET ",\"files\":[{\"fileName\":\"/dev/fw\",\"fileType\":2,\"fileLocation\":"
            "{\"s3Location\":{\"bucket\":\"images\",\"key\":\"foreign\"}},\"codeSigning\":"
            "{\"customCodeSigning\":{\"signature\":{\"inlineDocument\":\"AAEC\"},"
            "\"certificateChain\":{\"certificateName\":\"/certs/signer\"},\"hashAlgorithm\":"
            "\"SHA256\",\"signatureAlgorithm\":\"ECDSA\"}}}],\"protocols\":[\"MQTT\",\"HTTP\"],"
            "\"awsJobExecutionsRolloutConfig\":{\"maximumPerMinute\":50},"
            "\"awsJobAbortConfig\":{\"abortCriteriaList\":[{\"failureType\":\"FAILED\","
            "\"action\":\"CANCEL\",\"thresholdPercentage\":12.5,\"minNumberOfExecutedThings\":"
            "3}]},\"description\":\"d\"}") == DR_OK);
    REQUIRE(dr_service_get_job_document(world_call(), "AFR_OTA-f", world_body()) == DR_OK);
    json_t *document = world_json(world_text(w.body, "document"));
    EXPECT_STR(world_text(document, "afr_ota.files.0.sig-sha256-ecdsa"), "AAEC");
    EXPECT_STR(world_text(document, "afr_ota.files.0.certfile"), "/certs/signer");
    EXPECT_STR(world_text(document, "afr_ota.files.0.filepath"), "/dev/fw");
    EXPECT_EQ(world_number(document, "afr_ota.files.0.fileType"), 2);
    EXPECT_EQ(world_number(document, "afr_ota.files.0.filesize"), 45);
    EXPECT_EQ(json_array_size(world_at(document, "afr_ota.protocols")), 2);
    EXPECT_STR(world_text(document, "afr_ota.protocols.0"), "MQTT");
    EXPECT(world_at(document, "daruma") == NULL);
    json_decref(document);
    REQUIRE(dr_service_describe_job(world_call(), "AFR_OTA-f", world_body()) == DR_OK);
    EXPECT_EQ(world_number(w.body, "job.jobExecutionsRolloutConfig.maximumPerMinute"), 50);
    EXPECT_EQ(world_number(w.body, "job.abortConfig.criteriaList.0.minNumberOfExecutedThings"), 3);
    world_end();
}

/* An update of an existing stream does not own it. */
static void existing_stream(void)
{
    REQUIRE(world_begin());
    REQUIRE(upload_all());
    json_t *body = world_json("{\"files\":[{\"fileId\":3,\"s3Location\":{\"bucket\":\"images\","
                              "\"key\":\"fw\"}}],\"roleArn\":\"r\"}");
    REQUIRE(dr_service_create_stream(world_call(), "mine", body, world_body()) == DR_OK);
    json_decref(body);
    REQUIRE(
        create(
            "s", "{" TARGET ",\"files\":[{\"fileLocation\":{\"stream\":{\"streamId\":\"mine\","
                 "\"fileId\":3}}}]}") == DR_OK);
    REQUIRE(dr_service_get_job_document(world_call(), "AFR_OTA-s", world_body()) == DR_OK);
    json_t *document = world_json(world_text(w.body, "document"));
    EXPECT_STR(world_text(document, "afr_ota.streamname"), "mine");
    EXPECT_EQ(world_number(document, "afr_ota.files.0.fileid"), 3);
    json_decref(document);
    EXPECT_EQ(dr_service_delete_stream(world_call(), "mine"), DR_E_STATE);
    EXPECT_EQ(dr_service_delete_ota_update(world_call(), "s", true, true), DR_OK);
    REQUIRE(dr_service_describe_stream(world_call(), "mine", world_body()) == DR_OK);
    EXPECT_EQ(world_number(w.body, "streamInfo.files.0.fileId"), 3);
    EXPECT_EQ(dr_service_delete_stream(world_call(), "mine"), DR_OK);
    world_end();
}

static void deletion(void)
{
    REQUIRE(world_begin());
    REQUIRE(upload_all());
    REQUIRE(world_update("u1", "doll", "fw") == DR_OK);
    EXPECT_EQ(world_update("u1", "doll", "fw"), DR_E_EXISTS);
    EXPECT_STR(w.call.code, "ResourceAlreadyExistsException");
    REQUIRE(dr_service_list_ota_updates(world_call(), NULL, NULL, world_body()) == DR_OK);
    EXPECT_STR(world_text(w.body, "otaUpdates.0.otaUpdateId"), "u1");
    EXPECT_EQ(dr_service_delete_ota_update(world_call(), "u1", true, false), DR_E_STATE);
    REQUIRE(dr_service_describe_job(world_call(), "AFR_OTA-u1", world_body()) == DR_OK);
    world_settle();
    world_forget();
    EXPECT_EQ(dr_service_delete_ota_update(world_call(), "u1", true, true), DR_OK);
    world_settle();
    EXPECT_EQ(world_count("/notify-next"), 1); /* the pending execution went */
    EXPECT_EQ(dr_service_describe_job(world_call(), "AFR_OTA-u1", world_body()), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_service_describe_stream(world_call(), "AFR_OTA-u1", world_body()), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_service_delete_ota_update(world_call(), "u1", true, true), DR_E_NOT_FOUND);
    REQUIRE(world_update("u1", "doll", "fw") == DR_OK); /* the name is free again */
    world_end();
}

/* ---- objects ---- */

static size_t listed;
static char listed_keys[16][32];

static bool see(void *context, const struct dr_object *object)
{
    (void)context;
    if (listed < 16) {
        snprintf(listed_keys[listed], sizeof listed_keys[0], "%.31s", object->key);
    }
    listed++;
    return true;
}

static size_t list(const char *prefix, const char *after, uint32_t limit, bool all, bool *truncated)
{
    struct dr_object_query query = {
        .bucket = "images",
        .prefix = prefix,
        .after_key = after,
        .limit = limit,
        .all_versions = all};
    listed = 0;
    EXPECT_EQ(dr_service_list_objects(world_call(), &query, see, NULL, truncated), DR_OK);
    return listed;
}

static void objects(void)
{
    struct dr_object object;
    struct dr_object first;
    bool truncated = false;
    int fd = -1;
    char out[8] = "";
    REQUIRE(world_begin());
    EXPECT_EQ(dr_service_create_bucket(world_call(), "No_Bucket"), DR_E_ARGUMENT);
    EXPECT_EQ(world_put("images", "a", "1", 1), DR_E_NOT_FOUND);
    EXPECT_STR(w.call.code, "NoSuchBucket");
    REQUIRE(dr_service_create_bucket(world_call(), "images") == DR_OK);
    REQUIRE(dr_service_create_bucket(world_call(), "images") == DR_OK);
    REQUIRE(world_put("images", "dir/a", "one", 3) == DR_OK);
    REQUIRE(dr_service_head_object(world_call(), "images", "dir/a", NULL, &first) == DR_OK);
    EXPECT_EQ(first.size_bytes, 3);
    EXPECT_EQ(strlen(first.version), 32);
    REQUIRE(world_put("images", "dir/a", "two", 3) == DR_OK);
    REQUIRE(dr_service_open_object(world_call(), "images", "dir/a", NULL, &object, &fd) == DR_OK);
    EXPECT_EQ(read(fd, out, 3), 3);
    EXPECT_STR(out, "two");
    close(fd);
    REQUIRE(
        dr_service_open_object(world_call(), "images", "dir/a", first.version, &object, &fd) ==
        DR_OK);
    EXPECT_EQ(read(fd, out, 3), 3);
    EXPECT_STR(out, "one");
    EXPECT(!object.is_latest);
    close(fd);
    EXPECT_EQ(
        dr_service_head_object(world_call(), "images", "dir/a", "none", &object), DR_E_NOT_FOUND);
    EXPECT_STR(w.call.code, "NoSuchVersion");
    EXPECT_EQ(
        dr_service_head_object(world_call(), "images", "none", NULL, &object), DR_E_NOT_FOUND);
    EXPECT_STR(w.call.code, "NoSuchKey");

    REQUIRE(world_put("images", "dir/b", "b", 1) == DR_OK);
    REQUIRE(world_put("images", "other", "c", 1) == DR_OK);
    EXPECT_EQ(list(NULL, NULL, 0, false, &truncated), 3);
    EXPECT(!truncated);
    EXPECT_EQ(list("dir/", NULL, 0, false, &truncated), 2);
    EXPECT_EQ(list("dir/", NULL, 0, true, &truncated), 3);
    EXPECT_EQ(list("", NULL, 2, false, &truncated), 2);
    EXPECT(truncated);
    EXPECT_EQ(list("", "dir/b", 2, false, &truncated), 1);
    EXPECT_STR(listed_keys[0], "other");
    EXPECT(!truncated);

    /* A delete marker hides; removing the marker brings it back. */
    REQUIRE(dr_service_delete_object(world_call(), "images", "dir/a", NULL, &object) == DR_OK);
    EXPECT(object.is_delete_marker);
    EXPECT_EQ(
        dr_service_head_object(world_call(), "images", "dir/a", NULL, &first), DR_E_NOT_FOUND);
    EXPECT_EQ(list("dir/a", NULL, 0, false, &truncated), 0);
    REQUIRE(
        dr_service_delete_object(world_call(), "images", "dir/a", object.version, &object) ==
        DR_OK);
    EXPECT_EQ(dr_service_head_object(world_call(), "images", "dir/a", NULL, &first), DR_OK);
    EXPECT_EQ(dr_service_delete_bucket(world_call(), "images"), DR_E_STATE);
    EXPECT_STR(w.call.code, "BucketNotEmpty");
    world_end();
}

/* Content that nothing names any more goes after an hour; what a stream serves stays. */
static void unused_content_is_swept(void)
{
    struct dr_object object;
    REQUIRE(world_begin());
    REQUIRE(upload_all());
    REQUIRE(world_update("u1", "doll", "fw") == DR_OK);
    REQUIRE(dr_service_head_object(world_call(), "images", "fw", NULL, &object) == DR_OK);
    uint8_t used[32];
    memcpy(used, object.sha256, sizeof used);
    REQUIRE(
        dr_service_delete_object(world_call(), "images", "fw", object.version, &object) == DR_OK);
    REQUIRE(dr_service_head_object(world_call(), "images", "foreign", NULL, &object) == DR_OK);
    uint8_t unused[32];
    memcpy(unused, object.sha256, sizeof unused);
    REQUIRE(
        dr_service_delete_object(world_call(), "images", "foreign", object.version, &object) ==
        DR_OK);
    int64_t real_ms = (int64_t)time(NULL) * 1000;
    EXPECT_EQ(dr_service_tick(w.service, real_ms), DR_OK);
    EXPECT(dr_blob_exists(w.blobs, unused));
    EXPECT_EQ(dr_service_tick(w.service, real_ms + 3 * 3600 * 1000), DR_OK);
    EXPECT(!dr_blob_exists(w.blobs, unused));
    EXPECT(dr_blob_exists(w.blobs, used));
    world_end();
}

/* AWS's own limits, for those who test against them. */
static void strict_mode(void)
{
    static uint8_t big[17 * 1024 * 1024];
    REQUIRE(world_begin());
    dr_service_close(w.service);
    REQUIRE(world_open_service(true));
    REQUIRE(upload_all());
    REQUIRE(world_put("images", "big", big, sizeof big) == DR_OK);
    EXPECT_EQ(create("b", "{" TARGET ",\"files\":[" FILE_AT("big") "]}"), DR_E_RANGE);
    EXPECT(strstr(w.call.message, "16777216") != NULL);
    json_t *targets = json_array();
    for (int i = 0; i < 101; i++) {
        json_array_append_new(targets, json_string("arn:aws:iot:local:000000000000:thing/doll"));
    }
    json_t *body = json_pack("{s:o, s:s}", "targets", targets, "document", "{}");
    EXPECT_EQ(dr_service_create_job(world_call(), "j", body, world_body()), DR_E_RANGE);
    json_decref(body);
    world_end();
}

DR_TEST_MAIN(
    refusals_say_why, unchecked_passes, bundle_passes, foreign_file, existing_stream, deletion,
    objects, unused_content_is_swept, strict_mode)

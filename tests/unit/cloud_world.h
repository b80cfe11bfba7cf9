/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A whole service in a scratch directory, without a network: the test is operator, clock, broker
 * and device. What leaves is collected in order: answers as they come, then the outbox. */
#ifndef DR_TESTS_UNIT_CLOUD_WORLD_H
#define DR_TESTS_UNIT_CLOUD_WORLD_H

#include "cloud/blob/blob.h"
#include "cloud/pki/pki.h"
#include "cloud/registry/certificates.h"
#include "cloud/registry/identity.h"
#include "cloud/registry/images.h"
#include "cloud/registry/policies.h"
#include "cloud/registry/report.h"
#include "cloud/registry/things.h"
#include "cloud/service/device_message.h"
#include "cloud/service/jobs.h"
#include "cloud/service/ota.h"
#include "cloud/service/outbox.h"
#include "cloud/service/service.h"
#include "cloud/service/streams.h"
#include "cloud/service/thing_delete.h"
#include "cloud/store/store.h"
#include "format/image_write.h"
#include "tests/unit/check.h"
#include "tests/unit/scratch.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define WORLD_SENT_MAX 512
#define WORLD_BOOT 77u

struct world_sent {
    char topic[300];
    uint8_t *payload; /* NUL behind it */
    size_t size;
    bool to_subscribers;
    bool from_outbox;
    uint64_t session;
    char client_id[130];
};

struct world {
    char directory[DR_SCRATCH_SIZE];
    struct dr_store *store;
    struct dr_blobs *blobs;
    struct dr_pki_authority *authority;
    struct dr_service *service;
    int64_t now_ms;
    uint64_t number; /* of the last QoS 1 message */
    json_t *body;    /* the last answer to the operator */
    struct dr_call call;

    pthread_mutex_t lock;
    pthread_cond_t done_one;
    unsigned messages;
    unsigned done;
    enum dr_status last_done;
    struct world_sent sent[WORLD_SENT_MAX];
    size_t sent_count;
    uint64_t outbox_after;
};

static struct world w;

static inline bool world_open_service(bool strict)
{
    struct dr_service_config config = {
        .store = w.store,
        .blobs = w.blobs,
        .crypto = &dr_crypto_openssl,
        .device_authority = w.authority,
        .region = "local",
        .account = "000000000000",
        .device_endpoint = "localhost:8883",
        .downloads = {"https://127.0.0.1:8443", "DOWNLOADS", "a secret of the test"},
        .strict = strict,
    };
    return dr_service_open(&config, &w.service) == DR_OK;
}

static inline bool world_open_store(uint32_t max_pages)
{
    char path[128];
    char error[DR_STORE_ERROR_SIZE];
    snprintf(path, sizeof path, "%s/daruma.db", w.directory);
    struct dr_store_options options = {.path = path, .max_pages = max_pages};
    return dr_store_open(&options, &w.store, error) == DR_OK;
}

static inline bool world_begin(void)
{
    char path[128];
    memset(&w, 0, sizeof w);
    w.now_ms = 1700000000000;
    (void)pthread_mutex_init(&w.lock, NULL);
    (void)pthread_cond_init(&w.done_one, NULL);
    if (!dr_scratch_make(w.directory)) {
        return false;
    }
    snprintf(path, sizeof path, "%s/blobs", w.directory);
    struct dr_blob_options options = {.directory = path, .crypto = &dr_crypto_openssl};
    return world_open_store(0) && dr_blobs_open(&options, &w.blobs) == DR_OK &&
           dr_pki_authority_create("test", w.now_ms / 1000, &w.authority) == DR_OK &&
           world_open_service(false);
}

static inline void world_forget(void)
{
    for (size_t i = 0; i < w.sent_count; i++) {
        free(w.sent[i].payload);
    }
    w.sent_count = 0;
}

static inline void world_end(void)
{
    world_forget();
    json_decref(w.body);
    dr_service_close(w.service);
    dr_pki_authority_free(w.authority);
    dr_blobs_close(w.blobs);
    dr_store_close(w.store);
    EXPECT(dr_scratch_remove(w.directory));
}

/* ---- the operator ---- */

static inline struct dr_call *world_call(void)
{
    w.call = (struct dr_call){.service = w.service, .now_ms = w.now_ms, .actor = "operator"};
    return &w.call;
}

/* Where a call puts its answer; the one before is dropped. */
static inline json_t **world_body(void)
{
    json_decref(w.body);
    w.body = NULL;
    return &w.body;
}

static inline json_t *world_json(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);
    if (value == NULL) {
        fprintf(stderr, "bad JSON in a test: %s\n%s\n", error.text, text);
        abort();
    }
    return value;
}

/* Walk "a.b.0.c" through objects and lists; NULL when it leads nowhere. */
static inline json_t *world_at(json_t *value, const char *path)
{
    char copy[256];
    char *save = NULL;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *part = strtok_r(copy, ".", &save); part != NULL && value != NULL;
         part = strtok_r(NULL, ".", &save)) {
        value = json_is_array(value) ? json_array_get(value, (size_t)strtoul(part, NULL, 10))
                                     : json_object_get(value, part);
    }
    return value;
}

static inline const char *world_text(json_t *value, const char *path)
{
    const char *text = json_string_value(world_at(value, path));
    return text != NULL ? text : "";
}

static inline long long world_number(json_t *value, const char *path)
{
    return (long long)json_number_value(world_at(value, path));
}

static inline enum dr_status world_thing(const char *name)
{
    return dr_service_create_thing(world_call(), name, NULL, world_body());
}

/* ---- the broker ---- */

static inline void world_keep(struct world_sent sent, const uint8_t *payload, size_t size)
{
    if (w.sent_count == WORLD_SENT_MAX) {
        abort();
    }
    sent.payload = malloc(size + 1);
    memcpy(sent.payload, payload, size);
    sent.payload[size] = '\0';
    sent.size = size;
    w.sent[w.sent_count++] = sent;
}

static inline void world_answer(void *context, const struct dr_device_answer *answer)
{
    struct world_sent sent = {.session = answer->session};
    (void)context;
    (void)pthread_mutex_lock(&w.lock);
    snprintf(sent.topic, sizeof sent.topic, "%s", answer->topic);
    snprintf(sent.client_id, sizeof sent.client_id, "%s", answer->client_id);
    world_keep(sent, answer->payload, answer->payload_size);
    (void)pthread_mutex_unlock(&w.lock);
}

static inline void
world_done(void *context, uint64_t gate_boot, uint64_t gate_number, enum dr_status status)
{
    (void)context;
    (void)gate_boot;
    (void)gate_number;
    (void)pthread_mutex_lock(&w.lock);
    w.done++;
    w.last_done = status;
    (void)pthread_cond_broadcast(&w.done_one);
    (void)pthread_mutex_unlock(&w.lock);
}

static inline bool world_take_row(void *context, const struct dr_outbox_row *row)
{
    struct world_sent sent = {
        .session = row->session,
        .from_outbox = true,
        .to_subscribers = row->kind == DR_OUTBOX_TO_SUBSCRIBERS,
    };
    (void)context;
    snprintf(sent.topic, sizeof sent.topic, "%s", row->topic);
    snprintf(sent.client_id, sizeof sent.client_id, "%s", row->client_id);
    world_keep(sent, row->payload, row->payload_size);
    EXPECT(row->id > w.outbox_after);
    w.outbox_after = row->id;
    return true;
}

/* Wait for all that was sent to be handled, then deliver the outbox. */
static inline void world_settle(void)
{
    (void)pthread_mutex_lock(&w.lock);
    while (w.done < w.messages) {
        (void)pthread_cond_wait(&w.done_one, &w.lock);
    }
    (void)pthread_mutex_unlock(&w.lock);
    EXPECT_EQ(
        dr_service_outbox_fetch(w.service, w.outbox_after, 1000, world_take_row, NULL), DR_OK);
}

static const struct dr_device_sink world_sink = {
    .answer = world_answer, .done = world_done, .context = NULL};

/* ---- the device ---- */

/* Without waiting. */
static inline void world_send_raw(
    const char *thing, const char *rest, const void *payload, size_t size, uint64_t number)
{
    struct dr_device_message message = {
        .thing = thing,
        .rest = rest,
        .payload = payload,
        .payload_size = size,
        .qos = number != 0 ? 1 : 0,
        .client_id = thing,
        .certificate_id = "",
        .session = 42,
        .gate_boot = number != 0 ? WORLD_BOOT : 0,
        .gate_number = number,
    };
    w.messages++;
    dr_service_device_message(w.service, &message, &world_sink, w.now_ms);
}

/* At QoS 1, with everything that follows delivered. */
static inline void world_say(const char *thing, const char *rest, const char *payload)
{
    world_forget();
    world_send_raw(thing, rest, payload, strlen(payload), ++w.number);
    world_settle();
}

/* The one message on the topic that ends so; NULL when there is none or more than one. */
static inline struct world_sent *world_heard(const char *end)
{
    struct world_sent *found = NULL;
    for (size_t i = 0; i < w.sent_count; i++) {
        size_t len = strlen(w.sent[i].topic);
        size_t end_len = strlen(end);
        if (len >= end_len && strcmp(w.sent[i].topic + len - end_len, end) == 0) {
            if (found != NULL) {
                return NULL;
            }
            found = &w.sent[i];
        }
    }
    return found;
}

static inline size_t world_count(const char *end)
{
    size_t count = 0;
    for (size_t i = 0; i < w.sent_count; i++) {
        size_t len = strlen(w.sent[i].topic);
        size_t end_len = strlen(end);
        count += len >= end_len && strcmp(w.sent[i].topic + len - end_len, end) == 0 ? 1u : 0u;
    }
    return count;
}

/* Its body as JSON, kept as the last answer; a fresh empty object when there is none. */
static inline json_t *world_hear(const char *end)
{
    struct world_sent *sent = world_heard(end);
    json_t **body = world_body();
    *body = sent != NULL ? json_loads((const char *)sent->payload, 0, NULL) : NULL;
    if (*body == NULL) {
        *body = json_object();
    }
    return *body;
}

/* ---- images ---- */

#define WORLD_IMAGE_MAX 65536u

/* A Daruma image signed by nobody in particular: the service does not judge keys. */
static inline size_t world_image(uint8_t *out, const char *version, size_t payload_size)
{
    struct dr_image_spec spec = {
        .header_size_bytes = 512,
        .load_address = 0x1000,
        .has_sequence = true,
        .sequence = 9,
        .has_security_counter = true,
        .security_counter = 3,
        .product = "doll",
    };
    uint8_t digest[32];
    uint8_t key_hash[32] = {1};
    uint8_t der[70] = {0x30, 68};
    struct dr_writer writer;
    dr_writer_init(&writer, out, WORLD_IMAGE_MAX);
    EXPECT_EQ(dr_version_parse(version, strlen(version), &spec.version), DR_OK);
    dr_image_write_head(&writer, &spec, (uint32_t)payload_size);
    for (size_t i = 0; i < payload_size; i++) {
        dr_write_u8(&writer, (uint8_t)(i * 7u + (i >> 8)));
    }
    dr_image_write_protected(&writer, &spec);
    dr_sha256_once(&dr_crypto_openssl, out, writer.size_bytes, digest);
    dr_image_write_signature(&writer, digest, key_hash, der, sizeof der);
    EXPECT_EQ(writer.status, DR_OK);
    return writer.size_bytes;
}

/* Put bytes into a bucket as the API does: through a finished temporary file. */
static inline enum dr_status
world_put(const char *bucket, const char *key, const void *data, size_t size)
{
    char path[256];
    struct dr_object object;
    struct dr_object_upload upload = {
        .bucket = bucket, .key = key, .path = path, .size_bytes = size};
    snprintf(path, sizeof path, "%s/body", dr_service_upload_directory(w.service));
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        return DR_E_IO;
    }
    close(fd);
    dr_sha256_once(&dr_crypto_openssl, data, size, upload.sha256);
    enum dr_status status = dr_service_put_object(world_call(), &upload, &object);
    if (status != DR_OK) {
        unlink(path);
    }
    return status;
}

/* An update of one thing to the object images/key. */
static inline enum dr_status world_update(const char *id, const char *thing, const char *key)
{
    char text[1024];
    snprintf(
        text, sizeof text,
        "{\"targets\":[\"arn:aws:iot:local:000000000000:thing/%s\"],\"roleArn\":\"r\","
        "\"files\":[{\"fileName\":\"fw\",\"fileLocation\":{\"s3Location\":{\"bucket\":\"images\","
        "\"key\":\"%s\"}}}]}",
        thing, key);
    json_t *body = world_json(text);
    enum dr_status status = dr_service_create_ota_update(world_call(), id, body, world_body());
    json_decref(body);
    return status;
}

/* Bucket, image 1.1.0 under the key "fw", thing "doll". Returns the image's size, 0 on failure. */
static inline size_t world_ready(uint8_t *image)
{
    size_t size = world_image(image, "1.1.0", 20000);
    bool ready = dr_service_create_bucket(world_call(), "images") == DR_OK &&
                 world_put("images", "fw", image, size) == DR_OK && world_thing("doll") == DR_OK;
    return ready ? size : 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Pre-signed URLs in job documents. The document in the store names an object; each delivery gets a
 * URL of its own, as on AWS (docs/protocol.md). */
#include "cloud/service/presign_priv.h"

#include "aws/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPENING "${aws:iot:s3-presigned-url:"
#define URLS_MAX 10u        /* substitutions in one document, as on AWS */
#define URL_BYTES_MAX 1500u /* what AWS's agents hold */
#define OBJECT_BYTES_MAX 1200u
#define EXPIRES_S_DEFAULT 3600u

/* What one document becomes for one thing. */
struct delivery {
    const struct dr_service *service;
    const char *thing;
    uint32_t expires_s;
    struct dr_sigv4_signer signer;
    char *out;
    size_t len;
    size_t capacity;
};

static bool put(struct delivery *delivery, const char *text, size_t len)
{
    if (len >= delivery->capacity - delivery->len) {
        return false;
    }
    memcpy(delivery->out + delivery->len, text, len);
    delivery->len += len;
    delivery->out[delivery->len] = '\0';
    return true;
}

/* Nothing that JSON, HTTP or a reader of lines could take for something else. */
static bool is_plain(const char *text, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-._~/%?&=+:@,!$'()*;";
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\0' || strchr(letters, text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* "https://s3.REGION.amazonaws.com/bucket/key" or "https://bucket.s3.…/key" to "/bucket/key", query
 * and all. Whatever the host, the object is looked for here. */
static bool path_of(const char *url, size_t len, char out[OBJECT_BYTES_MAX])
{
    static const char scheme[] = "https://";
    const size_t scheme_len = sizeof scheme - 1;
    if (len <= scheme_len || len >= OBJECT_BYTES_MAX || !is_plain(url, len) ||
        memcmp(url, scheme, scheme_len) != 0) {
        return false;
    }
    const char *host = url + scheme_len;
    const char *end = url + len;
    const char *slash = memchr(host, '/', (size_t)(end - host));
    if (slash == NULL || slash + 1 == end) {
        return false;
    }
    int bucket_len = 0;
    for (const char *at = host; at + 4 < slash; at++) {
        if (memcmp(at, ".s3.", 4) == 0 || memcmp(at, ".s3-", 4) == 0) {
            bucket_len = (int)(at - host);
            break;
        }
    }
    int made = snprintf(
        out, OBJECT_BYTES_MAX, "%s%.*s%.*s", bucket_len > 0 ? "/" : "", bucket_len, host,
        (int)(end - slash), slash);
    return made > 0 && made < (int)OBJECT_BYTES_MAX;
}

/* The service, the expiry and the thing stand in the URL, signed; x-daruma-thing tells the counters
 * who fetches, and S3 ignores query keys that begin with x-. */
static bool put_url(struct delivery *delivery, const char *url, size_t len)
{
    const struct dr_service *service = delivery->service;
    char object[OBJECT_BYTES_MAX];
    char path[OBJECT_BYTES_MAX + DR_THING_NAME_MAX + 32];
    char target[URL_BYTES_MAX];
    if (!path_of(url, len, object)) {
        return false;
    }
    (void)snprintf(
        path, sizeof path, "%s%cx-daruma-thing=%s", object, strchr(object, '?') == NULL ? '?' : '&',
        delivery->thing);
    const char *host = service->download_url + strlen("https://");
    return dr_sigv4_presign(
               service->crypto, &delivery->signer, "GET", host, path, delivery->expires_s, target,
               sizeof target) == DR_OK &&
           strlen(service->download_url) + strlen(target) < URL_BYTES_MAX &&
           put(delivery, service->download_url, strlen(service->download_url)) &&
           put(delivery, target, strlen(target));
}

/* Placeholders that cannot be followed stay as they stand, for the device to refuse. */
static bool expand(struct delivery *delivery, const char *document)
{
    for (unsigned i = 0; i < URLS_MAX; i++) {
        const char *open = strstr(document, OPENING);
        const char *url = open == NULL ? NULL : open + strlen(OPENING);
        const char *close = url == NULL ? NULL : strchr(url, '}');
        if (close == NULL) {
            break;
        }
        if (!put(delivery, document, (size_t)(open - document)) ||
            (!put_url(delivery, url, (size_t)(close - url)) &&
             !put(delivery, open, (size_t)(close + 1 - open)))) {
            return false;
        }
        document = close + 1;
    }
    return put(delivery, document, strlen(document));
}

static uint32_t expires_s_of(const char *settings)
{
    json_t *parsed = json_loads(settings, 0, NULL);
    json_int_t seconds = json_integer_value(
        json_object_get(json_object_get(parsed, "presignedUrlConfig"), "expiresInSec"));
    json_decref(parsed);
    return seconds > 0 && seconds <= DR_PRESIGN_EXPIRES_S_MAX ? (uint32_t)seconds
                                                              : EXPIRES_S_DEFAULT;
}

static enum dr_status load_expiry(struct dr_db *db, const char *job, uint32_t *ret_expires_s)
{
    struct dr_rows rows;
    dr_db_select(
        db, &rows, "SELECT settings FROM job WHERE id = ?1", DR_VALUES(dr_value_text(job)));
    *ret_expires_s = EXPIRES_S_DEFAULT;
    if (dr_rows_next(&rows)) {
        *ret_expires_s = expires_s_of(dr_rows_text(&rows, 0));
    }
    return dr_rows_end(&rows);
}

enum dr_status dr_job_document_deliver(
    const struct dr_scope *scope, const char *job, const char *thing, char **ret_document)
{
    const struct dr_service *service = scope->service;
    char *document = NULL;
    DR_TRY(dr_job_document_load(scope->db, job, &document));
    if (service->download_url == NULL || strstr(document, OPENING) == NULL) {
        *ret_document = document;
        return DR_OK;
    }
    struct delivery delivery = {
        .service = service,
        .thing = thing,
        .signer =
            {.access_key_id = service->download_key_id,
             .secret = service->download_secret,
             .region = service->region,
             .service = "s3",
             .now_s = scope->now_ms / 1000},
        .capacity = strlen(document) + URLS_MAX * URL_BYTES_MAX + 1,
    };
    delivery.out = malloc(delivery.capacity);
    enum dr_status status = delivery.out != NULL ? DR_OK : DR_E_SPACE;
    if (status == DR_OK) {
        status = load_expiry(scope->db, job, &delivery.expires_s);
    }
    if (status == DR_OK && !expand(&delivery, document)) {
        status = DR_E_SPACE;
    }
    free(document);
    if (status != DR_OK) {
        free(delivery.out);
        return status;
    }
    *ret_document = delivery.out;
    return DR_OK;
}

enum dr_status dr_presign_placeholder(
    const char *bucket, const char *key, const char *version, char out[DR_PRESIGN_PLACEHOLDER_SIZE])
{
    static const char hex[] = "0123456789ABCDEF";
    char encoded[3 * DR_OBJECT_KEY_MAX + 1];
    size_t len = 0;
    for (const char *at = key; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (len + 4 > sizeof encoded) {
            return DR_E_SPACE;
        }
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~/", c) != NULL;
        if (plain) {
            encoded[len++] = (char)c;
        } else {
            encoded[len++] = '%';
            encoded[len++] = hex[c >> 4];
            encoded[len++] = hex[c & 15u];
        }
    }
    encoded[len] = '\0';
    int made = snprintf(
        out, DR_PRESIGN_PLACEHOLDER_SIZE, OPENING "https://s3.amazonaws.com/%s/%s?versionId=%s}",
        bucket, encoded, version);
    return made > 0 && made < (int)DR_PRESIGN_PLACEHOLDER_SIZE ? DR_OK : DR_E_SPACE;
}

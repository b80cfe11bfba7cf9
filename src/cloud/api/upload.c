/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/upload.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum dr_status status_of_errno(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return DR_E_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return DR_E_DENIED;
    default:
        return DR_E_IO;
    }
}

enum dr_status dr_api_upload_begin(
    struct dr_api_upload *upload, const char *directory, const struct dr_crypto *crypto,
    const struct dr_api_announcement *announced, uint64_t size_bytes_max)
{
    memset(upload, 0, sizeof *upload);
    upload->fd = -1;
    int len = snprintf(upload->path, sizeof upload->path, "%s/upload-XXXXXX", directory);
    if (len < 0 || (size_t)len >= sizeof upload->path) {
        upload->path[0] = '\0';
        return DR_E_ARGUMENT;
    }
    upload->fd = mkostemp(upload->path, O_CLOEXEC);
    if (upload->fd < 0) {
        upload->path[0] = '\0';
        return status_of_errno(errno);
    }
    upload->crypto = crypto;
    upload->announced = *announced;
    upload->size_bytes_max = size_bytes_max;
    crypto->sha256_begin(&upload->sha);
    dr_md5_begin(&upload->md5);
    dr_crc_begin(&upload->crc, announced->crc);
    dr_chunked_begin(&upload->chunked);
    return DR_OK;
}

static enum dr_status store(void *ctx, const uint8_t *data, size_t size_bytes)
{
    struct dr_api_upload *upload = ctx;
    if (size_bytes > upload->size_bytes_max - upload->size_bytes) {
        return DR_E_RANGE;
    }
    upload->crypto->sha256_update(&upload->sha, data, size_bytes);
    dr_md5_update(&upload->md5, data, size_bytes);
    dr_crc_update(&upload->crc, data, size_bytes);
    upload->size_bytes += size_bytes;
    while (size_bytes > 0) { /* bound: size_bytes */
        ssize_t put = write(upload->fd, data, size_bytes);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? status_of_errno(errno) : DR_E_IO;
        }
        data += put;
        size_bytes -= (size_t)put;
    }
    return DR_OK;
}

void dr_api_upload_feed(struct dr_api_upload *upload, const uint8_t *data, size_t size_bytes)
{
    if (upload->failed != DR_OK) {
        return;
    }
    upload->failed = upload->announced.aws_chunked
                         ? dr_chunked_feed(&upload->chunked, data, size_bytes, store, upload)
                         : store(upload, data, size_bytes);
}

static enum dr_status
feed_error(enum dr_status status, enum dr_api_error *ret_error, const char **ret_message)
{
    if (status == DR_E_RANGE) {
        *ret_error = DR_S3_TOO_LARGE;
        *ret_message = "the object is larger than this server accepts";
    } else if (status == DR_E_UNSUPPORTED) {
        *ret_error = DR_S3_NOT_IMPLEMENTED;
        *ret_message = "signed chunks are not implemented; upload with an unsigned payload";
    } else if (status == DR_E_FORMAT) {
        *ret_error = DR_S3_INVALID_REQUEST;
        *ret_message = "the body is not aws-chunked as announced";
    } else {
        *ret_error = DR_S3_UNAVAILABLE;
        *ret_message = "the upload cannot be stored: the disk is full or not writable";
    }
    return status;
}

static bool base64_is(const char *text, const uint8_t *expected, size_t size_bytes)
{
    uint8_t decoded[DR_SHA256_BYTES];
    size_t decoded_size = 0;
    return dr_base64_decode(text, strlen(text), decoded, sizeof decoded, &decoded_size) == DR_OK &&
           decoded_size == size_bytes && memcmp(decoded, expected, size_bytes) == 0;
}

/* The first digest that does not fit, as a message; NULL when all do. */
static const char *find_mismatch(
    struct dr_api_upload *upload, const uint8_t md5[DR_MD5_BYTES], enum dr_api_error *ret_error)
{
    const struct dr_api_announcement *announced = &upload->announced;
    uint8_t declared[DR_SHA256_BYTES];
    *ret_error = DR_S3_BAD_DIGEST;
    if (announced->payload_hash != NULL &&
        dr_hex_decode(
            announced->payload_hash, strlen(announced->payload_hash), declared, sizeof declared) ==
            DR_OK &&
        memcmp(declared, upload->sha256, sizeof declared) != 0) {
        *ret_error = DR_S3_CONTENT_SHA256;
        return "x-amz-content-sha256 does not fit the body";
    }
    if (announced->content_md5 != NULL && !base64_is(announced->content_md5, md5, DR_MD5_BYTES)) {
        return "Content-MD5 does not fit the body";
    }
    if (announced->sha256 != NULL &&
        !base64_is(announced->sha256, upload->sha256, sizeof upload->sha256)) {
        return "x-amz-checksum-sha256 does not fit the body";
    }
    if (announced->crc == DR_CRC_NONE) {
        return NULL;
    }
    const char *value = announced->crc_value;
    if (value == NULL) {
        bool named = strcmp(upload->chunked.trailer_name, dr_crc_header(announced->crc)) == 0;
        if (!named) {
            *ret_error = DR_S3_INVALID_REQUEST;
            return "the trailer announced by x-amz-trailer is missing";
        }
        value = upload->chunked.trailer_value;
    }
    return dr_crc_check(&upload->crc, value) == DR_OK ? NULL : "the checksum does not fit the body";
}

enum dr_status dr_api_upload_finish(
    struct dr_api_upload *upload, enum dr_api_error *ret_error, const char **ret_message)
{
    const struct dr_api_announcement *announced = &upload->announced;
    uint8_t md5[DR_MD5_BYTES];
    if (upload->failed != DR_OK) {
        return feed_error(upload->failed, ret_error, ret_message);
    }
    if (announced->aws_chunked && dr_chunked_end(&upload->chunked) != DR_OK) {
        *ret_error = DR_S3_INCOMPLETE_BODY;
        *ret_message = "the aws-chunked body ends too early";
        return DR_E_TRUNCATED;
    }
    if (announced->has_decoded_size && announced->decoded_size_bytes != upload->size_bytes) {
        *ret_error = DR_S3_INCOMPLETE_BODY;
        *ret_message = "the body has another size than x-amz-decoded-content-length";
        return DR_E_FORMAT;
    }
    upload->crypto->sha256_finish(&upload->sha, upload->sha256);
    dr_md5_finish(&upload->md5, md5);
    dr_hex_encode(md5, sizeof md5, upload->md5_text);
    enum dr_api_error error = DR_S3_BAD_DIGEST;
    const char *mismatch = find_mismatch(upload, md5, &error);
    if (mismatch != NULL) {
        *ret_error = error;
        *ret_message = mismatch;
        return DR_E_CORRUPT;
    }
    int synced = fsync(upload->fd);
    int closed = close(upload->fd);
    upload->fd = -1;
    if (synced != 0 || closed != 0) {
        return feed_error(DR_E_IO, ret_error, ret_message);
    }
    return DR_OK;
}

void dr_api_upload_drop(struct dr_api_upload *upload)
{
    if (upload->fd >= 0) {
        (void)close(upload->fd);
        upload->fd = -1;
    }
    if (upload->path[0] != '\0') {
        (void)unlink(upload->path);
        upload->path[0] = '\0';
    }
}

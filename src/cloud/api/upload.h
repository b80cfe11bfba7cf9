/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* An object on its way in: streamed to a temporary file, digested while it passes.
 *
 * Nothing is visible before dr_api_upload_finish has found every digest that the client announced
 * to be right; until then, and when anything fails, the file is removed by dr_api_upload_drop.
 */
#ifndef DR_CLOUD_API_UPLOAD_H
#define DR_CLOUD_API_UPLOAD_H

#include "base/status.h"
#include "cloud/api/checksum.h"
#include "cloud/api/chunked.h"
#include "cloud/api/error.h"
#include "crypto/crypto.h"

#include <stdbool.h>
#include <stdint.h>

#define DR_API_UPLOAD_PATH_BYTES 1100u

/* What the headers announce; NULL or 0 where they do not. Borrowed until finish. */
struct dr_api_announcement {
    const char *payload_hash; /* x-amz-content-sha256 */
    const char *content_md5;  /* base64 */
    const char *sha256;       /* x-amz-checksum-sha256, base64 */
    enum dr_crc_kind crc;     /* of a header or of the trailer */
    const char *crc_value;    /* base64; NULL when it stands in the trailer */
    bool aws_chunked;         /* the body is encoded, with a trailer */
    bool has_decoded_size;
    uint64_t decoded_size_bytes; /* x-amz-decoded-content-length */
};

struct dr_api_upload {
    const struct dr_crypto *crypto;
    struct dr_api_announcement announced;
    char path[DR_API_UPLOAD_PATH_BYTES]; /* "" when there is no file (any more) */
    int fd;                              /* -1 when closed */
    uint64_t size_bytes;
    uint64_t size_bytes_max;
    struct dr_sha256 sha;
    struct dr_md5 md5;
    struct dr_crc crc;
    struct dr_chunked chunked;
    enum dr_status failed; /* first failure while feeding; later bytes are dropped */
    /* After a successful finish. */
    uint8_t sha256[DR_SHA256_BYTES];
    char md5_text[2 * DR_MD5_BYTES + 1];
};

/* Make the temporary file. DR_E_IO, DR_E_SPACE, DR_E_DENIED: it cannot be made. */
DR_MUST_USE enum dr_status dr_api_upload_begin(
    struct dr_api_upload *upload, const char *directory, const struct dr_crypto *crypto,
    const struct dr_api_announcement *announced, uint64_t size_bytes_max);

/* Bytes of the body as received. Failures are kept for finish. */
void dr_api_upload_feed(struct dr_api_upload *upload, const uint8_t *data, size_t size_bytes);

/* All is there: compare, sync, close. On failure *ret_error and *ret_message say which rule. */
DR_MUST_USE enum dr_status dr_api_upload_finish(
    struct dr_api_upload *upload, enum dr_api_error *ret_error, const char **ret_message);

/* Close and remove what was not moved away. Repeating it is fine. */
void dr_api_upload_drop(struct dr_api_upload *upload);

#endif

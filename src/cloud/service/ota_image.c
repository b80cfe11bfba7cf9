/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Looking into an image before it is offered to devices. */
#include "base/secret.h"
#include "cloud/service/ota_priv.h"
#include "crypto/crypto.h"

#include <stdlib.h>
#include <string.h>

#define COUNTER_CEILING 0xf0000000u
#define CHUNK_BYTES 65536u

/* A Daruma image that no device can take; let through when the operator insists. */
static enum dr_status refuse(struct dr_call *call, const struct dr_ota_file *file, const char *why)
{
    if (file->unchecked) {
        return DR_OK;
    }
    return dr_call_fail(
        call, DR_E_FORMAT, DR_CODE_INVALID,
        "files[0]: no device would take this image: %s (additionalParameters \"" DR_OTA_UNCHECKED
        "\": \"true\" sends it all the same)",
        why);
}

static enum dr_status unreadable(struct dr_call *call, enum dr_status status)
{
    return dr_call_fail(
        call, status, DR_CODE_INTERNAL, "the image cannot be read: %s", dr_status_text(status));
}

/* The digest covers everything before the unprotected TLVs. */
static enum dr_status digest_fits(
    const struct dr_call *call, const struct dr_blob *blob, const struct dr_image_info *image,
    bool *ret_fits)
{
    uint64_t left =
        (uint64_t)dr_image_tlvs_offset(&image->header) + image->header.protected_size_bytes;
    uint64_t at = 0;
    uint8_t digest[DR_SHA256_BYTES];
    struct dr_sha256 sha;
    uint8_t *chunk = malloc(CHUNK_BYTES);
    if (chunk == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = DR_OK;
    call->service->crypto->sha256_begin(&sha);
    while (left != 0 && status == DR_OK) { /* bound: the file */
        size_t size = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
        status = dr_blob_read(blob, at, chunk, size);
        if (status == DR_OK) {
            call->service->crypto->sha256_update(&sha, chunk, size);
        }
        at += size;
        left -= size;
    }
    free(chunk);
    call->service->crypto->sha256_finish(&sha, digest);
    *ret_fits = dr_equal_ct(digest, image->digest, sizeof digest);
    return status;
}

static const char *beyond_rules(const struct dr_image_info *image)
{
    if (image->security_counter >= COUNTER_CEILING) {
        return dr_reason_text(DR_REASON_COUNTER_CEILING);
    }
    if (image->revocation_target > 1) {
        return dr_reason_text(DR_REASON_REVOCATION);
    }
    if (image->has_base_digest) {
        return dr_reason_text(DR_REASON_RESERVED_FEATURE);
    }
    return image->product_len == 0 ? dr_reason_text(DR_REASON_PRODUCT) : NULL;
}

static enum dr_status examine_tail(
    struct dr_call *call, const struct dr_blob *blob, const struct dr_image_header *header,
    struct dr_ota_file *file)
{
    uint8_t tlvs[DR_IMAGE_TLVS_BYTES_MAX];
    uint64_t offset = dr_image_tlvs_offset(header);
    uint64_t size = dr_blob_size(blob);
    if (offset >= size) {
        return refuse(call, file, dr_reason_text(DR_REASON_TRUNCATED));
    }
    if (size - offset > sizeof tlvs) {
        return refuse(call, file, dr_reason_text(DR_REASON_TRAILING));
    }
    enum dr_status status = dr_blob_read(blob, offset, tlvs, (size_t)(size - offset));
    if (status != DR_OK) {
        return unreadable(call, status);
    }
    enum dr_reason reason =
        dr_image_parse_tlvs(header, tlvs, (size_t)(size - offset), &file->image);
    if (reason != DR_REASON_NONE) {
        return refuse(call, file, dr_reason_text(reason));
    }
    file->is_daruma_image = true;
    file->image.signature_count = 0; /* they point into this function's buffer */
    bool fits = false;
    status = digest_fits(call, blob, &file->image, &fits);
    if (status != DR_OK) {
        return unreadable(call, status);
    }
    if (!fits) {
        return refuse(call, file, dr_reason_text(DR_REASON_DIGEST));
    }
    const char *why = beyond_rules(&file->image);
    return why != NULL ? refuse(call, file, why) : DR_OK;
}

static enum dr_status
examine_blob(struct dr_call *call, const struct dr_blob *blob, struct dr_ota_file *file)
{
    uint8_t head[DR_IMAGE_HEADER_BYTES];
    struct dr_image_header header;
    if (dr_blob_size(blob) < sizeof head) {
        return DR_OK; /* too short for an image of ours: somebody else's file */
    }
    enum dr_status status = dr_blob_read(blob, 0, head, sizeof head);
    if (status != DR_OK) {
        return unreadable(call, status);
    }
    enum dr_reason reason = dr_image_parse_header(head, sizeof head, &header);
    if (reason == DR_REASON_MAGIC) {
        return DR_OK;
    }
    if (reason != DR_REASON_NONE) {
        return refuse(call, file, dr_reason_text(reason));
    }
    return examine_tail(call, blob, &header, file);
}

enum dr_status dr_ota_examine(struct dr_call *call, struct dr_ota_file *file)
{
    struct dr_blob *blob = NULL;
    if (file->type != 0) {
        return DR_OK; /* a data file, not firmware */
    }
    enum dr_status status = dr_blob_open(call->service->blobs, file->part.digest, &blob);
    if (status != DR_OK) {
        return unreadable(call, status);
    }
    status = examine_blob(call, blob, file);
    dr_blob_close(blob);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/verify/verify.h"

#include "base/secret.h"

#include <string.h>

struct pass {
    const struct dr_crypto *crypto;
    const struct dr_source *source;
    struct dr_verify_workspace *workspace;
    struct dr_sha256 sha;
};

enum dr_status
dr_source_read_memory(void *context, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes)
{
    const struct dr_bytes *memory = context;
    if (offset_bytes > memory->size_bytes || size_bytes > memory->size_bytes - offset_bytes) {
        return DR_E_RANGE;
    }
    memcpy(out, memory->data + offset_bytes, size_bytes);
    return DR_OK;
}

/* Hash the rest of header and payload, of which the first begin_bytes are done. */
static enum dr_reason hash_body(struct pass *pass, uint32_t begin_bytes, uint32_t end_bytes)
{
    uint8_t *chunk = pass->workspace->chunk;
    for (uint32_t offset_bytes = begin_bytes; offset_bytes < end_bytes;) {
        uint32_t size_bytes = end_bytes - offset_bytes;
        if (size_bytes > sizeof(pass->workspace->chunk)) {
            size_bytes = sizeof(pass->workspace->chunk);
        }
        if (pass->source->read(pass->source->context, offset_bytes, chunk, size_bytes) != DR_OK) {
            return DR_REASON_FLASH_OR_SOURCE;
        }
        DR_CRYPTO(pass->crypto)->sha256_update(&pass->sha, chunk, size_bytes);
        offset_bytes += size_bytes;
    }
    return DR_REASON_NONE;
}

/* Read and parse both TLV areas; the protected one is hashed from the same bytes. */
static enum dr_reason
take_tlvs(struct pass *pass, const struct dr_image_header *header, struct dr_image_info *ret_info)
{
    const struct dr_source *source = pass->source;
    uint8_t *tlvs = pass->workspace->tlvs;
    uint32_t offset_bytes = dr_image_tlvs_offset(header);
    uint32_t left_bytes = source->size_bytes - offset_bytes;
    uint32_t read_bytes =
        left_bytes < DR_IMAGE_TLVS_BYTES_MAX ? left_bytes : DR_IMAGE_TLVS_BYTES_MAX;
    uint32_t needed_bytes = 0;
    if (source->read(source->context, offset_bytes, tlvs, read_bytes) != DR_OK) {
        return DR_REASON_FLASH_OR_SOURCE;
    }
    enum dr_reason reason = dr_image_tlvs_size(header, tlvs, read_bytes, &needed_bytes);
    if (reason != DR_REASON_NONE) {
        return reason;
    }
    if (needed_bytes < left_bytes && !source->embedded) {
        return DR_REASON_TRAILING;
    }
    if (needed_bytes > read_bytes) {
        return DR_REASON_TRUNCATED;
    }
    reason = dr_image_parse_tlvs(header, tlvs, needed_bytes, ret_info);
    if (reason == DR_REASON_NONE) {
        DR_CRYPTO(pass->crypto)->sha256_update(&pass->sha, tlvs, header->protected_size_bytes);
    }
    return reason;
}

static enum dr_reason read_and_hash(struct pass *pass, struct dr_image_info *ret_info)
{
    const struct dr_source *source = pass->source;
    struct dr_image_header header;
    uint8_t *head = pass->workspace->chunk;
    uint32_t head_bytes =
        source->size_bytes < DR_IMAGE_HEADER_BYTES ? source->size_bytes : DR_IMAGE_HEADER_BYTES;
    if (source->read(source->context, 0, head, head_bytes) != DR_OK) {
        return DR_REASON_FLASH_OR_SOURCE;
    }
    enum dr_reason reason = dr_image_parse_header(head, head_bytes, &header);
    if (reason != DR_REASON_NONE) {
        return reason;
    }
    if (dr_image_tlvs_offset(&header) > source->size_bytes) {
        return DR_REASON_TRUNCATED;
    }
    DR_CRYPTO(pass->crypto)->sha256_begin(&pass->sha);
    DR_CRYPTO(pass->crypto)->sha256_update(&pass->sha, head, DR_IMAGE_HEADER_BYTES);
    reason = hash_body(pass, DR_IMAGE_HEADER_BYTES, dr_image_tlvs_offset(&header));
    return reason == DR_REASON_NONE ? take_tlvs(pass, &header, ret_info) : reason;
}

enum dr_verdict dr_verify_image(
    const struct dr_crypto *crypto, const struct dr_source *source, const struct dr_trust *trust,
    struct dr_verify_workspace *workspace, struct dr_image_info *ret_info,
    enum dr_reason *ret_reason)
{
    struct pass pass = {.crypto = crypto, .source = source, .workspace = workspace};
    uint8_t digest[DR_SHA256_BYTES];
    volatile enum dr_verdict verdict = DR_VERDICT_REJECT;
    memset(ret_info, 0, sizeof(*ret_info));

    enum dr_reason reason = read_and_hash(&pass, ret_info);
    if (reason != DR_REASON_NONE) {
        memset(ret_info, 0, sizeof(*ret_info)); /* no views into bytes that were not accepted */
        *ret_reason = reason;
        return DR_VERDICT_REJECT;
    }
    DR_CRYPTO(crypto)->sha256_finish(&pass.sha, digest);
    if (!dr_equal_ct(digest, ret_info->digest, sizeof(digest))) {
        *ret_reason = DR_REASON_DIGEST;
        return DR_VERDICT_REJECT;
    }
    verdict = dr_verify_signatures(crypto, trust, ret_info, ret_reason);
    if (!dr_verdict_is_accept(&verdict)) {
        return DR_VERDICT_REJECT;
    }
    /* Once more, after the signature: a skipped comparison above would show here. */
    if (!dr_equal_ct(digest, ret_info->digest, sizeof(digest))) {
        *ret_reason = DR_REASON_DIGEST;
        return DR_VERDICT_REJECT;
    }
    return verdict;
}

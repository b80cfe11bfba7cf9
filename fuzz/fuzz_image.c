/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Images, with a table of operations that believes every digest and signature: what is then
 * accepted must still lie inside its bytes. With the real table nothing is ever accepted by chance.
 */
#include "device/verify/admit.h"
#include "format/der.h"
#include "fuzz/fuzz.h"

#include <string.h>

static uint8_t claimed_digest[DR_SHA256_BYTES];

static void sha256_begin(struct dr_sha256 *sha)
{
    memset(sha, 0, sizeof(*sha));
}

/* Reads every byte, so that a sanitizer sees where they lie. */
static void sha256_update(struct dr_sha256 *sha, const uint8_t *data, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++) {
        sha->opaque[0] += data[i];
    }
}

static void sha256_finish(struct dr_sha256 *sha, uint8_t digest[DR_SHA256_BYTES])
{
    (void)sha;
    memcpy(digest, claimed_digest, sizeof(claimed_digest));
}

static enum dr_status
p256_verify(const uint8_t key[64], const uint8_t digest[32], const uint8_t signature[64])
{
    return (key[0] ^ digest[0] ^ signature[0]) != 0x5a ? DR_OK : DR_E_AUTH;
}

static const struct dr_crypto believing = {
    .name = "believing",
    .sha256_begin = sha256_begin,
    .sha256_update = sha256_update,
    .sha256_finish = sha256_finish,
    .p256_verify = p256_verify,
};

static void check_views(const struct dr_image_info *info, const struct dr_verify_workspace *space)
{
    for (size_t i = 0; i < info->signature_count; i++) {
        const struct dr_image_signature *s = &info->signatures[i];
        FUZZ(
            s->key >= space->tlvs &&
            s->key + s->key_size_bytes <= space->tlvs + sizeof(space->tlvs));
        FUZZ(
            s->der >= space->tlvs &&
            s->der + s->der_size_bytes <= space->tlvs + sizeof(space->tlvs));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static struct dr_verify_workspace workspace;
    struct dr_trust trust = {.key_count = 2, .revoked = size_bytes % 3 == 0 ? 1 : 0};
    struct dr_bytes memory = {data, size_bytes};
    struct dr_source source = {&memory, dr_source_read_memory, (uint32_t)size_bytes, false};
    struct dr_image_info info;
    enum dr_reason reason = DR_REASON_NONE;
    uint8_t rs[64];
    /* The first TLV that looks like a digest is the claim; and like a key hash, the trusted one. */
    for (size_t i = 0; i + 36 <= size_bytes; i++) {
        if (memcmp(data + i, "\x10\x00\x20\x00", 4) == 0) {
            memcpy(claimed_digest, data + i + 4, sizeof(claimed_digest));
        }
    }
    memcpy(trust.keys[1], claimed_digest, sizeof(claimed_digest));
    enum dr_verdict verdict =
        dr_verify_image(&believing, &source, &trust, &workspace, &info, &reason);
    FUZZ((verdict == DR_VERDICT_ACCEPT) == (reason == DR_REASON_NONE));
    check_views(&info, &workspace);
    if (verdict == DR_VERDICT_ACCEPT) {
        FUZZ(info.size_bytes == size_bytes && info.signed_by != 0);
        FUZZ(info.product_len == strlen(info.product));
    }
    if (info.size_bytes != 0) { /* parsed */
        const struct dr_admit_rules rules = {.product = "demo-lock", .rom_version = 1};
        verdict = dr_admit(&info, &rules, &reason);
        FUZZ((verdict == DR_VERDICT_ACCEPT) == (reason == DR_REASON_NONE));
    }
    source.embedded = true;
    verdict = dr_verify_image(&believing, &source, &trust, &workspace, &info, &reason);
    FUZZ(verdict != DR_VERDICT_ACCEPT || info.size_bytes <= size_bytes);
    if (dr_der_signature_decode(data, size_bytes, rs) == DR_OK) {
        uint8_t der[DR_DER_SIGNATURE_BYTES_MAX];
        struct dr_writer writer;
        dr_writer_init(&writer, der, sizeof(der));
        dr_der_signature_write(&writer, rs);
        FUZZ(writer.status == DR_OK && writer.size_bytes <= size_bytes);
        FUZZ(memcmp(der, data, writer.size_bytes) == 0); /* there is one encoding only */
    }
    return 0;
}

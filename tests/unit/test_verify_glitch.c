/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What a parser would not let through, and what only a fault in the processor can do: the verdict
 * stays REJECT all the same. */
#include "tests/unit/check.h"
#include "tests/unit/golden.h"

#include "format/der.h"

static uint8_t *image;
static size_t image_bytes;
static struct dr_verify_workspace workspace;

/* The good image, parsed; its views point into the workspace. */
static struct dr_image_info parsed(void)
{
    const struct dr_trust trust = golden_trust();
    struct dr_bytes memory = {image, image_bytes};
    const struct dr_source source = {
        .context = &memory, .read = dr_source_read_memory, .size_bytes = (uint32_t)image_bytes};
    struct dr_image_info info;
    enum dr_reason reason = DR_REASON_NONE;
    EXPECT_EQ(
        dr_verify_image(&dr_crypto_openssl, &source, &trust, &workspace, &info, &reason),
        DR_VERDICT_ACCEPT);
    return info;
}

static void rejected(struct dr_image_info *info, const struct dr_trust *trust, enum dr_reason why)
{
    enum dr_reason reason = DR_REASON_NONE;
    EXPECT_EQ(dr_verify_signatures(&dr_crypto_openssl, trust, info, &reason), DR_VERDICT_REJECT);
    EXPECT_EQ(reason, why);
    EXPECT_EQ(info->signed_by, 0);
}

static void test_names_of_keys(void)
{
    const struct dr_trust trust = golden_trust();
    struct dr_image_info info = parsed();
    REQUIRE(info.signature_count == 1 && info.signatures[0].key_is_hash);
    info.signatures[0].key_size_bytes--;
    rejected(&info, &trust, DR_REASON_KEY);
    info.signatures[0].key_is_hash = false; /* a hash where a key should stand */
    rejected(&info, &trust, DR_REASON_KEY);
    const uint8_t wrong[DR_DER_SPKI_BYTES] = {0};
    info.signatures[0].key = wrong;
    info.signatures[0].key_size_bytes = sizeof wrong;
    rejected(&info, &trust, DR_REASON_KEY);
}

static void test_signatures_that_are_none(void)
{
    const struct dr_trust trust = golden_trust();
    struct dr_image_info info = parsed();
    static const uint8_t no_der[8] = {0x31, 0x06};
    info.signatures[0].der = no_der;
    info.signatures[0].der_size_bytes = sizeof no_der;
    rejected(&info, &trust, DR_REASON_SIGNATURE);
    info = parsed();
    info.signature_count = 0;
    rejected(&info, &trust, DR_REASON_UNSIGNED);
}

/* Counts that memory damage made absurd do not lead out of the arrays. */
static void test_absurd_counts(void)
{
    struct dr_trust trust = golden_trust();
    struct dr_image_info info = parsed();
    enum dr_reason reason = DR_REASON_KEY;
    for (size_t i = 1; i < DR_IMAGE_SIGNATURES_MAX; i++) {
        info.signatures[i] = info.signatures[0];
    }
    info.signature_count = 0xff;
    trust.key_count = 0xff;
    memset(trust.keys[1], 0, sizeof trust.keys[1]);
    EXPECT_EQ(dr_verify_signatures(&dr_crypto_openssl, &trust, &info, &reason), DR_VERDICT_ACCEPT);
    EXPECT_EQ(info.signed_by, 1);
}

/* No value in memory near ACCEPT is one. */
static void test_flipped_verdicts(void)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t flipped = (uint32_t)DR_VERDICT_ACCEPT ^ 1u << bit;
        volatile enum dr_verdict verdict = (enum dr_verdict)flipped;
        EXPECT(!dr_verdict_is_accept(&verdict));
    }
    volatile enum dr_verdict zero = (enum dr_verdict)0;
    EXPECT(!dr_verdict_is_accept(&zero));
    volatile enum dr_verdict reject = DR_VERDICT_REJECT;
    EXPECT(!dr_verdict_is_accept(&reject));
}

static struct dr_image_info *under_verification;

/* A signature check that a glitch lets pass, and that shows in memory. */
static enum dr_status glitched_verify(
    const uint8_t public_key[DR_P256_PUBLIC_BYTES], const uint8_t digest[DR_SHA256_BYTES],
    const uint8_t signature[DR_P256_SIGNATURE_BYTES])
{
    (void)public_key;
    (void)digest;
    (void)signature;
    under_verification->digest[0] ^= 1u;
    return DR_OK;
}

static void test_digest_is_compared_again(void)
{
    struct dr_crypto glitched = dr_crypto_openssl;
    const struct dr_trust trust = golden_trust();
    struct dr_image_info info;
    enum dr_reason reason = DR_REASON_NONE;
    glitched.p256_verify = glitched_verify;
    under_verification = &info;
    EXPECT_EQ(
        golden_verify(&glitched, image, image_bytes, &trust, &info, &reason), DR_VERDICT_REJECT);
    EXPECT_EQ(reason, DR_REASON_DIGEST);
}

static uint32_t reads_left;

static enum dr_status
failing_read(void *context, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes)
{
    if (reads_left-- == 0) {
        return DR_E_IO;
    }
    return dr_source_read_memory(context, offset_bytes, out, size_bytes);
}

/* Each read of the source fails once; the answer names it and leaves no views behind. */
static void test_each_read(void)
{
    const struct dr_trust trust = golden_trust();
    struct dr_bytes memory = {image, image_bytes};
    const struct dr_source source = {
        .context = &memory, .read = failing_read, .size_bytes = (uint32_t)image_bytes};
    enum dr_verdict verdict = DR_VERDICT_REJECT;
    uint32_t at = 0;
    while (verdict == DR_VERDICT_REJECT && at < 1000) {
        struct dr_image_info info;
        enum dr_reason reason = DR_REASON_NONE;
        reads_left = at++;
        verdict = dr_verify_image(&dr_crypto_openssl, &source, &trust, &workspace, &info, &reason);
        if (verdict == DR_VERDICT_REJECT) {
            EXPECT_EQ(reason, DR_REASON_FLASH_OR_SOURCE);
            EXPECT_EQ(info.signature_count, 0);
        }
    }
    EXPECT(at > 3 && at < 1000);
}

static void test_begin(void)
{
    image = golden_read("good-1.0.0.bin", &image_bytes);
    REQUIRE(image_bytes > 0);
}

static void test_end(void)
{
    free(image);
}

DR_TEST_MAIN(
    test_begin, test_names_of_keys, test_signatures_that_are_none, test_absurd_counts,
    test_flipped_verdicts, test_digest_is_compared_again, test_each_read, test_end)

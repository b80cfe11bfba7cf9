/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Golden images made by MCUboot's imgtool, and everything that can be done to a small one. */
#include "tests/unit/check.h"
#include "tests/unit/golden.h"

static const struct {
    const char *file;
    enum dr_reason reason; /* NONE: accepted */
} golden_files[] = {
    {"good-1.0.0.bin", DR_REASON_NONE},
    {"good-1.0.1-padded-signature.bin", DR_REASON_NONE},
    {"good-1.0.2-full-pubkey.bin", DR_REASON_NONE},
    {"good-1.1.0-ramload-sec2.bin", DR_REASON_NONE},
    {"good-1.2.3+4-sec-auto-vendor-tlv.bin", DR_REASON_NONE},
    {"good-1.3.0-product-sequence.bin", DR_REASON_NONE},
    {"good-1.4.0-two-signatures.bin", DR_REASON_NONE},
    {"good-2.0.0-dependency.bin", DR_REASON_NONE},
    {"strict-trailing-bytes.bin", DR_REASON_TRAILING},
    {"bad-empty.bin", DR_REASON_TRUNCATED},
    {"bad-one-byte.bin", DR_REASON_TRUNCATED},
    {"bad-truncated-in-payload.bin", DR_REASON_TRUNCATED},
    {"bad-truncated-in-tlv.bin", DR_REASON_TRUNCATED},
    {"bad-magic.bin", DR_REASON_MAGIC},
    {"bad-size-overflow.bin", DR_REASON_SIZES},
    {"bad-tlv-total-too-long.bin", DR_REASON_TLV_AREA},
    {"bad-tlv-entry-too-long.bin", DR_REASON_TLV_ENTRY},
    {"bad-payload-bit.bin", DR_REASON_DIGEST},
    {"bad-header-version-bit.bin", DR_REASON_DIGEST},
    {"bad-unsigned.bin", DR_REASON_UNSIGNED},
    {"bad-wrong-key.bin", DR_REASON_KEY},
    {"bad-signature-bit.bin", DR_REASON_SIGNATURE},
};

static const struct dr_crypto *const tables[] = {
    &dr_crypto_openssl,
#ifdef DR_HAVE_CRYPTO_ROM
    &dr_crypto_rom,
#endif
};

static void test_golden(void)
{
    const struct dr_trust trust = golden_trust();
    for (size_t i = 0; i < DR_ARRAY_COUNT(golden_files); i++) {
        size_t size_bytes = 0;
        uint8_t *data = golden_read(golden_files[i].file, &size_bytes);
        for (size_t t = 0; t < DR_ARRAY_COUNT(tables); t++) {
            struct dr_image_info info;
            enum dr_reason reason = DR_REASON_POWER;
            enum dr_verdict verdict =
                golden_verify(tables[t], data, size_bytes, &trust, &info, &reason);
            bool accepted = dr_verdict_is_accept(&verdict);
            if (accepted != (golden_files[i].reason == DR_REASON_NONE) ||
                reason != golden_files[i].reason) {
                fprintf(
                    stderr, "%s with %s: %s\n", golden_files[i].file, tables[t]->name,
                    dr_reason_word(reason));
            }
            EXPECT_EQ(accepted, golden_files[i].reason == DR_REASON_NONE);
            EXPECT_EQ(reason, golden_files[i].reason);
            EXPECT_EQ(info.signed_by, accepted ? 1 : 0);
        }
        free(data);
    }
}

static struct dr_image_info verified(const char *file)
{
    struct dr_image_info info;
    const struct dr_trust trust = golden_trust();
    enum dr_reason reason = DR_REASON_NONE;
    size_t size_bytes = 0;
    uint8_t *data = golden_read(file, &size_bytes);
    EXPECT_EQ(
        golden_verify(&dr_crypto_openssl, data, size_bytes, &trust, &info, &reason),
        DR_VERDICT_ACCEPT);
    EXPECT_EQ(info.size_bytes, size_bytes);
    free(data);
    return info;
}

static void test_golden_fields(void)
{
    struct dr_image_info info = verified("good-1.0.0.bin");
    EXPECT_EQ(info.security_counter, 1);
    EXPECT(info.has_security_counter);
    EXPECT(!info.order.has_sequence);
    EXPECT_EQ(info.product_len, 0);
    EXPECT_EQ(info.header.version.major, 1);

    info = verified("good-1.1.0-ramload-sec2.bin");
    EXPECT_EQ(info.header.load_address, 0x20010000);
    EXPECT_EQ(info.header.flags, DR_IMAGE_FLAG_RAM_LOAD);
    EXPECT_EQ(info.security_counter, 2);

    info = verified("good-1.2.3+4-sec-auto-vendor-tlv.bin");
    EXPECT_EQ(info.security_counter, 0x01020003);
    EXPECT_EQ(info.header.version.build, 4);
    char text[DR_VERSION_TEXT_BYTES];
    dr_version_text(&info.header.version, text);
    EXPECT_STR(text, "1.2.3+4");

    info = verified("good-1.3.0-product-sequence.bin");
    EXPECT_STR(info.product, "demo-lock");
    EXPECT_EQ(info.product_len, 9);
    EXPECT(info.order.has_sequence);
    EXPECT_EQ(info.order.sequence, 7);
    EXPECT_EQ(info.security_counter, 5);

    info = verified("good-1.4.0-two-signatures.bin");
    EXPECT_EQ(info.signature_count, 2);
    EXPECT(!info.has_security_counter);
}

static void test_trust(void)
{
    size_t size_bytes = 0;
    struct dr_image_info info;
    enum dr_reason reason = DR_REASON_NONE;
    uint8_t *data = golden_read("good-1.0.0.bin", &size_bytes);
    struct dr_trust trust = {.key_count = 0};
    EXPECT_EQ(
        golden_verify(&dr_crypto_openssl, data, size_bytes, &trust, &info, &reason),
        DR_VERDICT_REJECT);
    EXPECT_EQ(reason, DR_REASON_KEY);

    /* As the reserve key: accepted, and known as such. */
    trust.key_count = 2;
    memset(trust.keys[0], 0x11, sizeof(trust.keys[0]));
    memcpy(trust.keys[1], golden_key, sizeof(golden_key));
    EXPECT_EQ(
        golden_verify(&dr_crypto_openssl, data, size_bytes, &trust, &info, &reason),
        DR_VERDICT_ACCEPT);
    EXPECT_EQ(info.signed_by, 2);
    trust.revoked = 1;
    EXPECT_EQ(
        golden_verify(&dr_crypto_openssl, data, size_bytes, &trust, &info, &reason),
        DR_VERDICT_ACCEPT);
    trust.revoked = 2;
    EXPECT_EQ(
        golden_verify(&dr_crypto_openssl, data, size_bytes, &trust, &info, &reason),
        DR_VERDICT_REJECT);
    EXPECT_EQ(reason, DR_REASON_KEY_REVOKED);
    EXPECT_EQ(info.signed_by, 0);
    free(data);
}

/* A small signed image made from a golden one is not possible without the key, so the sweeps run on
 * good-1.3.0 with sampled payload bytes and every byte of everything else. */
static bool worth_trying(size_t offset, size_t size_bytes)
{
    size_t tlvs = 0x200 + 50000;
    return offset < 0x200 || offset >= tlvs || offset % 4999 == 0 || offset + 1 == size_bytes;
}

static void test_every_bit_counts(void)
{
    const struct dr_trust trust = golden_trust();
    size_t size_bytes = 0;
    uint8_t *data = golden_read("good-1.3.0-product-sequence.bin", &size_bytes);
    for (size_t offset = 0; offset < size_bytes; offset++) {
        if (!worth_trying(offset, size_bytes)) {
            continue;
        }
        for (unsigned bit = 0; bit < 8; bit++) {
            if (offset >= 32 && offset < 0x200 && bit != offset % 8) {
                continue; /* header padding: one bit of each byte */
            }
            struct dr_image_info info;
            enum dr_reason reason = DR_REASON_NONE;
            data[offset] ^= (uint8_t)(1u << bit);
            enum dr_verdict verdict =
                golden_verify(&dr_crypto_openssl, data, size_bytes, &trust, &info, &reason);
            EXPECT(!dr_verdict_is_accept(&verdict) && reason != DR_REASON_NONE);
            data[offset] ^= (uint8_t)(1u << bit);
        }
    }
    free(data);
}

static void test_every_truncation(void)
{
    const struct dr_trust trust = golden_trust();
    size_t size_bytes = 0;
    uint8_t *data = golden_read("good-1.3.0-product-sequence.bin", &size_bytes);
    for (size_t size = 0; size < size_bytes; size++) {
        if (!worth_trying(size, size_bytes)) {
            continue;
        }
        struct dr_image_info info;
        enum dr_reason reason = DR_REASON_NONE;
        EXPECT_EQ(
            golden_verify(&dr_crypto_openssl, data, size, &trust, &info, &reason),
            DR_VERDICT_REJECT);
        EXPECT_EQ(reason, DR_REASON_TRUNCATED);
    }
    free(data);
}

/* Inside a larger area (the factory slot) the image's own sizes say where it ends. */
static void test_embedded(void)
{
    static struct dr_verify_workspace workspace;
    static uint8_t area[60000];
    const struct dr_trust trust = golden_trust();
    struct dr_image_info info;
    enum dr_reason reason = DR_REASON_NONE;
    size_t size_bytes = 0;
    uint8_t *data = golden_read("good-1.3.0-product-sequence.bin", &size_bytes);
    memset(area, 0xff, sizeof(area));
    memcpy(area, data, size_bytes);
    struct dr_bytes memory = {area, sizeof(area)};
    struct dr_source source = {
        .context = &memory, .read = dr_source_read_memory, .size_bytes = sizeof(area)};
    EXPECT_EQ(
        dr_verify_image(&dr_crypto_openssl, &source, &trust, &workspace, &info, &reason),
        DR_VERDICT_REJECT);
    EXPECT_EQ(reason, DR_REASON_TRAILING);
    source.embedded = true;
    EXPECT_EQ(
        dr_verify_image(&dr_crypto_openssl, &source, &trust, &workspace, &info, &reason),
        DR_VERDICT_ACCEPT);
    EXPECT_EQ(info.size_bytes, size_bytes);
    free(data);
}

struct failing_source {
    struct dr_bytes memory;
    unsigned reads_left;
};

static enum dr_status
failing_read(void *context, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes)
{
    struct failing_source *failing = context;
    if (failing->reads_left == 0) {
        return DR_E_IO;
    }
    failing->reads_left--;
    return dr_source_read_memory(&failing->memory, offset_bytes, out, size_bytes);
}

static void test_failing_source(void)
{
    static struct dr_verify_workspace workspace;
    const struct dr_trust trust = golden_trust();
    size_t size_bytes = 0;
    uint8_t *data = golden_read("good-1.0.0.bin", &size_bytes);
    for (unsigned reads = 0;; reads++) {
        struct failing_source failing = {{data, size_bytes}, reads};
        struct dr_source source = {
            .context = &failing, .read = failing_read, .size_bytes = (uint32_t)size_bytes};
        struct dr_image_info info;
        enum dr_reason reason = DR_REASON_NONE;
        if (dr_verify_image(&dr_crypto_openssl, &source, &trust, &workspace, &info, &reason) ==
            DR_VERDICT_ACCEPT) {
            EXPECT(reads > 50); /* head, 50 chunks, tail */
            break;
        }
        EXPECT_EQ(reason, DR_REASON_FLASH_OR_SOURCE);
        REQUIRE(reads < 1000);
    }
    free(data);
}

static void test_verdicts(void)
{
    enum dr_verdict verdict = DR_VERDICT_ACCEPT;
    EXPECT(dr_verdict_is_accept(&verdict));
    for (unsigned bit = 0; bit < 31; bit++) {
        verdict = (enum dr_verdict)(DR_VERDICT_ACCEPT ^ (1u << bit));
        EXPECT(!dr_verdict_is_accept(&verdict));
        EXPECT(verdict != DR_VERDICT_REJECT);
    }
    verdict = DR_VERDICT_REJECT;
    EXPECT(!dr_verdict_is_accept(&verdict));
    EXPECT_EQ(DR_VERDICT_ACCEPT ^ DR_VERDICT_REJECT, 0x7fffffff);
}

/* Signatures can be judged before the image is there: what the agent does with head and tail. */
static void test_signatures_of_the_claim(void)
{
    struct dr_image_header header;
    struct dr_image_info info;
    enum dr_reason reason = DR_REASON_NONE;
    const struct dr_trust trust = golden_trust();
    size_t size_bytes = 0;
    uint8_t *data = golden_read("bad-wrong-key.bin", &size_bytes);
    REQUIRE(dr_image_parse_header(data, size_bytes, &header) == DR_REASON_NONE);
    uint32_t offset = dr_image_tlvs_offset(&header);
    REQUIRE(
        dr_image_parse_tlvs(&header, data + offset, size_bytes - offset, &info) == DR_REASON_NONE);
    EXPECT_EQ(dr_verify_signatures(&dr_crypto_openssl, &trust, &info, &reason), DR_VERDICT_REJECT);
    EXPECT_EQ(reason, DR_REASON_KEY);
    free(data);
}

DR_TEST_MAIN(
    test_golden, test_golden_fields, test_trust, test_every_bit_counts, test_every_truncation,
    test_embedded, test_failing_source, test_verdicts, test_signatures_of_the_claim)

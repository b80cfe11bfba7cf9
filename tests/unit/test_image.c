/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Images written and read: against imgtool's bytes, and against everything malformed. */
#include "format/image_write.h"
#include "tests/unit/check.h"
#include "tests/unit/golden.h"

#include "crypto/sign.h"
#include "device/verify/admit.h"
#include "format/der.h"

#define PAYLOAD_BYTES 100u

static const uint8_t vendor_data[] = {1, 2, 3, 4, 5};
static const struct dr_image_extra vendor_extra = {0x00a0, sizeof(vendor_data), vendor_data};

static const struct {
    const char *file;
    struct dr_image_spec spec;
} golden_specs[] = {
    {"good-1.0.0.bin",
     {.version = {1, 0, 0, 0}, .has_security_counter = true, .security_counter = 1}},
    {"good-1.0.1-padded-signature.bin", {.version = {1, 0, 1, 0}}},
    {"good-1.1.0-ramload-sec2.bin",
     {.version = {1, 1, 0, 0},
      .load_address = 0x20010000,
      .has_security_counter = true,
      .security_counter = 2}},
    {"good-1.2.3+4-sec-auto-vendor-tlv.bin",
     {.version = {1, 2, 3, 4},
      .has_security_counter = true,
      .security_counter = 0x01020003,
      .extras = &vendor_extra,
      .extra_count = 1}},
    {"good-1.3.0-product-sequence.bin",
     {.version = {1, 3, 0, 0},
      .load_address = 0x20010000,
      .has_security_counter = true,
      .security_counter = 5,
      .product = "demo-lock",
      .has_sequence = true,
      .sequence = 7}},
};

/* Everything but the signature: head, payload, signed metadata, digest TLV. */
static void test_same_bytes_as_imgtool(void)
{
    size_t payload_bytes = 0;
    uint8_t *payload = golden_read("payload.bin", &payload_bytes);
    for (size_t i = 0; i < DR_ARRAY_COUNT(golden_specs); i++) {
        static uint8_t out[60000];
        const char *text = NULL;
        size_t golden_bytes = 0;
        uint8_t digest[DR_SHA256_BYTES];
        uint8_t key_hash[DR_SHA256_BYTES];
        uint8_t spki[DR_DER_SPKI_BYTES];
        uint8_t *golden = golden_read(golden_specs[i].file, &golden_bytes);
        struct dr_image_spec spec = golden_specs[i].spec;
        struct dr_writer writer;
        spec.header_size_bytes = DR_IMAGE_HEADER_BYTES_DEFAULT;
        EXPECT_EQ(dr_image_spec_check(&spec, &text), DR_OK);
        dr_writer_init(&writer, out, sizeof(out));
        dr_image_write_head(&writer, &spec, (uint32_t)payload_bytes);
        dr_write_bytes(&writer, payload, payload_bytes);
        dr_image_write_protected(&writer, &spec);
        size_t signed_bytes = writer.size_bytes;
        dr_sha256_once(&dr_crypto_openssl, out, signed_bytes, digest);
        dr_der_spki_encode(golden_key, spki);
        dr_sha256_once(&dr_crypto_openssl, spki, sizeof(spki), key_hash);
        /* The golden file's own signature, so that all the rest must come out equal. */
        size_t der_at = signed_bytes + 4 + 36 + 36 + 4;
        REQUIRE(der_at < golden_bytes);
        dr_image_write_signature(&writer, digest, key_hash, golden + der_at, golden_bytes - der_at);
        EXPECT_EQ(writer.status, DR_OK);
        EXPECT_EQ(writer.size_bytes, golden_bytes);
        EXPECT(memcmp(out, golden, golden_bytes) == 0);
        free(golden);
    }
    free(payload);
}

static void test_spec_check(void)
{
    const struct dr_image_extra foreign[] = {
        {0x0050, 1, vendor_data},
        {0xdaa1, 1, vendor_data},
        {0xdaaf, 1, vendor_data},
        {0xffff, 1, vendor_data},
        {0x00a0, 2048, vendor_data}};
    struct dr_image_spec spec = {.header_size_bytes = 32, .product = "p"};
    const char *text = NULL;
    EXPECT_EQ(dr_image_spec_check(&spec, &text), DR_OK);
    for (size_t i = 0; i < DR_ARRAY_COUNT(foreign); i++) {
        spec.extras = &foreign[i];
        spec.extra_count = 1;
        EXPECT_EQ(dr_image_spec_check(&spec, &text), DR_E_RANGE);
        EXPECT(text != NULL);
    }
    spec.extra_count = 0;
    spec.product = "123456789012345678901234567890123";
    EXPECT_EQ(dr_image_spec_check(&spec, &text), DR_E_RANGE);
    spec.product = "";
    EXPECT_EQ(dr_image_spec_check(&spec, &text), DR_E_RANGE);
    spec.product = NULL;
    spec.header_size_bytes = 31;
    EXPECT_EQ(dr_image_spec_check(&spec, &text), DR_E_RANGE);
    spec.header_size_bytes = 4097;
    EXPECT_EQ(dr_image_spec_check(&spec, &text), DR_E_RANGE);
    spec.header_size_bytes = 4096;
    spec.has_revocation_target = true;
    spec.revocation_target = 2;
    EXPECT_EQ(dr_image_spec_check(&spec, &text), DR_E_RANGE);
}

static struct dr_trust own_trust;
static uint8_t own_private[DR_P256_PRIVATE_BYTES];

static void make_key(void)
{
    own_trust.key_count = 1;
    memset(own_private, 0x42, sizeof(own_private)); /* any scalar will do */
    EXPECT_EQ(dr_p256_public_key(own_private, own_trust.keys[0]), DR_OK);
}

/* A small image with every own TLV, signed with own_private; returns its size. */
static size_t make_small(uint8_t *out, size_t capacity_bytes, struct dr_image_spec spec)
{
    struct dr_writer writer;
    struct dr_writer der;
    uint8_t der_bytes[DR_DER_SIGNATURE_BYTES_MAX];
    uint8_t digest[DR_SHA256_BYTES];
    uint8_t key_hash[DR_SHA256_BYTES];
    uint8_t spki[DR_DER_SPKI_BYTES];
    uint8_t rs[DR_P256_SIGNATURE_BYTES];
    spec.header_size_bytes = 32;
    dr_writer_init(&writer, out, capacity_bytes);
    dr_image_write_head(&writer, &spec, PAYLOAD_BYTES);
    dr_write_fill(&writer, 0x5a, PAYLOAD_BYTES);
    dr_image_write_protected(&writer, &spec);
    dr_sha256_once(&dr_crypto_openssl, out, writer.size_bytes, digest);
    dr_der_spki_encode(own_trust.keys[0], spki);
    dr_sha256_once(&dr_crypto_openssl, spki, sizeof(spki), key_hash);
    EXPECT_EQ(dr_p256_sign(own_private, digest, rs), DR_OK);
    dr_writer_init(&der, der_bytes, sizeof(der_bytes));
    dr_der_signature_write(&der, rs);
    dr_image_write_signature(&writer, digest, key_hash, der_bytes, der.size_bytes);
    EXPECT_EQ(writer.status, DR_OK);
    return writer.size_bytes;
}

static const struct dr_image_spec full_spec = {
    .version = {1, 2, 3, 4},
    .has_security_counter = true,
    .security_counter = 9,
    .product = "t\xc3\xbcr",
    .has_sequence = true,
    .sequence = 0x01020304,
    .has_limits = true,
    .limits = {10, 600, 60, 3600},
    .min_rom = 3,
    .has_revocation_target = true,
    .revocation_target = 1,
};

static void test_all_fields(void)
{
    uint8_t out[1024];
    struct dr_image_info info;
    enum dr_reason reason = DR_REASON_NONE;
    make_key();
    size_t size_bytes = make_small(out, sizeof(out), full_spec);
    REQUIRE(
        golden_verify(&dr_crypto_openssl, out, size_bytes, &own_trust, &info, &reason) ==
        DR_VERDICT_ACCEPT);
    EXPECT_EQ(info.size_bytes, size_bytes);
    EXPECT_EQ(info.security_counter, 9);
    EXPECT_STR(info.product, "t\xc3\xbcr");
    EXPECT_EQ(info.product_len, 4);
    EXPECT_EQ(info.order.sequence, 0x01020304);
    EXPECT_EQ(info.limits.hang_s, 10);
    EXPECT_EQ(info.limits.health_s, 600);
    EXPECT_EQ(info.limits.soak_s, 60);
    EXPECT_EQ(info.limits.seal_s, 3600);
    EXPECT_EQ(info.min_rom, 3);
    EXPECT_EQ(info.revocation_target, 1);
    EXPECT(!info.has_base_digest);
}

/* An image that says nothing about its counter has 0, so that it is below every device's that was
 * ever raised; and one without SEQUENCE is ordered by its version. */
static void test_fields_left_out(void)
{
    uint8_t out[1024];
    struct dr_image_info info;
    enum dr_reason reason = DR_REASON_NONE;
    make_key();
    const struct dr_image_spec spec = {.version = {1, 2, 3, 4}, .product = "lock"};
    size_t size_bytes = make_small(out, sizeof(out), spec);
    memset(&info, 0xff, sizeof(info));
    REQUIRE(
        golden_verify(&dr_crypto_openssl, out, size_bytes, &own_trust, &info, &reason) ==
        DR_VERDICT_ACCEPT);
    EXPECT_EQ(info.security_counter, 0);
    EXPECT(!info.has_security_counter);
    EXPECT(!info.order.has_sequence);
    EXPECT_EQ(info.order.version.build, 4);
    EXPECT_EQ(info.limits.hang_s, 0);
    EXPECT_EQ(info.min_rom, 0);
    EXPECT_EQ(info.revocation_target, 0);
    struct dr_admit_rules rules = {.product = "lock", .has_counter = true, .security_counter = 1};
    volatile enum dr_verdict verdict = dr_admit(&info, &rules, &reason);
    EXPECT(!dr_verdict_is_accept(&verdict));
    EXPECT_EQ(reason, DR_REASON_COUNTER);
    rules.security_counter = 0;
    verdict = dr_admit(&info, &rules, &reason);
    EXPECT(dr_verdict_is_accept(&verdict));
}

/* Every single bit of a small image, and every truncation: all refused. */
static void test_every_bit_and_every_size(void)
{
    uint8_t out[1024];
    struct dr_image_info info;
    enum dr_reason reason = DR_REASON_NONE;
    make_key();
    size_t size_bytes = make_small(out, sizeof(out), full_spec);
    for (size_t bit = 0; bit < 8 * size_bytes; bit++) {
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
        EXPECT(
            golden_verify(&dr_crypto_openssl, out, size_bytes, &own_trust, &info, &reason) ==
                DR_VERDICT_REJECT &&
            reason != DR_REASON_NONE);
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t size = 0; size < size_bytes; size++) {
        EXPECT_EQ(
            golden_verify(&dr_crypto_openssl, out, size, &own_trust, &info, &reason),
            DR_VERDICT_REJECT);
        EXPECT_EQ(reason, DR_REASON_TRUNCATED);
    }
    EXPECT_EQ(
        golden_verify(&dr_crypto_openssl, out, size_bytes, &own_trust, &info, &reason),
        DR_VERDICT_ACCEPT);
    for (unsigned value = 0; value < 256; value += 51) { /* one byte more, whatever it is */
        out[size_bytes] = (uint8_t)value;
        EXPECT_EQ(
            golden_verify(&dr_crypto_openssl, out, size_bytes + 1, &own_trust, &info, &reason),
            DR_VERDICT_REJECT);
        EXPECT_EQ(reason, DR_REASON_TRAILING);
    }
}

static enum dr_reason header_reason(const char *field, uint32_t value)
{
    uint8_t bytes[DR_IMAGE_HEADER_BYTES] = {0x3d, 0xb8, 0xf3, 0x96, 0, 0, 0, 0, 32, 0, 0, 0, 1};
    static const struct {
        const char *name;
        size_t offset;
        size_t size;
    } fields[] = {
        {"magic", 0, 4},      {"load", 4, 4},     {"header", 8, 2},
        {"protected", 10, 2}, {"payload", 12, 4}, {"flags", 16, 4},
    };
    struct dr_image_header header;
    for (size_t i = 0; i < DR_ARRAY_COUNT(fields); i++) {
        for (size_t k = 0; strcmp(fields[i].name, field) == 0 && k < fields[i].size; k++) {
            bytes[fields[i].offset + k] = (uint8_t)(value >> (8 * k));
        }
    }
    return dr_image_parse_header(bytes, sizeof(bytes), &header);
}

static void test_headers(void)
{
    static const struct {
        const char *field;
        uint32_t value;
        enum dr_reason reason;
    } rows[] = {
        {"", 0, DR_REASON_NONE},
        {"magic", 0x96f3b83c, DR_REASON_MAGIC},
        {"magic", 0xffffffff, DR_REASON_MAGIC},
        {"header", 31, DR_REASON_SIZES},
        {"header", 4096, DR_REASON_NONE},
        {"header", 4097, DR_REASON_SIZES},
        {"header", 0xffff, DR_REASON_SIZES},
        {"protected", 1, DR_REASON_SIZES},
        {"protected", 3, DR_REASON_SIZES},
        {"protected", 4, DR_REASON_NONE},
        {"protected", 2048, DR_REASON_NONE},
        {"protected", 2049, DR_REASON_SIZES},
        {"payload", 0, DR_REASON_SIZES},
        {"payload", 0xffffffff, DR_REASON_SIZES},
        {"payload", 0xfffffff0, DR_REASON_SIZES},
        {"payload", 0xffffffff - 8192, DR_REASON_NONE},
        {"payload", 0xffffffff - 8191, DR_REASON_SIZES},
        {"flags", 0x20, DR_REASON_NONE},
        {"flags", 0x100, DR_REASON_NONE},
        {"flags", 0x120, DR_REASON_FLAGS},
        {"flags", 0x04, DR_REASON_FLAGS},
        {"flags", 0x10, DR_REASON_FLAGS},
        {"flags", 0x200, DR_REASON_FLAGS},
        {"flags", 0x80000000, DR_REASON_FLAGS},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        EXPECT_EQ(header_reason(rows[i].field, rows[i].value), rows[i].reason);
    }
    struct dr_image_header header;
    uint8_t bytes[31] = {0x3d, 0xb8, 0xf3, 0x96};
    EXPECT_EQ(dr_image_parse_header(bytes, sizeof(bytes), &header), DR_REASON_TRUNCATED);
}

#define U16(value) (uint8_t)((value)&0xff), (uint8_t)((value) >> 8)
#define SHA                                                                                        \
    U16(0x10), U16(32), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, \
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32
#define KEYHASH                                                                                    \
    U16(0x01), U16(32), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, \
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32
#define SIG U16(0x22), U16(8), 0x30, 6, 2, 1, 1, 2, 1, 1
#define AREA(magic, ...) U16(magic), U16(4 + sizeof((uint8_t[]){__VA_ARGS__})), __VA_ARGS__
#define OTHER(...) AREA(0x6907, __VA_ARGS__)
#define PROTECTED(...) AREA(0x6908, __VA_ARGS__)
#define GOOD OTHER(SHA, KEYHASH, SIG)
#define ROW(protected_size, reason, ...)                                                           \
    {                                                                                              \
        (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), protected_size, reason   \
    }

static const struct {
    const uint8_t *bytes;
    size_t size_bytes;
    uint16_t protected_size_bytes;
    enum dr_reason reason;
} tlv_rows[] = {
    ROW(0, DR_REASON_NONE, GOOD),
    ROW(0, DR_REASON_NONE, OTHER(KEYHASH, SIG, SHA)),
    ROW(0, DR_REASON_NONE, OTHER(SHA, KEYHASH, SIG, KEYHASH, SIG, KEYHASH, SIG, KEYHASH, SIG)),
    ROW(0, DR_REASON_TLV_ENTRY,
        OTHER(SHA, KEYHASH, SIG, KEYHASH, SIG, KEYHASH, SIG, KEYHASH, SIG, KEYHASH, SIG)),
    ROW(0, DR_REASON_UNSIGNED, OTHER(SHA)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(KEYHASH, SIG)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(SHA, SHA, KEYHASH, SIG)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(SHA, SIG)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(SHA, KEYHASH)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(SHA, KEYHASH, KEYHASH, SIG)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(SHA, KEYHASH, SIG, SIG)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(SHA, KEYHASH, SIG, U16(0x50), U16(4), 1, 0, 0, 0)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(SHA, KEYHASH, SIG, U16(0x30), U16(1), 1)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(U16(0x10), U16(31), 0)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(SHA, U16(0x01), U16(1), 7, SIG)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(SHA, KEYHASH, SIG, 1)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(SHA, KEYHASH, SIG, 1, 0, 0)),
    ROW(0, DR_REASON_TLV_ENTRY, OTHER(SHA, KEYHASH, U16(0x22), U16(0xffff), 0)),
    ROW(0, DR_REASON_TLV_AREA, U16(0x6908), U16(4)),
    ROW(0, DR_REASON_TLV_AREA, U16(0x6907), U16(3)),
    ROW(0, DR_REASON_TLV_AREA, U16(0x6907), U16(2049)),
    ROW(0, DR_REASON_TLV_AREA, U16(0xffff), U16(0xffff)),
    ROW(0, DR_REASON_TRUNCATED, U16(0x6907), U16(5)),
    ROW(0, DR_REASON_TRUNCATED, U16(0x6907)),
    ROW(0, DR_REASON_TRAILING, GOOD, 0),
    ROW(4, DR_REASON_NONE, U16(0x6908), U16(4), GOOD),
    ROW(4, DR_REASON_TLV_AREA, GOOD),
    ROW(4, DR_REASON_TLV_AREA, U16(0x6908), U16(5), GOOD),
    ROW(4, DR_REASON_TRUNCATED, U16(0x6908), U16(4)),
    ROW(12, DR_REASON_NONE, PROTECTED(U16(0x50), U16(4), 1, 2, 3, 4), GOOD),
    ROW(11, DR_REASON_TLV_ENTRY, PROTECTED(U16(0x50), U16(3), 1, 2, 3), GOOD),
    ROW(20, DR_REASON_TLV_ENTRY,
        PROTECTED(U16(0x50), U16(4), 1, 2, 3, 4, U16(0x50), U16(4), 1, 2, 3, 4), GOOD),
    ROW(20, DR_REASON_NONE,
        PROTECTED(U16(0x50), U16(4), 1, 2, 3, 4, U16(0xdaa1), U16(4), 1, 2, 3, 4), GOOD),
    ROW(8, DR_REASON_TLV_ENTRY, PROTECTED(U16(0xdaa0), U16(0)), GOOD),
    ROW(9, DR_REASON_NONE, PROTECTED(U16(0xdaa0), U16(1), 'x'), GOOD),
    ROW(9, DR_REASON_TLV_ENTRY, PROTECTED(U16(0xdaa0), U16(1), 0), GOOD),
    ROW(9, DR_REASON_TLV_ENTRY, PROTECTED(U16(0xdaa0), U16(1), 0x7f), GOOD),
    ROW(9, DR_REASON_TLV_ENTRY, PROTECTED(U16(0xdaa0), U16(1), 0xc3), GOOD),
    ROW(14, DR_REASON_TLV_ENTRY, PROTECTED(U16(0xdaa0), U16(1), 'x', U16(0xdaa0), U16(1), 'y'),
        GOOD),
    ROW(15, DR_REASON_TLV_ENTRY, PROTECTED(U16(0xdaa2), U16(7), 0, 0, 0, 0, 0, 0, 0), GOOD),
    ROW(9, DR_REASON_TLV_ENTRY, PROTECTED(U16(0xdaa3), U16(1), 0), GOOD),
    ROW(9, DR_REASON_TLV_ENTRY, PROTECTED(U16(0xdaa4), U16(1), 0), GOOD),
    ROW(9, DR_REASON_NONE, PROTECTED(U16(0xdaa6), U16(1), 0), GOOD),
    ROW(10, DR_REASON_TLV_ENTRY, PROTECTED(U16(0xdaa6), U16(2), 0, 0), GOOD),
    ROW(8, DR_REASON_RESERVED_TLV, PROTECTED(U16(0xdaa7), U16(0)), GOOD),
    ROW(8, DR_REASON_RESERVED_TLV, PROTECTED(U16(0xdaaf), U16(0)), GOOD),
    ROW(8, DR_REASON_RESERVED_TLV, PROTECTED(U16(0x0070), U16(0)), GOOD),
    ROW(8, DR_REASON_NONE, PROTECTED(U16(0xdab0), U16(0)), GOOD),
    ROW(8, DR_REASON_NONE, PROTECTED(U16(0x0074), U16(0)), GOOD),
    ROW(8, DR_REASON_TLV_ENTRY, PROTECTED(U16(0x00a0), U16(1)), GOOD),
    ROW(7, DR_REASON_TLV_ENTRY, PROTECTED(1, 2, 3), GOOD),
};

static void test_tlvs(void)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(tlv_rows); i++) {
        const struct dr_image_header header = {
            .header_size_bytes = 32,
            .payload_size_bytes = 1,
            .protected_size_bytes = tlv_rows[i].protected_size_bytes};
        struct dr_image_info info;
        uint8_t *copy = malloc(tlv_rows[i].size_bytes);
        REQUIRE(copy != NULL);
        memcpy(copy, tlv_rows[i].bytes, tlv_rows[i].size_bytes);
        enum dr_reason reason = dr_image_parse_tlvs(&header, copy, tlv_rows[i].size_bytes, &info);
        if (reason != tlv_rows[i].reason) {
            fprintf(stderr, "row %zu: %s\n", i, dr_reason_word(reason));
        }
        EXPECT_EQ(reason, tlv_rows[i].reason);
        for (size_t size = 0; reason == DR_REASON_NONE && size < tlv_rows[i].size_bytes; size++) {
            EXPECT_EQ(dr_image_parse_tlvs(&header, copy, size, &info), DR_REASON_TRUNCATED);
        }
        free(copy);
    }
}

static void test_versions(void)
{
    static const struct {
        const char *text;
        enum dr_status status;
        struct dr_version version;
    } rows[] = {
        {"1.2.3+4", DR_OK, {1, 2, 3, 4}},
        {"1.2.3", DR_OK, {1, 2, 3, 0}},
        {"1.2", DR_OK, {1, 2, 0, 0}},
        {"7", DR_OK, {7, 0, 0, 0}},
        {"1+5", DR_OK, {1, 0, 0, 5}},
        {"255.255.65535+4294967295", DR_OK, {255, 255, 65535, UINT32_MAX}},
        {"256.0.0", DR_E_RANGE, {0}},
        {"1.256.0", DR_E_RANGE, {0}},
        {"1.0.65536", DR_E_RANGE, {0}},
        {"1.0.0+4294967296", DR_E_RANGE, {0}},
        {"99999999999999999999", DR_E_RANGE, {0}},
        {"", DR_E_FORMAT, {0}},
        {".", DR_E_FORMAT, {0}},
        {"1.", DR_E_FORMAT, {0}},
        {"1..2", DR_E_FORMAT, {0}},
        {"1.2.3.4", DR_E_FORMAT, {0}},
        {"1.2.3+", DR_E_FORMAT, {0}},
        {"1.2.3+4+5", DR_E_FORMAT, {0}},
        {"1.2.3+4.5", DR_E_FORMAT, {0}},
        {"v1.2.3", DR_E_FORMAT, {0}},
        {"1.2.3 ", DR_E_FORMAT, {0}},
        {"-1.0.0", DR_E_FORMAT, {0}},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_version version = {0};
        EXPECT_EQ(dr_version_parse(rows[i].text, strlen(rows[i].text), &version), rows[i].status);
        EXPECT_EQ(dr_version_compare(&version, &rows[i].version), 0);
    }
    char text[DR_VERSION_TEXT_BYTES];
    dr_version_text(&rows[5].version, text);
    EXPECT_STR(text, rows[5].text);
    dr_version_text(&rows[1].version, text);
    EXPECT_STR(text, "1.2.3");
}

/* Each row is below the next one. */
static void test_order(void)
{
    static const struct dr_order ladder[] = {
        {false, 9, {0, 0, 0, 0}},         {false, 9, {0, 0, 0, 1}},
        {false, 9, {0, 0, 1, 0}},         {false, 9, {0, 1, 0, 0}},
        {false, 9, {1, 0, 0, 0}},         {false, 9, {255, 255, 65535, 9}},
        {true, 0, {9, 0, 0, 0}},          {true, 1, {0, 0, 0, 0}},
        {true, 0x80000000, {0, 0, 0, 0}}, {true, UINT32_MAX, {0, 0, 0, 0}},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(ladder); i++) {
        for (size_t k = 0; k < DR_ARRAY_COUNT(ladder); k++) {
            int order = dr_order_compare(&ladder[i], &ladder[k]);
            EXPECT_EQ((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
    const struct dr_order a = {true, 5, {1, 0, 0, 0}};
    const struct dr_order b = {true, 5, {2, 0, 0, 0}};
    EXPECT_EQ(dr_order_compare(&a, &b), 0); /* two sequences decide by themselves */
}

DR_TEST_MAIN(
    test_same_bytes_as_imgtool, test_spec_check, test_all_fields, test_fields_left_out,
    test_every_bit_and_every_size, test_headers, test_tlvs, test_versions, test_order)

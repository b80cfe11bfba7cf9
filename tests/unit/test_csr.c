/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* DER shapes, and certificate requests read back by OpenSSL's own reader through cloud/pki. */
#include "base/text.h"
#include "cloud/pki/pki.h"
#include "crypto/sign.h"
#include "format/csr.h"
#include "format/der.h"
#include "tests/unit/check.h"

static enum dr_status decode(const char *bytes, size_t size_bytes, uint8_t rs[64])
{
    uint8_t *copy = malloc(size_bytes + 1);
    if (copy == NULL) {
        return DR_E_INTERNAL;
    }
    memcpy(copy, bytes, size_bytes);
    enum dr_status status = dr_der_signature_decode(copy, size_bytes, rs);
    free(copy);
    return status;
}

static void test_signature_decode(void)
{
    uint8_t rs[64];
    static const struct {
        const char *bytes;
        size_t size_bytes;
        enum dr_status status;
    } rows[] = {
        {"\x30\x06\x02\x01\x01\x02\x01\x02", 8, DR_OK},
        {"\x30\x06\x02\x01\x00\x02\x01\x00", 8, DR_OK}, /* the shape is right; crypto refuses 0 */
        {"\x30\x07\x02\x02\x00\x80\x02\x01\x02", 9, DR_OK},
        {"\x30\x06\x02\x01\x01\x02\x01\x02\x00\x00", 10, DR_OK}, /* padded by old signers */
        {"\x30\x06\x02\x01\x01\x02\x01\x02\x00\x01", 10, DR_E_FORMAT},
        {"\x31\x06\x02\x01\x01\x02\x01\x02", 8, DR_E_FORMAT},
        {"\x30\x07\x02\x01\x01\x02\x01\x02", 8, DR_E_FORMAT},
        {"\x30\x05\x02\x01\x01\x02\x01\x02", 8, DR_E_FORMAT},
        {"\x30\x06\x03\x01\x01\x02\x01\x02", 8, DR_E_FORMAT},
        {"\x30\x06\x02\x01\x81\x02\x01\x02", 8, DR_E_FORMAT},     /* negative */
        {"\x30\x07\x02\x02\x00\x01\x02\x01\x02", 9, DR_E_FORMAT}, /* not the shortest */
        {"\x30\x05\x02\x00\x02\x01\x02", 7, DR_E_FORMAT},
        {"\x30\x81\x06\x02\x01\x01\x02\x01\x02", 9, DR_E_FORMAT}, /* long form of a short length */
        {"\x30\x80\x02\x01\x01\x02\x01\x02\x00\x00", 10, DR_E_FORMAT},
        {"", 0, DR_E_FORMAT},
        {"\x30", 1, DR_E_FORMAT},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        EXPECT_EQ(decode(rows[i].bytes, rows[i].size_bytes, rs), rows[i].status);
    }
    /* 33 bytes are only for a number whose top bit is set. */
    char wide[72] = {0x30, 38, 2, 33, 0};
    memset(wide + 5, 0x80, 32);
    wide[37] = 2;
    wide[38] = 1;
    wide[39] = 1;
    EXPECT_EQ(decode(wide, 40, rs), DR_OK);
    wide[4] = 1;
    EXPECT_EQ(decode(wide, 40, rs), DR_E_FORMAT);
    memset(wide, 0, sizeof(wide));
    EXPECT_EQ(decode(wide, 72, rs), DR_E_FORMAT);
}

static void test_signature_both_ways(void)
{
    uint8_t rs[64];
    uint8_t back[64];
    uint8_t der[DR_DER_SIGNATURE_BYTES_MAX];
    struct dr_writer writer;
    uint32_t random = 7;
    for (unsigned round = 0; round < 300; round++) {
        for (size_t i = 0; i < sizeof(rs); i++) {
            random = random * 1664525u + 1013904223u;
            rs[i] = (uint8_t)(random >> 24);
        }
        memset(rs, 0, round % 34 > 32 ? 32 : round % 34);
        memset(rs + 32, 0, round % 7);
        dr_writer_init(&writer, der, sizeof(der));
        dr_der_signature_write(&writer, rs);
        REQUIRE(writer.status == DR_OK);
        REQUIRE(dr_der_signature_decode(der, writer.size_bytes, back) == DR_OK);
        EXPECT(memcmp(rs, back, sizeof(rs)) == 0);
        for (size_t size = 0; size < writer.size_bytes; size++) {
            EXPECT_EQ(decode((const char *)der, size, back), DR_E_FORMAT);
        }
    }
    memset(rs, 0xff, sizeof(rs));
    dr_writer_init(&writer, der, sizeof(der));
    dr_der_signature_write(&writer, rs);
    EXPECT_EQ(writer.size_bytes, DR_DER_SIGNATURE_BYTES_MAX);
}

static void test_spki(void)
{
    uint8_t key[64];
    uint8_t back[64];
    uint8_t spki[DR_DER_SPKI_BYTES + 1];
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)i;
    }
    dr_der_spki_encode(key, spki);
    EXPECT_EQ(dr_der_spki_decode(spki, DR_DER_SPKI_BYTES, back), DR_OK);
    EXPECT(memcmp(key, back, sizeof(key)) == 0);
    EXPECT_EQ(dr_der_spki_decode(spki, DR_DER_SPKI_BYTES + 1, back), DR_E_FORMAT);
    EXPECT_EQ(dr_der_spki_decode(spki, DR_DER_SPKI_BYTES - 1, back), DR_E_FORMAT);
    for (size_t i = 0; i < DR_DER_SPKI_BYTES - 64; i++) {
        spki[i] ^= 1;
        EXPECT_EQ(dr_der_spki_decode(spki, DR_DER_SPKI_BYTES, back), DR_E_FORMAT);
        spki[i] ^= 1;
    }
}

static void test_heads(void)
{
    static const struct {
        size_t size_bytes;
        const char *head;
        size_t head_bytes;
    } rows[] = {
        {0, "\x30\x00", 2},       {127, "\x30\x7f", 2},         {128, "\x30\x81\x80", 3},
        {255, "\x30\x81\xff", 3}, {256, "\x30\x82\x01\x00", 4}, {65535, "\x30\x82\xff\xff", 4},
    };
    uint8_t out[8];
    struct dr_writer writer;
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        dr_writer_init(&writer, out, sizeof(out));
        dr_der_write_head(&writer, 0x30, rows[i].size_bytes);
        EXPECT_EQ(writer.size_bytes, rows[i].head_bytes);
        EXPECT(memcmp(out, rows[i].head, rows[i].head_bytes) == 0);
    }
    dr_writer_init(&writer, out, sizeof(out));
    dr_der_write_head(&writer, 0x30, 65536);
    EXPECT_EQ(writer.status, DR_E_RANGE);
}

/* The request in PEM, as devices hand it out. */
static size_t to_pem(const uint8_t *csr, size_t size_bytes, char *pem)
{
    char text[DR_BASE64_SIZE(DR_CSR_BYTES_MAX)];
    size_t text_len = dr_base64_encode(csr, size_bytes, text);
    size_t len = (size_t)sprintf(pem, "-----BEGIN CERTIFICATE REQUEST-----\n");
    for (size_t i = 0; i < text_len; i += 64) {
        len += (size_t)sprintf(pem + len, "%.64s\n", text + i);
    }
    return len + (size_t)sprintf(pem + len, "-----END CERTIFICATE REQUEST-----\n");
}

static void test_request(const char *name)
{
    uint8_t private_key[DR_P256_PRIVATE_BYTES] = {1};
    uint8_t public_key[DR_P256_PUBLIC_BYTES];
    uint8_t tbs[DR_CSR_TBS_BYTES_MAX];
    uint8_t csr[DR_CSR_BYTES_MAX];
    uint8_t digest[DR_SHA256_BYTES];
    uint8_t rs[DR_P256_SIGNATURE_BYTES];
    size_t tbs_bytes = 0;
    size_t csr_bytes = 0;
    size_t size = 0;
    REQUIRE(dr_p256_public_key(private_key, public_key) == DR_OK);
    REQUIRE(dr_csr_tbs(name, public_key, tbs, sizeof(tbs), &tbs_bytes) == DR_OK);
    dr_sha256_once(&dr_crypto_openssl, tbs, tbs_bytes, digest);
    REQUIRE(dr_p256_sign(private_key, digest, rs) == DR_OK);
    REQUIRE(dr_csr_finish(tbs, tbs_bytes, rs, csr, sizeof(csr), &csr_bytes) == DR_OK);
    /* OpenSSL reads it, finds the signature good, and a certificate for this key comes out. */
    char pem[1024];
    static struct dr_pki_certificate certificate;
    struct dr_pki_authority *authority = NULL;
    size_t pem_len = to_pem(csr, csr_bytes, pem);
    REQUIRE(dr_pki_authority_create("test", 1763800000, &authority) == DR_OK);
    EXPECT_EQ(
        dr_pki_sign_request(
            authority, pem, pem_len, "lock", DR_PKI_DEVICE, 1763800000, &certificate),
        DR_OK);
    csr[csr_bytes - 1] ^= 1;
    pem_len = to_pem(csr, csr_bytes, pem);
    EXPECT_EQ(
        dr_pki_sign_request(
            authority, pem, pem_len, "lock", DR_PKI_DEVICE, 1763800000, &certificate),
        DR_E_AUTH);
    dr_pki_authority_free(authority);
    for (size_t capacity = 0; capacity < csr_bytes; capacity += 7) {
        EXPECT_EQ(dr_csr_finish(tbs, tbs_bytes, rs, csr, capacity, &size), DR_E_SPACE);
    }
    for (size_t capacity = 0; capacity < tbs_bytes; capacity += 7) {
        EXPECT_EQ(dr_csr_tbs(name, public_key, tbs, capacity, &size), DR_E_SPACE);
    }
}

static void test_requests(void)
{
    char name[DR_CSR_NAME_LEN_MAX + 2];
    uint8_t key[64] = {0};
    uint8_t out[512];
    size_t size = 0;
    test_request("a");
    test_request("lock-7");
    memset(name, 'n', sizeof(name));
    name[DR_CSR_NAME_LEN_MAX] = '\0';
    test_request(name);
    name[DR_CSR_NAME_LEN_MAX] = 'n';
    name[DR_CSR_NAME_LEN_MAX + 1] = '\0';
    EXPECT_EQ(dr_csr_tbs(name, key, out, sizeof(out), &size), DR_E_RANGE);
    EXPECT_EQ(dr_csr_tbs("", key, out, sizeof(out), &size), DR_E_RANGE);
}

DR_TEST_MAIN(test_signature_decode, test_signature_both_ways, test_spki, test_heads, test_requests)

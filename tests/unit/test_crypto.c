/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Published vectors over every table there is, and the tables against each other. */
#include "base/text.h"
#include "crypto/crypto.h"
#include "crypto/sign.h"
#include "tests/unit/check.h"

#ifdef DR_HAVE_CRYPTO_PSA
#include <psa/crypto.h>
#endif

static const struct dr_crypto *const tables[] = {
    &dr_crypto_openssl,
#ifdef DR_HAVE_CRYPTO_ROM
    &dr_crypto_rom,
#endif
#ifdef DR_HAVE_CRYPTO_PSA
    &dr_crypto_psa,
#endif
};

#define FOR_EACH_TABLE(table)                                                                      \
    for (size_t table_index_ = 0; table_index_ < DR_ARRAY_COUNT(tables); table_index_++)           \
        for (const struct dr_crypto *table = tables[table_index_]; table != NULL; table = NULL)

static uint8_t bytes[4][256];

/* Hex into one of four buffers. */
static struct dr_bytes hex(unsigned slot, const char *text)
{
    size_t size_bytes = strlen(text) / 2;
    EXPECT_EQ(dr_hex_decode(text, strlen(text), bytes[slot], size_bytes), DR_OK);
    return (struct dr_bytes){bytes[slot], size_bytes};
}

static int is_hex(const uint8_t *data, const char *expected)
{
    char text[DR_HEX_SIZE(256)];
    dr_hex_encode(data, strlen(expected) / 2, text);
    if (strcmp(text, expected) != 0) {
        fprintf(stderr, "    is %s\n", text);
    }
    return strcmp(text, expected) == 0;
}

static void test_sha256(void)
{
    static const struct {
        const char *message;
        const char *digest;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    uint8_t digest[DR_SHA256_BYTES];
    FOR_EACH_TABLE(crypto)
    {
        for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
            dr_sha256_once(
                crypto, (const uint8_t *)rows[i].message, strlen(rows[i].message), digest);
            EXPECT(is_hex(digest, rows[i].digest));
        }
        struct dr_sha256 sha; /* a million times "a", in uneven pieces */
        uint8_t piece[997];
        memset(piece, 'a', sizeof(piece));
        crypto->sha256_begin(&sha);
        for (size_t left = 1000000; left > 0;) {
            size_t size_bytes = left < sizeof(piece) ? left : sizeof(piece);
            crypto->sha256_update(&sha, piece, size_bytes);
            left -= size_bytes;
        }
        crypto->sha256_finish(&sha, digest);
        EXPECT(is_hex(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
    }
}

/* RFC 4231, cases 1, 2, 3 and 6. */
static void test_hmac(void)
{
    uint8_t key[131];
    uint8_t data[50];
    uint8_t mac[DR_SHA256_BYTES];
    FOR_EACH_TABLE(crypto)
    {
        memset(key, 0x0b, sizeof(key));
        const struct dr_bytes hi[2] = {{(const uint8_t *)"Hi ", 3}, {(const uint8_t *)"There", 5}};
        dr_hmac_sha256(crypto, (struct dr_bytes){key, 20}, hi, 2, mac);
        EXPECT(is_hex(mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"));
        const struct dr_bytes jefe = {(const uint8_t *)"Jefe", 4};
        const struct dr_bytes what = {(const uint8_t *)"what do ya want for nothing?", 28};
        dr_hmac_sha256(crypto, jefe, &what, 1, mac);
        EXPECT(is_hex(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
        memset(key, 0xaa, sizeof(key));
        memset(data, 0xdd, sizeof(data));
        const struct dr_bytes fifty = {data, sizeof(data)};
        dr_hmac_sha256(crypto, (struct dr_bytes){key, 20}, &fifty, 1, mac);
        EXPECT(is_hex(mac, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"));
        static const char larger[] = "Test Using Larger Than Block-Size Key - Hash Key First";
        const struct dr_bytes text = {(const uint8_t *)larger, strlen(larger)};
        dr_hmac_sha256(crypto, (struct dr_bytes){key, sizeof(key)}, &text, 1, mac);
        EXPECT(is_hex(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
    }
}

/* RFC 5869, case 3: neither salt nor info. And parts of info count as their concatenation. */
static void test_hkdf(void)
{
    uint8_t secret[22];
    uint8_t key[DR_SHA256_BYTES];
    uint8_t again[DR_SHA256_BYTES];
    memset(secret, 0x0b, sizeof(secret));
    const struct dr_bytes ikm = {secret, sizeof(secret)};
    FOR_EACH_TABLE(crypto)
    {
        dr_hkdf_sha256(crypto, ikm, NULL, 0, key);
        EXPECT(is_hex(key, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"));
        const struct dr_bytes whole = {(const uint8_t *)"daruma slot-A v1 x", 18};
        const struct dr_bytes parts[2] = {
            {(const uint8_t *)"daruma slot-A v1", 16}, {(const uint8_t *)" x", 2}};
        dr_hkdf_sha256(crypto, ikm, &whole, 1, key);
        dr_hkdf_sha256(crypto, ikm, parts, 2, again);
        EXPECT(memcmp(key, again, sizeof(key)) == 0);
        dr_hkdf_sha256(crypto, ikm, parts, 1, again);
        EXPECT(memcmp(key, again, sizeof(key)) != 0);
    }
}

/* SP 800-38A, F.5.5; every length, and in place. */
static void test_aes_ctr(void)
{
    static const char cipher_text[] =
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
        "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6";
    struct dr_bytes key =
        hex(0, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    struct dr_bytes counter = hex(1, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    struct dr_bytes plain =
        hex(2, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
               "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
    struct dr_bytes cipher = hex(3, cipher_text);
    FOR_EACH_TABLE(crypto)
    {
        uint8_t out[64];
        for (size_t size = 0; size <= sizeof(out); size++) {
            memset(out, 0, sizeof(out));
            EXPECT_EQ(crypto->aes256_ctr(key.data, counter.data, plain.data, out, size), DR_OK);
            EXPECT(memcmp(out, cipher.data, size) == 0);
        }
        EXPECT_EQ(crypto->aes256_ctr(key.data, counter.data, out, out, sizeof(out)), DR_OK);
        EXPECT(memcmp(out, plain.data, sizeof(out)) == 0);
        EXPECT(is_hex(counter.data, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"));
        /* The counter carries over all 16 bytes. */
        uint8_t high[DR_AES_BLOCK_BYTES];
        uint8_t zero[32] = {0};
        uint8_t expected[32];
        memset(high, 0xff, sizeof(high));
        EXPECT_EQ(crypto->aes256_ctr(key.data, high, zero, out, 32), DR_OK);
        memset(high, 0, sizeof(high));
        EXPECT_EQ(crypto->aes256_ctr(key.data, high, zero, expected, 16), DR_OK);
        EXPECT(memcmp(out + 16, expected, 16) == 0);
    }
}

/* McGrew and Viega's cases 14 and 16. */
static void test_gcm(void)
{
    struct dr_bytes key =
        hex(0, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    struct dr_bytes nonce = hex(1, "cafebabefacedbaddecaf888");
    struct dr_bytes aad = hex(2, "feedfacedeadbeeffeedfacedeadbeefabaddad2");
    struct dr_bytes plain =
        hex(3, "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
               "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
    FOR_EACH_TABLE(crypto)
    {
        uint8_t out[60];
        uint8_t back[60];
        uint8_t tag[DR_GCM_TAG_BYTES];
        if (crypto->gcm_seal == NULL) {
            EXPECT(strcmp(crypto->name, "rom") == 0);
            continue;
        }
        EXPECT_EQ(
            crypto->gcm_seal(key.data, nonce.data, aad, plain.data, plain.size_bytes, out, tag),
            DR_OK);
        EXPECT(is_hex(
            out, "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                 "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"));
        EXPECT(is_hex(tag, "76fc6ece0f4e1768cddf8853bb2d551b"));
        EXPECT_EQ(crypto->gcm_open(key.data, nonce.data, aad, out, sizeof(out), tag, back), DR_OK);
        EXPECT(memcmp(back, plain.data, sizeof(back)) == 0);
        for (unsigned bit = 0; bit < 128; bit += 17) {
            tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
            memset(back, 0xee, sizeof(back));
            EXPECT_EQ(
                crypto->gcm_open(key.data, nonce.data, aad, out, sizeof(out), tag, back),
                DR_E_AUTH);
            for (size_t i = 0; i < sizeof(back); i++) {
                EXPECT_EQ(back[i], 0); /* nothing unproven is left behind */
            }
            tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        const struct dr_bytes other = {aad.data, aad.size_bytes - 1};
        EXPECT_EQ(
            crypto->gcm_open(key.data, nonce.data, other, out, sizeof(out), tag, back), DR_E_AUTH);
        /* In place, and nothing at all. */
        memcpy(back, plain.data, sizeof(back));
        EXPECT_EQ(
            crypto->gcm_seal(key.data, nonce.data, aad, back, sizeof(back), back, tag), DR_OK);
        EXPECT(memcmp(back, out, sizeof(out)) == 0);
        EXPECT_EQ(
            crypto->gcm_open(key.data, nonce.data, aad, back, sizeof(back), tag, back), DR_OK);
        EXPECT(memcmp(back, plain.data, sizeof(back)) == 0);
        const struct dr_bytes none = {NULL, 0};
        EXPECT_EQ(crypto->gcm_seal(key.data, nonce.data, none, NULL, 0, NULL, tag), DR_OK);
        EXPECT_EQ(crypto->gcm_open(key.data, nonce.data, none, NULL, 0, tag, NULL), DR_OK);
    }
}

/* RFC 6979, A.2.5, SHA-256, messages "sample" and "test". */
static const char public_text[] =
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
static const char order_text[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

static void test_p256_vectors(void)
{
    static const struct {
        const char *message;
        const char *signature;
    } rows[] = {
        {"sample", "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                   "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
        {"test", "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
                 "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
    };
    struct dr_bytes key = hex(0, public_text);
    FOR_EACH_TABLE(crypto)
    {
        for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
            uint8_t digest[DR_SHA256_BYTES];
            struct dr_bytes signature = hex(1, rows[i].signature);
            dr_sha256_once(
                crypto, (const uint8_t *)rows[i].message, strlen(rows[i].message), digest);
            EXPECT_EQ(crypto->p256_verify(key.data, digest, signature.data), DR_OK);
            for (unsigned bit = 0; bit < 512; bit += 31) {
                bytes[1][bit / 8] ^= (uint8_t)(1u << bit % 8);
                EXPECT_EQ(crypto->p256_verify(key.data, digest, signature.data), DR_E_AUTH);
                bytes[1][bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
            digest[0] ^= 1;
            EXPECT_EQ(crypto->p256_verify(key.data, digest, signature.data), DR_E_AUTH);
        }
    }
}

/* Out of range, off the curve: refused, not an accident. */
static void test_p256_edges(void)
{
    uint8_t digest[DR_SHA256_BYTES] = {0};
    uint8_t signature[DR_P256_SIGNATURE_BYTES];
    struct dr_bytes key = hex(0, public_text);
    struct dr_bytes order = hex(1, order_text);
    FOR_EACH_TABLE(crypto)
    {
        memset(signature, 0, sizeof(signature));
        EXPECT_EQ(crypto->p256_verify(key.data, digest, signature), DR_E_AUTH);
        signature[31] = 1; /* r = 1, s = 0 */
        EXPECT_EQ(crypto->p256_verify(key.data, digest, signature), DR_E_AUTH);
        signature[63] = 1; /* r = s = 1 */
        EXPECT_EQ(crypto->p256_verify(key.data, digest, signature), DR_E_AUTH);
        memcpy(signature, order.data, 32);
        memcpy(signature + 32, order.data, 32);
        EXPECT_EQ(crypto->p256_verify(key.data, digest, signature), DR_E_AUTH);
        memset(signature, 0xff, sizeof(signature));
        EXPECT_EQ(crypto->p256_verify(key.data, digest, signature), DR_E_AUTH);
        uint8_t off_curve[DR_P256_PUBLIC_BYTES];
        memcpy(off_curve, key.data, sizeof(off_curve));
        off_curve[63] ^= 1;
        memset(signature, 1, sizeof(signature));
        EXPECT_EQ(crypto->p256_verify(off_curve, digest, signature), DR_E_AUTH);
        memset(off_curve, 0, sizeof(off_curve));
        EXPECT_EQ(crypto->p256_verify(off_curve, digest, signature), DR_E_AUTH);
        memset(off_curve, 0xff, sizeof(off_curve));
        EXPECT_EQ(crypto->p256_verify(off_curve, digest, signature), DR_E_AUTH);
    }
}

/* Signatures by the host's half, judged by every table. */
static void test_p256_sign(void)
{
    for (unsigned i = 1; i <= 8; i++) {
        uint8_t private_key[DR_P256_PRIVATE_BYTES];
        uint8_t public_key[DR_P256_PUBLIC_BYTES];
        uint8_t digest[DR_SHA256_BYTES];
        uint8_t signature[DR_P256_SIGNATURE_BYTES];
        memset(private_key, (int)i, sizeof(private_key));
        memset(digest, (int)(i * 29), sizeof(digest));
        REQUIRE(dr_p256_public_key(private_key, public_key) == DR_OK);
        REQUIRE(dr_p256_sign(private_key, digest, signature) == DR_OK);
        FOR_EACH_TABLE(crypto)
        {
            EXPECT_EQ(crypto->p256_verify(public_key, digest, signature), DR_OK);
            digest[31] ^= 0x80;
            EXPECT_EQ(crypto->p256_verify(public_key, digest, signature), DR_E_AUTH);
            digest[31] ^= 0x80;
        }
    }
}

/* The same input to every table: the same output, at every size around the block edges. */
static void test_tables_agree(void)
{
    uint8_t data[300];
    uint8_t key[DR_AES256_KEY_BYTES] = {0};
    uint8_t counter[DR_AES_BLOCK_BYTES] = {0};
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof(data); i++) {
        random = random * 1664525u + 1013904223u;
        data[i] = (uint8_t)(random >> 24);
        key[i % sizeof(key)] ^= data[i];
    }
    for (size_t size = 0; size <= sizeof(data); size++) {
        uint8_t first[DR_SHA256_BYTES];
        uint8_t first_text[sizeof(data)];
        dr_sha256_once(tables[0], data, size, first);
        EXPECT_EQ(tables[0]->aes256_ctr(key, counter, data, first_text, size), DR_OK);
        FOR_EACH_TABLE(crypto)
        {
            uint8_t digest[DR_SHA256_BYTES];
            uint8_t text[sizeof(data)];
            dr_sha256_once(crypto, data, size, digest);
            EXPECT(memcmp(digest, first, sizeof(digest)) == 0);
            EXPECT_EQ(crypto->aes256_ctr(key, counter, data, text, size), DR_OK);
            EXPECT(memcmp(text, first_text, size) == 0);
        }
    }
}

static void set_up(void)
{
#ifdef DR_HAVE_CRYPTO_PSA
    EXPECT_EQ(psa_crypto_init(), PSA_SUCCESS);
#endif
    EXPECT(DR_ARRAY_COUNT(tables) >= 1);
}

DR_TEST_MAIN(
    set_up, test_sha256, test_hmac, test_hkdf, test_aes_ctr, test_gcm, test_p256_vectors,
    test_p256_edges, test_p256_sign, test_tables_agree)

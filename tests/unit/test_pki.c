/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Keys and certificates, checked against OpenSSL's own verifier where a broker or device would. */
#include "tests/unit/check.h"

#include "cloud/pki/pki.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1769862896 /* 2026-01-31 12:34:56 */
#define NO_EXPIRY 253402300799LL
#define END_OF_2049 2524607999LL

static char dir[64];

static const char *in_dir(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4u];
    (void)snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static X509 *read_x509(const struct dr_pki_certificate *certificate)
{
    BIO *bio = BIO_new_mem_buf(certificate->pem, (int)certificate->pem_len);
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return x509;
}

/* As a TLS peer would: chain, dates at a moment, purpose, and name when there is one. */
static int verify_error(
    const struct dr_pki_certificate *leaf, const struct dr_pki_certificate *root, int purpose,
    long long moment, const char *host)
{
    X509 *leaf_x509 = read_x509(leaf);
    X509 *root_x509 = read_x509(root);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE_add_cert(store, root_x509);
    X509_STORE_CTX_init(ctx, store, leaf_x509, NULL);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)moment);
    X509_VERIFY_PARAM_set_purpose(param, purpose);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    if (host != NULL && X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1) {
        X509_VERIFY_PARAM_set1_host(param, host, 0);
    }
    (void)X509_verify_cert(ctx);
    int error = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(leaf_x509);
    X509_free(root_x509);
    return error;
}

static void keys_survive_a_file_and_sign(void)
{
    struct dr_pki_key *key = NULL;
    struct dr_pki_key *again = NULL;
    uint8_t digest[DR_SHA256_BYTES] = {1, 2, 3};
    uint8_t signature[DR_P256_SIGNATURE_BYTES];
    uint8_t points[3][DR_P256_PUBLIC_BYTES];
    uint8_t hashes[2][DR_SHA256_BYTES];
    char pem[DR_PKI_PUBLIC_PEM_BYTES];
    struct stat info;
    REQUIRE(dr_pki_key_generate(&key) == DR_OK);
    EXPECT_EQ(dr_pki_key_save(key, in_dir("key.pem")), DR_OK);
    EXPECT_EQ(dr_pki_key_save(key, in_dir("key.pem")), DR_E_EXISTS);
    EXPECT(stat(in_dir("key.pem"), &info) == 0 && (info.st_mode & 0777) == 0600);
    REQUIRE(dr_pki_key_load(in_dir("key.pem"), &again) == DR_OK);
    EXPECT_EQ(dr_pki_key_public(key, points[0]), DR_OK);
    EXPECT_EQ(dr_pki_key_public(again, points[1]), DR_OK);
    EXPECT_EQ(dr_pki_key_public_pem(key, pem, sizeof pem), DR_OK);
    EXPECT_EQ(dr_pki_public_parse(pem, strlen(pem), points[2]), DR_OK);
    EXPECT(memcmp(points[0], points[1], sizeof points[0]) == 0);
    EXPECT(memcmp(points[0], points[2], sizeof points[0]) == 0);
    EXPECT_EQ(dr_pki_key_hash(key, hashes[0]), DR_OK);
    EXPECT_EQ(dr_pki_key_hash(again, hashes[1]), DR_OK);
    EXPECT(memcmp(hashes[0], hashes[1], sizeof hashes[0]) == 0);
    EXPECT_EQ(dr_pki_key_sign(key, digest, signature), DR_OK);
    EXPECT_EQ(dr_crypto_openssl.p256_verify(points[0], digest, signature), DR_OK);
    signature[5] ^= 1u;
    EXPECT_EQ(dr_crypto_openssl.p256_verify(points[0], digest, signature), DR_E_AUTH);
    dr_pki_key_free(key);
    dr_pki_key_free(again);
}

static void bad_key_files_are_told_apart(void)
{
    struct dr_pki_key *key = NULL;
    struct dr_pki_key *untouched = NULL;
    EXPECT_EQ(dr_pki_key_load(in_dir("missing.pem"), &untouched), DR_E_NOT_FOUND);
    EXPECT_EQ(dr_pki_key_load(dir, &untouched), DR_E_IO);
    REQUIRE(dr_pki_key_generate(&key) == DR_OK);
    REQUIRE(dr_pki_key_save(key, in_dir("open.pem")) == DR_OK);
    REQUIRE(chmod(in_dir("open.pem"), 0640) == 0);
    EXPECT_EQ(dr_pki_key_load(in_dir("open.pem"), &untouched), DR_E_DENIED);
    EXPECT_EQ(dr_pki_write_file(in_dir("text.pem"), "hello", 5, 0600), DR_OK);
    EXPECT_EQ(dr_pki_key_load(in_dir("text.pem"), &untouched), DR_E_FORMAT);

    EVP_PKEY *other_curve = EVP_EC_gen("P-384");
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    PEM_write_bio_PKCS8PrivateKey(bio, other_curve, NULL, NULL, 0, NULL, NULL);
    long len = BIO_get_mem_data(bio, &text);
    EXPECT_EQ(dr_pki_key_parse(text, (size_t)len, &untouched), DR_E_UNSUPPORTED);
    BIO_free(bio);
    EVP_PKEY_free(other_curve);

    char tiny[16];
    EXPECT_EQ(dr_pki_key_private_pem(key, tiny, sizeof tiny), DR_E_SPACE);
    EXPECT(untouched == NULL);
    dr_pki_key_free(key);
}

static void a_server_certificate_names_what_it_serves(void)
{
    static const char *const names[] = {"localhost", "127.0.0.1"};
    struct dr_pki_authority *authority = NULL;
    struct dr_pki_identity server;
    REQUIRE(dr_pki_authority_create("Test server CA", NOW, &authority) == DR_OK);
    const struct dr_pki_certificate *root = dr_pki_authority_certificate(authority);
    EXPECT(root->self_signed);
    EXPECT_EQ(root->not_after_s, NO_EXPIRY);
    EXPECT_STR(root->common_name, "Test server CA");
    REQUIRE(dr_pki_create_server(authority, names, 2, NOW, &server) == DR_OK);
    const struct dr_pki_certificate *leaf = &server.certificate;
    EXPECT_EQ(leaf->not_before_s, NOW - DR_PKI_BACKDATE_S);
    EXPECT_EQ(leaf->not_after_s, NOW + DR_PKI_SERVER_DAYS * 86400LL);
    EXPECT_EQ(verify_error(leaf, root, X509_PURPOSE_SSL_SERVER, NOW, "localhost"), X509_V_OK);
    EXPECT_EQ(verify_error(leaf, root, X509_PURPOSE_SSL_SERVER, NOW, "127.0.0.1"), X509_V_OK);
    EXPECT_EQ(
        verify_error(leaf, root, X509_PURPOSE_SSL_SERVER, NOW, "example.com"),
        X509_V_ERR_HOSTNAME_MISMATCH);
    EXPECT_EQ(
        verify_error(leaf, root, X509_PURPOSE_SSL_CLIENT, NOW, NULL), X509_V_ERR_INVALID_PURPOSE);
    EXPECT_EQ(dr_pki_certificate_check(authority, leaf), DR_OK);
    EXPECT_EQ(dr_pki_create_server(authority, names, 0, NOW, &server), DR_E_ARGUMENT);
    dr_pki_authority_free(authority);
}

static void device_certificates_are_for_clients_only(void)
{
    struct dr_pki_authority *authority = NULL;
    struct dr_pki_authority *stranger = NULL;
    struct dr_pki_identity ec;
    struct dr_pki_identity rsa;
    struct dr_pki_certificate parsed;
    REQUIRE(dr_pki_authority_create("Test device CA", NOW, &authority) == DR_OK);
    REQUIRE(dr_pki_authority_create("Test device CA", NOW, &stranger) == DR_OK);
    const struct dr_pki_certificate *root = dr_pki_authority_certificate(authority);
    REQUIRE(
        dr_pki_create_identity(authority, DR_PKI_EC_P256, "t1", DR_PKI_DEVICE, NOW, &ec) == DR_OK);
    REQUIRE(
        dr_pki_create_identity(authority, DR_PKI_RSA_2048, "t1", DR_PKI_DEVICE, NOW, &rsa) ==
        DR_OK);
    EXPECT_EQ(ec.certificate.not_after_s, END_OF_2049);
    EXPECT_EQ(
        verify_error(&ec.certificate, root, X509_PURPOSE_SSL_CLIENT, NOW - 3600, NULL), X509_V_OK);
    EXPECT_EQ(verify_error(&rsa.certificate, root, X509_PURPOSE_SSL_CLIENT, NOW, NULL), X509_V_OK);
    EXPECT_EQ(
        verify_error(&ec.certificate, root, X509_PURPOSE_SSL_SERVER, NOW, NULL),
        X509_V_ERR_INVALID_PURPOSE);
    EXPECT_EQ(dr_pki_certificate_check(authority, &ec.certificate), DR_OK);
    EXPECT_EQ(dr_pki_certificate_check(stranger, &ec.certificate), DR_E_AUTH);
    EXPECT(!ec.certificate.self_signed);
    EXPECT(strcmp(ec.certificate.id_text, rsa.certificate.id_text) != 0);

    /* The id is the digest of the DER, whatever the PEM looks like. */
    char spaced[DR_PKI_PEM_BYTES + 8];
    (void)snprintf(spaced, sizeof spaced, "%s\r\n\n", ec.certificate.pem);
    REQUIRE(dr_pki_certificate_parse(spaced, strlen(spaced), &parsed) == DR_OK);
    EXPECT_STR(parsed.id_text, ec.certificate.id_text);
    EXPECT_STR(parsed.common_name, "t1");
    char two[2 * DR_PKI_PEM_BYTES];
    (void)snprintf(two, sizeof two, "%s%s", ec.certificate.pem, rsa.certificate.pem);
    EXPECT_EQ(dr_pki_certificate_parse(two, strlen(two), &parsed), DR_E_FORMAT);
    EXPECT_EQ(dr_pki_certificate_parse("", 0, &parsed), DR_E_FORMAT);
    dr_pki_authority_free(authority);
    dr_pki_authority_free(stranger);
}

static void requests_are_verified_and_their_wishes_ignored(void)
{
    struct dr_pki_authority *authority = NULL;
    struct dr_pki_key *key = NULL;
    struct dr_pki_certificate certificate;
    char csr[DR_PKI_PEM_BYTES];
    REQUIRE(dr_pki_authority_create("Test device CA", NOW, &authority) == DR_OK);
    REQUIRE(dr_pki_key_generate(&key) == DR_OK);
    REQUIRE(dr_pki_make_request(key, "i-want-to-be-admin", csr, sizeof csr) == DR_OK);
    REQUIRE(
        dr_pki_sign_request(
            authority, csr, strlen(csr), "thing-7", DR_PKI_RECOVERY, NOW, &certificate) == DR_OK);
    EXPECT_STR(certificate.common_name, "thing-7");
    EXPECT_EQ(certificate.not_after_s, NO_EXPIRY);
    EXPECT_EQ(
        verify_error(
            &certificate, dr_pki_authority_certificate(authority), X509_PURPOSE_SSL_CLIENT,
            NOW + 20 * 365 * 86400LL, NULL),
        X509_V_OK);

    /* A byte of the signature, which ends the DER, changed: the text stays valid base64. */
    char *end = strstr(csr, "\n-----END");
    REQUIRE(end != NULL);
    for (char *c = end - 1; c > csr; c--) {
        if (*c != '=' && *c != '\n') {
            c[-4] = c[-4] == 'A' ? 'B' : 'A';
            break;
        }
    }
    EXPECT_EQ(
        dr_pki_sign_request(
            authority, csr, strlen(csr), "thing-7", DR_PKI_DEVICE, NOW, &certificate),
        DR_E_AUTH);
    EXPECT_EQ(
        dr_pki_sign_request(authority, "x", 1, "thing-7", DR_PKI_DEVICE, NOW, &certificate),
        DR_E_FORMAT);
    EXPECT_EQ(
        dr_pki_sign_request(authority, csr, strlen(csr), "", DR_PKI_DEVICE, NOW, &certificate),
        DR_E_ARGUMENT);
    EXPECT_STR(certificate.common_name, "thing-7");
    dr_pki_key_free(key);
    dr_pki_authority_free(authority);
}

static void an_authority_survives_its_files(void)
{
    struct dr_pki_authority *authority = NULL;
    struct dr_pki_authority *again = NULL;
    struct dr_pki_authority *other = NULL;
    char name[32];
    REQUIRE(dr_pki_authority_create("Test CA", NOW, &authority) == DR_OK);
    REQUIRE(dr_pki_authority_create("Test CA", NOW, &other) == DR_OK);
    EXPECT_EQ(dr_pki_authority_save(authority, in_dir("ca.pem"), in_dir("ca.key")), DR_OK);
    EXPECT_EQ(dr_pki_authority_save(other, in_dir("ca2.pem"), in_dir("ca2.key")), DR_OK);
    EXPECT_EQ(dr_pki_authority_load(in_dir("ca.pem"), in_dir("ca.key"), &again), DR_OK);
    EXPECT_STR(
        dr_pki_authority_certificate(again)->id_text,
        dr_pki_authority_certificate(authority)->id_text);
    dr_pki_authority_free(again);
    EXPECT_EQ(dr_pki_authority_load(in_dir("ca.pem"), in_dir("ca2.key"), &again), DR_E_CORRUPT);
    EXPECT_EQ(dr_pki_authority_load(in_dir("ca.key"), in_dir("ca.key"), &again), DR_E_FORMAT);
    EXPECT_EQ(
        dr_pki_certificate_hash_name(dr_pki_authority_certificate(authority), name, sizeof name),
        DR_OK);
    EXPECT(strlen(name) == 10 && strcmp(name + 8, ".0") == 0);
    dr_pki_authority_free(authority);
    dr_pki_authority_free(other);
}

static void clean_up(void)
{
    static const char *const names[] = {"key.pem", "open.pem", "text.pem", "ca.pem",
                                        "ca.key",  "ca2.pem",  "ca2.key"};
    for (size_t i = 0; i < DR_ARRAY_COUNT(names); i++) {
        (void)unlink(in_dir(names[i]));
    }
    EXPECT(rmdir(dir) == 0); /* nothing else was left there, temporary files included */
}

static void set_up(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/daruma-pki-XXXXXX");
    REQUIRE(mkdtemp(dir) != NULL);
}

DR_TEST_MAIN(
    set_up, keys_survive_a_file_and_sign, bad_key_files_are_told_apart,
    a_server_certificate_names_what_it_serves, device_certificates_are_for_clients_only,
    requests_are_verified_and_their_wishes_ignored, an_authority_survives_its_files, clean_up)

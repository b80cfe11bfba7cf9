/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/pki/key.h"

#include "base/secret.h"
#include "cloud/pki/pki_priv.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct dr_pki_key {
    EVP_PKEY *pkey; /* always EC on P-256, with its private half */
};

/* DER of a P-256 SubjectPublicKeyInfo up to the point: fixed, because the curve is. */
static const uint8_t spki_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
_Static_assert(
    sizeof spki_head + DR_P256_PUBLIC_BYTES == DR_PKI_SPKI_BYTES, "a P-256 SPKI is 91 bytes");

bool dr_pki_is_p256(const EVP_PKEY *pkey)
{
    char group[32] = "";
    size_t len = 0;
    return EVP_PKEY_is_a(pkey, "EC") == 1 &&
           EVP_PKEY_get_group_name(pkey, group, sizeof group, &len) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

EVP_PKEY *dr_pki_key_pkey(const struct dr_pki_key *key)
{
    return key->pkey;
}

/* Takes pkey over, whatever the outcome. */
static enum dr_status wrap(EVP_PKEY *pkey, struct dr_pki_key **ret_key)
{
    struct dr_pki_key *key = malloc(sizeof *key);
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return DR_E_SPACE;
    }
    key->pkey = pkey;
    *ret_key = key;
    return DR_OK;
}

enum dr_status dr_pki_key_generate(struct dr_pki_key **ret_key)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    if (pkey == NULL) {
        return DR_E_CRYPTO;
    }
    return wrap(pkey, ret_key);
}

void dr_pki_key_free(struct dr_pki_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}

/* An encrypted key is an error, not a prompt on the terminal. */
static int no_passphrase(char *out, int size, int writing, void *ctx)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

enum dr_status dr_pki_key_parse(const char *pem, size_t pem_len, struct dr_pki_key **ret_key)
{
    if (pem_len > DR_PKI_PEM_BYTES) {
        return DR_E_FORMAT;
    }
    BIO *bio = BIO_new_mem_buf(pem, (int)pem_len);
    EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    dr_pki_drop_errors();
    if (pkey == NULL) {
        return DR_E_FORMAT;
    }
    if (!dr_pki_is_p256(pkey)) {
        EVP_PKEY_free(pkey);
        return DR_E_UNSUPPORTED;
    }
    return wrap(pkey, ret_key);
}

enum dr_status dr_pki_key_load(const char *path, struct dr_pki_key **ret_key)
{
    char pem[DR_PKI_PEM_BYTES];
    size_t pem_len = 0;
    DR_TRY(dr_pki_read_file(path, true, pem, sizeof pem, &pem_len));
    enum dr_status status = dr_pki_key_parse(pem, pem_len, ret_key);
    dr_wipe(pem, sizeof pem);
    return status;
}

enum dr_status dr_pki_pkey_pem(EVP_PKEY *pkey, char *out, size_t capacity_bytes)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    if (bio == NULL) {
        return DR_E_CRYPTO;
    }
    enum dr_status status = DR_E_CRYPTO;
    if (PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1) {
        status = dr_pki_bio_text(bio, out, capacity_bytes);
    }
    BIO_free(bio);
    return status;
}

enum dr_status
dr_pki_key_private_pem(const struct dr_pki_key *key, char *out, size_t capacity_bytes)
{
    return dr_pki_pkey_pem(key->pkey, out, capacity_bytes);
}

enum dr_status dr_pki_key_save(const struct dr_pki_key *key, const char *path)
{
    char pem[DR_PKI_PRIVATE_PEM_BYTES];
    DR_TRY(dr_pki_key_private_pem(key, pem, sizeof pem));
    enum dr_status status = dr_pki_create_file(path, pem, strlen(pem), 0600);
    dr_wipe(pem, sizeof pem);
    return status;
}

enum dr_status dr_pki_key_sign_der(
    const struct dr_pki_key *key, const uint8_t digest[DR_SHA256_BYTES],
    uint8_t ret_signature[DR_PKI_DER_SIGNATURE_MAX], size_t *ret_size_bytes)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
    uint8_t signature[DR_PKI_DER_SIGNATURE_MAX];
    size_t size_bytes = sizeof signature;
    bool done = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
                EVP_PKEY_sign(ctx, signature, &size_bytes, digest, DR_SHA256_BYTES) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!done) {
        dr_pki_drop_errors();
        return DR_E_CRYPTO;
    }
    memcpy(ret_signature, signature, size_bytes);
    *ret_size_bytes = size_bytes;
    return DR_OK;
}

enum dr_status dr_pki_key_sign(
    const struct dr_pki_key *key, const uint8_t digest[DR_SHA256_BYTES],
    uint8_t ret_signature[DR_P256_SIGNATURE_BYTES])
{
    uint8_t der[DR_PKI_DER_SIGNATURE_MAX];
    size_t der_size = 0;
    DR_TRY(dr_pki_key_sign_der(key, digest, der, &der_size));
    const unsigned char *cursor = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &cursor, (long)der_size);
    if (signature == NULL) {
        return DR_E_CRYPTO;
    }
    bool done = BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret_signature, 32) == 32 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret_signature + 32, 32) == 32;
    ECDSA_SIG_free(signature);
    return done ? DR_OK : DR_E_CRYPTO;
}

static enum dr_status public_of(const EVP_PKEY *pkey, uint8_t ret_public[DR_P256_PUBLIC_BYTES])
{
    uint8_t point[1 + DR_P256_PUBLIC_BYTES];
    size_t size_bytes = 0;
    if (EVP_PKEY_get_octet_string_param(
            pkey, "encoded-pub-key", point, sizeof point, &size_bytes) != 1 ||
        size_bytes != sizeof point || point[0] != 0x04) {
        dr_pki_drop_errors();
        return DR_E_UNSUPPORTED; /* a compressed point */
    }
    memcpy(ret_public, point + 1, DR_P256_PUBLIC_BYTES);
    return DR_OK;
}

enum dr_status
dr_pki_key_public(const struct dr_pki_key *key, uint8_t ret_public[DR_P256_PUBLIC_BYTES])
{
    return public_of(key->pkey, ret_public);
}

enum dr_status dr_pki_key_spki(const struct dr_pki_key *key, uint8_t ret_spki[DR_PKI_SPKI_BYTES])
{
    DR_TRY(public_of(key->pkey, ret_spki + sizeof spki_head));
    memcpy(ret_spki, spki_head, sizeof spki_head);
    return DR_OK;
}

enum dr_status dr_pki_key_hash(const struct dr_pki_key *key, uint8_t ret_hash[DR_SHA256_BYTES])
{
    uint8_t spki[DR_PKI_SPKI_BYTES];
    DR_TRY(dr_pki_key_spki(key, spki));
    (void)SHA256(spki, sizeof spki, ret_hash);
    return DR_OK;
}

enum dr_status dr_pki_public_pem(EVP_PKEY *pkey, char *out, size_t capacity_bytes)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL) {
        return DR_E_CRYPTO;
    }
    enum dr_status status = DR_E_CRYPTO;
    if (PEM_write_bio_PUBKEY(bio, pkey) == 1) {
        status = dr_pki_bio_text(bio, out, capacity_bytes);
    }
    BIO_free(bio);
    return status;
}

enum dr_status dr_pki_key_public_pem(const struct dr_pki_key *key, char *out, size_t capacity_bytes)
{
    return dr_pki_public_pem(key->pkey, out, capacity_bytes);
}

enum dr_status
dr_pki_public_parse(const char *pem, size_t pem_len, uint8_t ret_public[DR_P256_PUBLIC_BYTES])
{
    if (pem_len > DR_PKI_PEM_BYTES) {
        return DR_E_FORMAT;
    }
    BIO *bio = BIO_new_mem_buf(pem, (int)pem_len);
    EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
    if (pkey == NULL && bio != NULL && BIO_reset(bio) == 1) {
        pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    }
    BIO_free(bio);
    dr_pki_drop_errors();
    if (pkey == NULL) {
        return DR_E_FORMAT;
    }
    enum dr_status status = dr_pki_is_p256(pkey) ? public_of(pkey, ret_public) : DR_E_UNSUPPORTED;
    EVP_PKEY_free(pkey);
    return status;
}

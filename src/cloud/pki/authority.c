/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The two CAs and what they issue. */

#include "cloud/pki/pki.h"

#include "base/secret.h"
#include "cloud/pki/pki_priv.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* RFC 5280, 4.1.2.5: the date that stands for "does not expire". */
static const char no_expiry[] = "99991231235959Z";
static const char device_expiry[] = "20491231235959Z";

static bool name_valid(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= DR_PKI_NAME_MAX;
}

/* Takes x509 and key over, whatever the outcome. */
static enum dr_status
assemble(X509 *x509, struct dr_pki_key *key, struct dr_pki_authority **ret_authority)
{
    struct dr_pki_authority *authority = calloc(1, sizeof *authority);
    enum dr_status status =
        authority == NULL ? DR_E_SPACE : dr_pki_describe(x509, &authority->certificate);
    if (status != DR_OK) {
        free(authority);
        X509_free(x509);
        dr_pki_key_free(key);
        return status;
    }
    authority->x509 = x509;
    authority->key = key;
    *ret_authority = authority;
    return DR_OK;
}

enum dr_status dr_pki_authority_create(
    const char *common_name, int64_t now_s, struct dr_pki_authority **ret_authority)
{
    struct dr_pki_key *key = NULL;
    X509 *x509 = NULL;
    if (!name_valid(common_name)) {
        return DR_E_ARGUMENT;
    }
    DR_TRY(dr_pki_key_generate(&key));
    struct dr_pki_template template = {
        .common_name = common_name,
        .public_key = dr_pki_key_pkey(key),
        .is_authority = true,
        .not_after = no_expiry,
        .not_before_s = now_s - DR_PKI_BACKDATE_S,
    };
    enum dr_status status = dr_pki_issue(&template, NULL, dr_pki_key_pkey(key), &x509);
    if (status != DR_OK) {
        dr_pki_key_free(key);
        return status;
    }
    return assemble(x509, key, ret_authority);
}

enum dr_status dr_pki_authority_load(
    const char *certificate_path, const char *key_path, struct dr_pki_authority **ret_authority)
{
    char pem[DR_PKI_PEM_BYTES];
    size_t pem_len = 0;
    struct dr_pki_key *key = NULL;
    DR_TRY(dr_pki_read_file(certificate_path, false, pem, sizeof pem, &pem_len));
    DR_TRY(dr_pki_key_load(key_path, &key));
    X509 *x509 = dr_pki_x509_parse(pem, pem_len);
    enum dr_status status = DR_OK;
    if (x509 == NULL) {
        status = DR_E_FORMAT;
    } else if (
        X509_check_private_key(x509, dr_pki_key_pkey(key)) != 1 || X509_check_ca(x509) == 0) {
        status = DR_E_CORRUPT;
    }
    dr_pki_drop_errors();
    if (status != DR_OK) {
        X509_free(x509);
        dr_pki_key_free(key);
        return status;
    }
    return assemble(x509, key, ret_authority);
}

enum dr_status dr_pki_authority_save(
    const struct dr_pki_authority *authority, const char *certificate_path, const char *key_path)
{
    DR_TRY(dr_pki_key_save(authority->key, key_path));
    return dr_pki_create_file(
        certificate_path, authority->certificate.pem, authority->certificate.pem_len, 0644);
}

const struct dr_pki_certificate *
dr_pki_authority_certificate(const struct dr_pki_authority *authority)
{
    return &authority->certificate;
}

void dr_pki_authority_free(struct dr_pki_authority *authority)
{
    if (authority != NULL) {
        X509_free(authority->x509);
        dr_pki_key_free(authority->key);
        free(authority);
    }
}

/* --- issuing --- */

static enum dr_status issue(
    const struct dr_pki_authority *authority, const struct dr_pki_template *template,
    struct dr_pki_certificate *ret_certificate)
{
    X509 *x509 = NULL;
    DR_TRY(dr_pki_issue(template, authority->x509, dr_pki_key_pkey(authority->key), &x509));
    enum dr_status status = dr_pki_describe(x509, ret_certificate);
    X509_free(x509);
    return status;
}

static const char *expiry_of(enum dr_pki_purpose purpose)
{
    switch (purpose) {
    case DR_PKI_DEVICE:
        return device_expiry;
    case DR_PKI_RECOVERY:
    case DR_PKI_SERVICE:
        return no_expiry;
    }
    return device_expiry;
}

static bool key_allowed(const EVP_PKEY *key)
{
    if (dr_pki_is_p256(key)) {
        return true;
    }
    int bits = EVP_PKEY_get_bits(key);
    return EVP_PKEY_is_a(key, "RSA") == 1 && bits >= 2048 && bits <= 4096;
}

static enum dr_status parse_request(const char *pem, size_t pem_len, X509_REQ **ret_request)
{
    if (pem_len >= DR_PKI_PEM_BYTES) {
        return DR_E_FORMAT;
    }
    BIO *bio = BIO_new_mem_buf(pem, (int)pem_len);
    X509_REQ *request = bio == NULL ? NULL : PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    EVP_PKEY *key = request == NULL ? NULL : X509_REQ_get0_pubkey(request);
    enum dr_status status = DR_OK;
    if (key == NULL) {
        status = DR_E_FORMAT;
    } else if (!key_allowed(key)) {
        status = DR_E_UNSUPPORTED;
    } else if (X509_REQ_verify(request, key) != 1) {
        status = DR_E_AUTH;
    }
    BIO_free(bio);
    dr_pki_drop_errors();
    if (status != DR_OK) {
        X509_REQ_free(request);
        return status;
    }
    *ret_request = request;
    return DR_OK;
}

enum dr_status dr_pki_sign_request(
    const struct dr_pki_authority *authority, const char *csr_pem, size_t csr_len,
    const char *common_name, enum dr_pki_purpose purpose, int64_t now_s,
    struct dr_pki_certificate *ret_certificate)
{
    X509_REQ *request = NULL;
    if (!name_valid(common_name)) {
        return DR_E_ARGUMENT;
    }
    DR_TRY(parse_request(csr_pem, csr_len, &request));
    struct dr_pki_template template = {
        .common_name = common_name,
        .public_key = X509_REQ_get0_pubkey(request),
        .not_after = expiry_of(purpose),
        .not_before_s = now_s - DR_PKI_BACKDATE_S,
    };
    enum dr_status status = issue(authority, &template, ret_certificate);
    X509_REQ_free(request);
    return status;
}

/* Certificate and key texts for a key pair made here. */
static enum dr_status fill_identity(
    const struct dr_pki_authority *authority, const struct dr_pki_template *template,
    struct dr_pki_identity *identity)
{
    EVP_PKEY *pkey = template->public_key;
    DR_TRY(issue(authority, template, &identity->certificate));
    DR_TRY(dr_pki_pkey_pem(pkey, identity->private_pem, sizeof identity->private_pem));
    return dr_pki_public_pem(pkey, identity->public_pem, sizeof identity->public_pem);
}

static enum dr_status make_identity(
    const struct dr_pki_authority *authority, struct dr_pki_template *template,
    struct dr_pki_identity *ret_identity)
{
    if (template->public_key == NULL) {
        dr_pki_drop_errors();
        return DR_E_CRYPTO;
    }
    enum dr_status status = fill_identity(authority, template, ret_identity);
    EVP_PKEY_free(template->public_key);
    if (status != DR_OK) {
        dr_wipe(ret_identity, sizeof *ret_identity);
    }
    return status;
}

enum dr_status dr_pki_create_identity(
    const struct dr_pki_authority *authority, enum dr_pki_key_kind kind, const char *common_name,
    enum dr_pki_purpose purpose, int64_t now_s, struct dr_pki_identity *ret_identity)
{
    if (!name_valid(common_name)) {
        return DR_E_ARGUMENT;
    }
    struct dr_pki_template template = {
        .common_name = common_name,
        .public_key = kind == DR_PKI_RSA_2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"),
        .not_after = expiry_of(purpose),
        .not_before_s = now_s - DR_PKI_BACKDATE_S,
    };
    return make_identity(authority, &template, ret_identity);
}

enum dr_status dr_pki_create_server(
    const struct dr_pki_authority *authority, const char *const *names, size_t name_count,
    int64_t now_s, struct dr_pki_identity *ret_identity)
{
    char not_after[32];
    time_t end = (time_t)(now_s + (int64_t)DR_PKI_SERVER_DAYS * 86400);
    struct tm parts;
    if (name_count == 0 || name_count > DR_PKI_SERVER_NAMES_MAX) {
        return DR_E_ARGUMENT;
    }
    for (size_t i = 0; i < name_count; i++) {
        if (!name_valid(names[i])) {
            return DR_E_ARGUMENT;
        }
    }
    if (gmtime_r(&end, &parts) == NULL ||
        strftime(not_after, sizeof not_after, "%Y%m%d%H%M%SZ", &parts) == 0) {
        return DR_E_RANGE;
    }
    struct dr_pki_template template = {
        .common_name = names[0],
        .public_key = EVP_EC_gen("P-256"),
        .server_names = names,
        .server_name_count = name_count,
        .not_after = not_after,
        .not_before_s = now_s - DR_PKI_BACKDATE_S,
    };
    return make_identity(authority, &template, ret_identity);
}

enum dr_status dr_pki_make_request(
    const struct dr_pki_key *key, const char *common_name, char *out, size_t capacity_bytes)
{
    X509_REQ *request = X509_REQ_new();
    BIO *bio = BIO_new(BIO_s_mem());
    enum dr_status status = DR_E_CRYPTO;
    if (request != NULL && bio != NULL && name_valid(common_name) &&
        X509_NAME_add_entry_by_txt(
            X509_REQ_get_subject_name(request), "CN", MBSTRING_UTF8,
            (const unsigned char *)common_name, -1, -1, 0) == 1 &&
        X509_REQ_set_pubkey(request, dr_pki_key_pkey(key)) == 1 &&
        X509_REQ_sign(request, dr_pki_key_pkey(key), EVP_sha256()) > 0 &&
        PEM_write_bio_X509_REQ(bio, request) == 1) {
        status = dr_pki_bio_text(bio, out, capacity_bytes);
    }
    BIO_free(bio);
    X509_REQ_free(request);
    dr_pki_drop_errors();
    return status;
}

enum dr_status dr_pki_certificate_check(
    const struct dr_pki_authority *authority, const struct dr_pki_certificate *certificate)
{
    X509 *x509 = dr_pki_x509_parse(certificate->pem, certificate->pem_len);
    if (x509 == NULL) {
        return DR_E_FORMAT;
    }
    bool fits =
        X509_NAME_cmp(X509_get_issuer_name(x509), X509_get_subject_name(authority->x509)) == 0 &&
        X509_verify(x509, dr_pki_key_pkey(authority->key)) == 1;
    X509_free(x509);
    dr_pki_drop_errors();
    return fits ? DR_OK : DR_E_AUTH;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Making and reading X.509 certificates. */
#include "cloud/pki/pki_priv.h"

#include "base/text.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SERIAL_BYTES 16

void dr_pki_drop_errors(void)
{
    ERR_clear_error();
}

enum dr_status dr_pki_bio_text(BIO *bio, char *out, size_t capacity_bytes)
{
    int pending = (int)BIO_ctrl_pending(bio);
    if (pending < 0 || (size_t)pending >= capacity_bytes) {
        return DR_E_SPACE;
    }
    if (BIO_read(bio, out, pending) != pending) {
        return DR_E_CRYPTO;
    }
    out[pending] = '\0';
    return DR_OK;
}

/* --- making --- */

static bool set_serial(X509 *x509)
{
    uint8_t bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return false;
    }
    bytes[0] = (uint8_t)((bytes[0] & 0x3fu) | 0x40u); /* positive, and of one length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool done = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
    BN_free(number);
    return done;
}

static bool set_names(X509 *x509, const char *common_name, X509 *issuer)
{
    X509_NAME *subject = X509_get_subject_name(x509);
    if (X509_NAME_add_entry_by_txt(
            subject, "O", MBSTRING_UTF8, (const unsigned char *)"Daruma", -1, -1, 0) != 1 ||
        X509_NAME_add_entry_by_txt(
            subject, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) != 1) {
        return false;
    }
    return X509_set_issuer_name(x509, issuer == NULL ? subject : X509_get_subject_name(issuer)) ==
           1;
}

static bool add_extension(X509 *x509, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool done = extension != NULL && X509_add_ext(x509, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static bool add_name(GENERAL_NAMES *names, const char *text)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
    GENERAL_NAME *name = GENERAL_NAME_new();
    bool done = false;
    if (name != NULL && address != NULL) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, address);
        address = NULL;
        done = true;
    } else if (name != NULL) {
        ASN1_IA5STRING *dns = ASN1_IA5STRING_new();
        if (dns != NULL && ASN1_STRING_set(dns, text, -1) == 1) {
            GENERAL_NAME_set0_value(name, GEN_DNS, dns);
            done = true;
        } else {
            ASN1_IA5STRING_free(dns);
        }
    }
    ASN1_OCTET_STRING_free(address);
    if (!done || sk_GENERAL_NAME_push(names, name) <= 0) {
        GENERAL_NAME_free(name);
        return false;
    }
    return true;
}

static bool add_server_names(X509 *x509, const struct dr_pki_template *template)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool done = names != NULL;
    for (size_t i = 0; done && i < template->server_name_count; i++) {
        done = add_name(names, template->server_names[i]);
    }
    done = done && X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0) == 1;
    GENERAL_NAMES_free(names);
    return done;
}

static bool add_extensions(X509 *x509, const struct dr_pki_template *template, X509 *issuer)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer == NULL ? x509 : issuer, x509, NULL, NULL, 0);
    if (!add_extension(x509, &ctx, NID_subject_key_identifier, "hash")) {
        return false;
    }
    if (template->is_authority) {
        return add_extension(x509, &ctx, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
               add_extension(x509, &ctx, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    const char *purpose = template->server_names != NULL ? "serverAuth" : "clientAuth";
    return add_extension(x509, &ctx, NID_authority_key_identifier, "keyid:always") &&
           add_extension(x509, &ctx, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x509, &ctx, NID_key_usage, "critical,digitalSignature") &&
           add_extension(x509, &ctx, NID_ext_key_usage, purpose) &&
           (template->server_names == NULL || add_server_names(x509, template));
}

enum dr_status dr_pki_issue(
    const struct dr_pki_template *template, X509 *issuer, EVP_PKEY *signer, X509 **ret_x509)
{
    X509 *x509 = X509_new();
    bool done = x509 != NULL && X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(x509) &&
                set_names(x509, template->common_name, issuer) &&
                ASN1_TIME_set(X509_getm_notBefore(x509), (time_t) template->not_before_s) != NULL &&
                ASN1_TIME_set_string_X509(X509_getm_notAfter(x509), template->not_after) == 1 &&
                X509_set_pubkey(x509, template->public_key) == 1 &&
                add_extensions(x509, template, issuer) && X509_sign(x509, signer, EVP_sha256()) > 0;
    if (!done) {
        X509_free(x509);
        dr_pki_drop_errors();
        return DR_E_CRYPTO;
    }
    *ret_x509 = x509;
    return DR_OK;
}

/* --- reading --- */

X509 *dr_pki_x509_parse(const char *pem, size_t pem_len)
{
    if (pem_len >= DR_PKI_PEM_BYTES) {
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(pem, (int)pem_len);
    X509 *x509 = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    /* What is left may be white space, nothing else: no second certificate goes unnoticed. */
    char rest = 0;
    while (x509 != NULL && BIO_read(bio, &rest, 1) == 1) { /* bound: pem_len */
        if (strchr(" \t\r\n", rest) == NULL) {
            X509_free(x509);
            x509 = NULL;
        }
    }
    BIO_free(bio);
    dr_pki_drop_errors();
    return x509;
}

static enum dr_status seconds_of(const ASN1_TIME *time, int64_t *ret_s)
{
    struct tm parts;
    int days = 0;
    int seconds = 0;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    bool done = epoch != NULL && ASN1_TIME_to_tm(time, &parts) == 1 &&
                ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;
    ASN1_TIME_free(epoch);
    if (!done) {
        return DR_E_FORMAT;
    }
    *ret_s = (int64_t)days * 86400 + seconds;
    return DR_OK;
}

static bool signs_itself(X509 *x509)
{
    EVP_PKEY *key = X509_get0_pubkey(x509);
    return key != NULL &&
           X509_NAME_cmp(X509_get_subject_name(x509), X509_get_issuer_name(x509)) == 0 &&
           X509_verify(x509, key) == 1;
}

static enum dr_status hash_der(X509 *x509, struct dr_pki_certificate *certificate)
{
    unsigned char *der = NULL;
    int der_size = i2d_X509(x509, &der);
    if (der_size <= 0) {
        return DR_E_FORMAT;
    }
    (void)SHA256(der, (size_t)der_size, certificate->id);
    OPENSSL_free(der);
    dr_hex_encode(certificate->id, sizeof certificate->id, certificate->id_text);
    return DR_OK;
}

enum dr_status dr_pki_describe(X509 *x509, struct dr_pki_certificate *ret_certificate)
{
    struct dr_pki_certificate *certificate = ret_certificate;
    memset(certificate, 0, sizeof *certificate);
    BIO *bio = BIO_new(BIO_s_mem());
    enum dr_status status = DR_E_CRYPTO;
    if (bio != NULL && PEM_write_bio_X509(bio, x509) == 1) {
        status = dr_pki_bio_text(bio, certificate->pem, sizeof certificate->pem);
    }
    BIO_free(bio);
    DR_TRY(status);
    certificate->pem_len = strlen(certificate->pem);
    DR_TRY(hash_der(x509, certificate));
    DR_TRY(seconds_of(X509_get0_notBefore(x509), &certificate->not_before_s));
    DR_TRY(seconds_of(X509_get0_notAfter(x509), &certificate->not_after_s));
    (void)X509_NAME_get_text_by_NID(
        X509_get_subject_name(x509), NID_commonName, certificate->common_name,
        sizeof certificate->common_name);
    certificate->self_signed = signs_itself(x509);
    dr_pki_drop_errors();
    return DR_OK;
}

enum dr_status dr_pki_certificate_parse(
    const char *pem, size_t pem_len, struct dr_pki_certificate *ret_certificate)
{
    struct dr_pki_certificate certificate;
    X509 *x509 = dr_pki_x509_parse(pem, pem_len);
    if (x509 == NULL) {
        return DR_E_FORMAT;
    }
    enum dr_status status = dr_pki_describe(x509, &certificate);
    X509_free(x509);
    DR_TRY(status);
    *ret_certificate = certificate;
    return DR_OK;
}

enum dr_status dr_pki_certificate_load(const char *path, struct dr_pki_certificate *ret_certificate)
{
    char pem[DR_PKI_PEM_BYTES];
    size_t pem_len = 0;
    DR_TRY(dr_pki_read_file(path, false, pem, sizeof pem, &pem_len));
    return dr_pki_certificate_parse(pem, pem_len, ret_certificate);
}

enum dr_status dr_pki_certificate_hash_name(
    const struct dr_pki_certificate *certificate, char *out, size_t capacity_bytes)
{
    X509 *x509 = dr_pki_x509_parse(certificate->pem, certificate->pem_len);
    if (x509 == NULL) {
        return DR_E_FORMAT;
    }
    int known = 0;
    unsigned long hash = X509_NAME_hash_ex(X509_get_subject_name(x509), NULL, NULL, &known);
    X509_free(x509);
    int len = snprintf(out, capacity_bytes, "%08lx.0", hash);
    return known == 1 && len > 0 && (size_t)len < capacity_bytes ? DR_OK : DR_E_SPACE;
}

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A key method of OpenSSL's older EC interface is the one hook that lets a key sign elsewhere
 * without writing a provider; it is marked deprecated since 3.0. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "boards/linux/link_tls.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

static const SSL_CTX *context_of(X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    return ssl != NULL ? SSL_get_SSL_CTX(ssl) : NULL;
}

static enum dr_link_fault fault_of(int error)
{
    switch (error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return DR_LINK_FAULT_TLS_NAME;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return DR_LINK_FAULT_TLS_EXPIRED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        return DR_LINK_FAULT_TLS_UNTRUSTED;
    default: /* whatever else a hostile chain can be guilty of */
        return DR_LINK_FAULT_TLS_OTHER;
    }
}

/* The chain is good no longer than its first certificate. */
static void note_end(struct dr_link_tls *tls, const X509 *certificate)
{
    struct tm end = {0};
    time_t end_s = ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1 ? timegm(&end) : 0;
    if (end_s > 0 && (tls->until_s == 0 || (uint64_t)end_s < tls->until_s)) {
        tls->until_s = (uint64_t)end_s;
    }
}

/* Is this certificate of the chain in its time? A pinned root (the last one) is not asked. */
static bool in_time(struct dr_link_tls *tls, X509_STORE_CTX *store)
{
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    int depth = X509_STORE_CTX_get_error_depth(store);
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    if (certificate == NULL || chain == NULL || depth == sk_X509_num(chain) - 1) {
        return true;
    }
    time_t floor_s = (time_t)tls->floor_s;
    time_t now_s = (time_t)tls->now_s;
    if (X509_cmp_time(X509_get0_notAfter(certificate), &floor_s) <= 0) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_HAS_EXPIRED);
        return false;
    }
    if (tls->now_s != 0 && X509_cmp_time(X509_get0_notBefore(certificate), &now_s) >= 0) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_NOT_YET_VALID);
        return false;
    }
    note_end(tls, certificate);
    return true;
}

static int check_certificate(int accepted, X509_STORE_CTX *store)
{
    const SSL_CTX *context = context_of(store);
    struct dr_link_tls *tls = context != NULL ? SSL_CTX_get_app_data(context) : NULL;
    if (tls == NULL) {
        return 0;
    }
    if (accepted != 0 && in_time(tls, store)) {
        return 1;
    }
    tls->fault = fault_of(X509_STORE_CTX_get_error(store));
    return 0;
}

/* A signature by the secure element, as ECDSA_SIG. A longer digest counts by its first 32 bytes,
 * which is what ECDSA over P-256 does with it. */
static ECDSA_SIG *anchor_sign(
    const unsigned char *digest, int digest_bytes, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
    (void)kinv;
    (void)r;
    uint8_t rs[DR_P256_SIGNATURE_BYTES];
    struct dr_link_tls *tls = EC_KEY_get_ex_data(key, 0);
    if (tls == NULL || digest_bytes < (int)DR_SHA256_BYTES ||
        dr_anchor_sign(tls->anchor, (enum dr_anchor_identity)tls->key, digest, rs) != DR_OK) {
        return NULL;
    }
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *sig_r = BN_bin2bn(rs, 32, NULL);
    BIGNUM *sig_s = BN_bin2bn(rs + 32, 32, NULL);
    if (signature == NULL || sig_r == NULL || sig_s == NULL ||
        ECDSA_SIG_set0(signature, sig_r, sig_s) != 1) {
        ECDSA_SIG_free(signature);
        BN_free(sig_r);
        BN_free(sig_s);
        return NULL;
    }
    return signature;
}

static int anchor_sign_der(
    int type, const unsigned char *digest, int digest_bytes, unsigned char *out,
    unsigned int *ret_bytes, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
    (void)type;
    ECDSA_SIG *signature = anchor_sign(digest, digest_bytes, kinv, r, key);
    if (signature == NULL) {
        return 0;
    }
    int size = i2d_ECDSA_SIG(signature, &out);
    ECDSA_SIG_free(signature);
    *ret_bytes = size > 0 ? (unsigned int)size : 0;
    return size > 0 ? 1 : 0;
}

/* An EVP_PKEY with the public key of our certificate, whose private half is in the element. */
static EVP_PKEY *make_key(struct dr_link_tls *tls, X509 *certificate, EC_KEY_METHOD *method)
{
    const EC_KEY *public_key = EVP_PKEY_get0_EC_KEY(X509_get0_pubkey(certificate));
    EC_KEY *key = public_key != NULL ? EC_KEY_dup(public_key) : NULL;
    EVP_PKEY *pkey = EVP_PKEY_new();
    if (key == NULL || pkey == NULL || EC_KEY_set_method(key, method) != 1 ||
        EC_KEY_set_ex_data(key, 0, tls) != 1 || EVP_PKEY_assign_EC_KEY(pkey, key) != 1) {
        EC_KEY_free(key);
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

static enum dr_status add_roots(SSL_CTX *context, const char *ca_pem)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    BIO *bio = BIO_new_mem_buf(ca_pem, -1);
    int count = 0;
    while (bio != NULL) { /* bound: the text ends */
        X509 *root = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (root == NULL) {
            break;
        }
        count += X509_STORE_add_cert(store, root) == 1;
        X509_free(root);
    }
    BIO_free(bio);
    ERR_clear_error(); /* the end of the text is reported as an error */
    return count > 0 ? DR_OK : DR_E_FORMAT;
}

/* Our certificate, its key, and whatever chain follows it. */
static enum dr_status add_identity(struct dr_link_tls *tls, SSL_CTX *context, const char *pem)
{
    enum dr_status status = DR_E_CRYPTO;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = certificate != NULL ? make_key(tls, certificate, tls->method) : NULL;
    if (certificate == NULL) {
        status = DR_E_FORMAT;
    } else if (
        key != NULL && SSL_CTX_use_certificate(context, certificate) == 1 &&
        SSL_CTX_use_PrivateKey(context, key) == 1) {
        status = DR_OK;
    }
    while (status == DR_OK) { /* bound: the text ends */
        X509 *issuer = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (issuer == NULL) {
            break;
        }
        if (SSL_CTX_add_extra_chain_cert(context, issuer) != 1) {
            X509_free(issuer);
            status = DR_E_CRYPTO;
        }
    }
    EVP_PKEY_free(key);
    X509_free(certificate);
    BIO_free(bio);
    ERR_clear_error();
    return status;
}

static enum dr_status set_rules(struct dr_link_tls *tls, SSL_CTX *context)
{
    X509_VERIFY_PARAM *rules = SSL_CTX_get0_param(context);
    struct in6_addr address;
    bool is_address = inet_pton(AF_INET, tls->host, &address) == 1 ||
                      inet_pton(AF_INET6, tls->host, &address) == 1;
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int named = is_address ? X509_VERIFY_PARAM_set1_ip_asc(rules, tls->host)
                           : X509_VERIFY_PARAM_set1_host(rules, tls->host, 0);
    /* Time is checked in check_certificate; a pinned intermediate is as good as a pinned root. */
    if (named != 1 ||
        X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN) !=
            1 ||
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
        return DR_E_CRYPTO;
    }
    SSL_CTX_set_app_data(context, tls);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, check_certificate);
    return DR_OK;
}

enum dr_status dr_link_tls_open(
    struct dr_link_tls *tls, const struct dr_link_identity *identity, struct dr_anchor *anchor)
{
    memset(tls, 0, sizeof(*tls));
    if (strlen(identity->host) >= sizeof(tls->host)) {
        return DR_E_SPACE;
    }
    memcpy(tls->host, identity->host, strlen(identity->host) + 1);
    tls->anchor = anchor;
    tls->key = identity->key;
    tls->floor_s = identity->floor_s;
    tls->now_s = identity->now_s;
    tls->method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    tls->context = context;
    enum dr_status status = tls->method != NULL && context != NULL ? DR_OK : DR_E_CRYPTO;
    if (status == DR_OK) {
        EC_KEY_METHOD_set_sign(tls->method, anchor_sign_der, NULL, anchor_sign);
        status = set_rules(tls, context);
    }
    if (status == DR_OK) {
        status = add_roots(context, identity->ca_pem);
    }
    if (status == DR_OK && identity->certificate_pem != NULL) {
        status = add_identity(tls, context, identity->certificate_pem);
    }
    if (status != DR_OK) {
        dr_link_tls_close(tls);
    }
    return status;
}

void dr_link_tls_close(struct dr_link_tls *tls)
{
    SSL_CTX_free(tls->context);
    EC_KEY_METHOD_free(tls->method);
    tls->context = NULL;
    tls->method = NULL;
}

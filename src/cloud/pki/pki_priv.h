/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Private to cloud/pki: what its files share about OpenSSL and files. */
#ifndef DR_CLOUD_PKI_PKI_PRIV_H
#define DR_CLOUD_PKI_PKI_PRIV_H

#include "cloud/pki/pki.h"

#include <openssl/types.h>
#include <stdbool.h>

struct dr_pki_authority {
    struct dr_pki_certificate certificate;
    X509 *x509;
    struct dr_pki_key *key;
};

/* Is it EC on the curve P-256? */
bool dr_pki_is_p256(const EVP_PKEY *pkey);

/* The OpenSSL object inside, borrowed. */
EVP_PKEY *dr_pki_key_pkey(const struct dr_pki_key *key);

/* PEM of any private or public key. */
DR_MUST_USE enum dr_status dr_pki_pkey_pem(EVP_PKEY *pkey, char *out, size_t capacity_bytes);
DR_MUST_USE enum dr_status dr_pki_public_pem(EVP_PKEY *pkey, char *out, size_t capacity_bytes);

/* What a memory BIO holds, as text with its NUL. DR_E_SPACE. */
DR_MUST_USE enum dr_status dr_pki_bio_text(BIO *bio, char *out, size_t capacity_bytes);

/* OpenSSL keeps errors per thread; they are reported as a status here and must not pile up. */
void dr_pki_drop_errors(void);

/* Parse one PEM certificate. NULL when it is none. */
X509 *dr_pki_x509_parse(const char *pem, size_t pem_len);

/* Fill the summary of a certificate. */
DR_MUST_USE enum dr_status dr_pki_describe(X509 *x509, struct dr_pki_certificate *ret_certificate);

/* What a certificate to be made says. */
struct dr_pki_template {
    const char *common_name;
    EVP_PKEY *public_key;
    const char *const *server_names; /* NULL unless it is a server's */
    size_t server_name_count;
    bool is_authority;
    const char *not_after; /* ASN.1 generalized time */
    int64_t not_before_s;
};

/* Build and sign. issuer NULL: self-signed with signer. */
DR_MUST_USE enum dr_status dr_pki_issue(
    const struct dr_pki_template *template, X509 *issuer, EVP_PKEY *signer, X509 **ret_x509);

/* Read a whole small file; secret demands that group and others have no access. */
DR_MUST_USE enum dr_status
dr_pki_read_file(const char *path, bool secret, char *out, size_t capacity_bytes, size_t *ret_len);

/* Make a new file, synced; DR_E_EXISTS when there is one. */
DR_MUST_USE enum dr_status
dr_pki_create_file(const char *path, const char *text, size_t text_len, unsigned mode);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Certificates of a Daruma cloud: its authorities, its servers, its devices.
 *
 * Two self-signed authorities with P-256 keys that know nothing of each other. The server CA signs
 * the broker's and the API's certificates; devices and tools trust it (ca.pem). The device CA signs
 * client certificates; the broker trusts it. So a device certificate is never accepted as a server,
 * and darumad needs only the device CA's key. Purposes are also limited by extended key usage.
 *
 * notBefore is 24 hours in the past: a device may know no better time than its build date. Device
 * certificates end in 2049; authorities and recovery certificates carry the date that RFC 5280
 * reserves for "no expiry" (9999-12-31). A certificate's id is the SHA-256 of its DER, in hex.
 * Revocation is the registry's and the gate's business: there is no CRL.
 *
 * Time is an argument. Randomness (serial numbers, keys) comes from OpenSSL.
 */
#ifndef DR_CLOUD_PKI_PKI_H
#define DR_CLOUD_PKI_PKI_H

#include "base/status.h"
#include "cloud/pki/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_PKI_PEM_BYTES 8192u   /* largest certificate or request in PEM, with its NUL */
#define DR_PKI_ID_TEXT_BYTES 65u /* 64 hex digits and NUL */
#define DR_PKI_NAME_MAX 64u      /* common name, X.520 upper bound */
#define DR_PKI_BACKDATE_S 86400  /* notBefore = now - this */
#define DR_PKI_SERVER_DAYS 825   /* life of a server certificate */
#define DR_PKI_RENEW_DAYS 90     /* `cloud up` renews a server certificate this long before */
#define DR_PKI_SERVER_NAMES_MAX 8u

struct dr_pki_certificate {
    char pem[DR_PKI_PEM_BYTES];
    size_t pem_len;
    uint8_t id[DR_SHA256_BYTES]; /* SHA-256 of the DER */
    char id_text[DR_PKI_ID_TEXT_BYTES];
    char common_name[DR_PKI_NAME_MAX + 1]; /* "" when the subject has none */
    int64_t not_before_s;
    int64_t not_after_s;
    bool self_signed; /* issuer equals subject and its own key verifies the signature */
};

/* A new key pair with its certificate, handed out once and kept nowhere. The caller wipes it. */
struct dr_pki_identity {
    struct dr_pki_certificate certificate;
    char private_pem[DR_PKI_PRIVATE_PEM_BYTES];
    char public_pem[1024];
};

enum dr_pki_key_kind {
    DR_PKI_EC_P256,
    DR_PKI_RSA_2048, /* what AWS hands out with CreateKeysAndCertificate */
};

enum dr_pki_purpose {
    DR_PKI_DEVICE,   /* client authentication, ends in 2049 */
    DR_PKI_RECOVERY, /* the same without expiry: must still work after ten years in a drawer */
    DR_PKI_SERVICE,  /* darumad's own client certificate at the broker */
};

struct dr_pki_authority; /* a CA: certificate and private key */

/* Make a CA with a new key. common_name <= 64 characters. */
DR_MUST_USE enum dr_status dr_pki_authority_create(
    const char *common_name, int64_t now_s, struct dr_pki_authority **ret_authority);

/* Load certificate and key and check that they belong together (DR_E_CORRUPT if not). Errors of
 * reading as in dr_pki_key_load. */
DR_MUST_USE enum dr_status dr_pki_authority_load(
    const char *certificate_path, const char *key_path, struct dr_pki_authority **ret_authority);

/* Write both files, the key with mode 0600; never over existing ones (DR_E_EXISTS). */
DR_MUST_USE enum dr_status dr_pki_authority_save(
    const struct dr_pki_authority *authority, const char *certificate_path, const char *key_path);

/* Its own certificate, borrowed while the authority lives. */
const struct dr_pki_certificate *
dr_pki_authority_certificate(const struct dr_pki_authority *authority);

void dr_pki_authority_free(struct dr_pki_authority *authority);

/* Sign a certificate signing request in PEM. The subject is common_name, not what the request asks
 * for; requested extensions are ignored.
 *
 * DR_E_FORMAT        not a CSR. DR_E_AUTH: its own signature does not fit its key.
 * DR_E_UNSUPPORTED   the key is neither EC P-256 nor RSA of 2048 to 4096 bits.
 */
DR_MUST_USE enum dr_status dr_pki_sign_request(
    const struct dr_pki_authority *authority, const char *csr_pem, size_t csr_len,
    const char *common_name, enum dr_pki_purpose purpose, int64_t now_s,
    struct dr_pki_certificate *ret_certificate);

/* A new key and its certificate in one go. */
DR_MUST_USE enum dr_status dr_pki_create_identity(
    const struct dr_pki_authority *authority, enum dr_pki_key_kind kind, const char *common_name,
    enum dr_pki_purpose purpose, int64_t now_s, struct dr_pki_identity *ret_identity);

/* A server's key and certificate. names: DNS names or IP addresses (both kinds recognised), the
 * first is also the common name. At most DR_PKI_SERVER_NAMES_MAX. */
DR_MUST_USE enum dr_status dr_pki_create_server(
    const struct dr_pki_authority *authority, const char *const *names, size_t name_count,
    int64_t now_s, struct dr_pki_identity *ret_identity);

/* A CSR for a key that the caller holds (tools and tests; a device makes its own). */
DR_MUST_USE enum dr_status dr_pki_make_request(
    const struct dr_pki_key *key, const char *common_name, char *out, size_t capacity_bytes);

/* Read one certificate in PEM. DR_E_FORMAT: not one certificate, or bytes beside it. */
DR_MUST_USE enum dr_status dr_pki_certificate_parse(
    const char *pem, size_t pem_len, struct dr_pki_certificate *ret_certificate);

/* Read one from a file. DR_E_NOT_FOUND, DR_E_IO, DR_E_FORMAT. */
DR_MUST_USE enum dr_status
dr_pki_certificate_load(const char *path, struct dr_pki_certificate *ret_certificate);

/* Was the certificate signed by this authority? DR_E_AUTH if not. */
DR_MUST_USE enum dr_status dr_pki_certificate_check(
    const struct dr_pki_authority *authority, const struct dr_pki_certificate *certificate);

/* The file name under which OpenSSL looks an issuer up in a capath directory: "5f3d1a2b.0". */
DR_MUST_USE enum dr_status dr_pki_certificate_hash_name(
    const struct dr_pki_certificate *certificate, char *out, size_t capacity_bytes);

/* Write text to a file, replacing it in one step (temporary file, sync, rename). mode e.g. 0600. */
DR_MUST_USE enum dr_status
dr_pki_write_file(const char *path, const char *text, size_t text_len, unsigned mode);

#endif

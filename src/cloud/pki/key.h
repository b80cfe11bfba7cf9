/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* EC P-256 private keys in PEM files: make, load, save, sign.
 *
 * Used for product keys (the command line tool and the signer), for CA keys and for TLS keys. A key
 * file is PKCS#8 PEM, mode 0600; one that others can read is refused when it is loaded. Private
 * bytes never leave this module except into such a file, and are never logged.
 */
#ifndef DR_CLOUD_PKI_KEY_H
#define DR_CLOUD_PKI_KEY_H

#include "base/status.h"
#include "crypto/crypto.h"

#include <stddef.h>
#include <stdint.h>

#define DR_PKI_SPKI_BYTES 91u          /* SubjectPublicKeyInfo of an uncompressed P-256 point */
#define DR_PKI_DER_SIGNATURE_MAX 72u   /* ASN.1 ECDSA-Sig-Value for P-256 */
#define DR_PKI_PUBLIC_PEM_BYTES 256u   /* a public key in PEM with its NUL */
#define DR_PKI_PRIVATE_PEM_BYTES 2048u /* PKCS#8 PEM of P-256 or RSA-2048 with its NUL */

struct dr_pki_key; /* opaque; owned by the caller, freed with dr_pki_key_free */

/* A new key from the system's random source. */
DR_MUST_USE enum dr_status dr_pki_key_generate(struct dr_pki_key **ret_key);

/* Load a PEM private key (PKCS#8 or SEC 1, unencrypted).
 *
 * DR_E_NOT_FOUND    no such file. DR_E_IO: it cannot be read.
 * DR_E_DENIED       group or others may read or write the file.
 * DR_E_FORMAT       not a private key in PEM. DR_E_UNSUPPORTED: not EC on P-256.
 */
DR_MUST_USE enum dr_status dr_pki_key_load(const char *path, struct dr_pki_key **ret_key);

/* The same from memory; no check of permissions. */
DR_MUST_USE enum dr_status
dr_pki_key_parse(const char *pem, size_t pem_len, struct dr_pki_key **ret_key);

/* Write a new file, mode 0600, synced, never over an existing one (DR_E_EXISTS). */
DR_MUST_USE enum dr_status dr_pki_key_save(const struct dr_pki_key *key, const char *path);

/* PKCS#8 PEM with its NUL. The caller wipes out when done. DR_E_SPACE. */
DR_MUST_USE enum dr_status
dr_pki_key_private_pem(const struct dr_pki_key *key, char *out, size_t capacity_bytes);

/* Sign a SHA-256 digest: r || s, or the DER form that MCUboot's TLV and X.509 use. */
DR_MUST_USE enum dr_status dr_pki_key_sign(
    const struct dr_pki_key *key, const uint8_t digest[DR_SHA256_BYTES],
    uint8_t ret_signature[DR_P256_SIGNATURE_BYTES]);
DR_MUST_USE enum dr_status dr_pki_key_sign_der(
    const struct dr_pki_key *key, const uint8_t digest[DR_SHA256_BYTES],
    uint8_t ret_signature[DR_PKI_DER_SIGNATURE_MAX], size_t *ret_size_bytes);

/* x || y, big-endian. */
DR_MUST_USE enum dr_status
dr_pki_key_public(const struct dr_pki_key *key, uint8_t ret_public[DR_P256_PUBLIC_BYTES]);

/* SubjectPublicKeyInfo in DER: what PUBKEY TLVs hold and what KEYHASH is the SHA-256 of. */
DR_MUST_USE enum dr_status
dr_pki_key_spki(const struct dr_pki_key *key, uint8_t ret_spki[DR_PKI_SPKI_BYTES]);

/* SHA-256 of the SubjectPublicKeyInfo. */
DR_MUST_USE enum dr_status
dr_pki_key_hash(const struct dr_pki_key *key, uint8_t ret_hash[DR_SHA256_BYTES]);

DR_MUST_USE enum dr_status
dr_pki_key_public_pem(const struct dr_pki_key *key, char *out, size_t capacity_bytes);

/* Read a public key from PEM text ("BEGIN PUBLIC KEY", or a private key, whose public half is
 * taken). DR_E_FORMAT, DR_E_UNSUPPORTED as above. */
DR_MUST_USE enum dr_status
dr_pki_public_parse(const char *pem, size_t pem_len, uint8_t ret_public[DR_P256_PUBLIC_BYTES]);

/* NULL is fine. */
void dr_pki_key_free(struct dr_pki_key *key);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Who this device is and where its cloud lives, as kept in the vault.
 *
 * Frozen format ("sys/v1"): a factory image of ten years ago must find its way with what a newer
 * firmware wrote. Files, all of class SYS_V1 unless noted, contents without a final NUL:
 *
 *   v1/endpoint     u8 1 | u16 port | u8 length, thing name | u8 length, host; little-endian
 *   v1/ca           one or more root certificates, PEM
 *   v1/certificate  of the recovery identity, with its chain, PEM; does not expire
 *   certificate     class SYS: of the normal identity, with its chain, PEM
 *   v1/agent        device/agent/record.h: job, outcome, waits, notes
 *   clock           class SYS: u64 seconds, the latest authenticated time
 *   bundle/key      class SYS: opens what a job brings beside its image (format/enclosed.h)
 *   link/network    class LINK: the network to join: name, zero, password
 */
#ifndef DR_DEVICE_CLIENT_IDENTITY_H
#define DR_DEVICE_CLIENT_IDENTITY_H

#include "base/status.h"
#include "crypto/crypto.h"
#include "device/anchor/anchor.h"
#include "device/vault/vault.h"
#include "format/topic.h"

#include <stddef.h>
#include <stdint.h>

#define DR_HOST_NAME_LEN_MAX 253u
#define DR_PEM_BYTES_MAX (DR_VAULT_DATA_BYTES_MAX + 1u) /* with a final NUL */

struct dr_endpoint {
    uint16_t port;
    char thing[DR_THING_NAME_LEN_MAX + 1u];
    char host[DR_HOST_NAME_LEN_MAX + 1u];
};

/* Everything a device is told at manufacture. Texts are borrowed, not NUL-terminated. */
struct dr_identity_text {
    const char *text;
    size_t len;
};

struct dr_identity_bundle {
    struct dr_endpoint endpoint;
    struct dr_identity_text ca;
    struct dr_identity_text normal_certificate;
    struct dr_identity_text recovery_certificate;
    struct dr_identity_text bundle_key; /* 32 bytes, or none */
    struct dr_identity_text network;    /* name, zero, password; or none */
};

/* Write it all, each file read back. Safe to repeat after a cut. DR_E_SPACE: a text is longer than
 * a vault file. */
DR_MUST_USE enum dr_status
dr_identity_store(struct dr_vault *vault, const struct dr_identity_bundle *bundle);

extern const struct dr_vault_file dr_identity_bundle_key_file;
extern const struct dr_vault_file dr_identity_network_file;

/* DR_E_NOT_FOUND: not provisioned. DR_E_FORMAT. */
DR_MUST_USE enum dr_status
dr_identity_endpoint(struct dr_vault *vault, struct dr_endpoint *ret_endpoint);

/* Roots and our certificate (the recovery one when recovery is set), NUL-terminated. Both hold
 * DR_PEM_BYTES_MAX. */
DR_MUST_USE enum dr_status dr_identity_certificates(
    struct dr_vault *vault, bool recovery, char *ret_ca_pem, char *ret_certificate_pem);

/* Who holds the identity keys: a secure element, a vendor's crypto part, or a file of the vault on
 * a board that has nothing better. Whoever is behind it never gives a key out. */
struct dr_identity_signer {
    void *context;
    enum dr_status (*public_key)(
        void *context, enum dr_anchor_identity identity,
        uint8_t ret_public_key[DR_P256_PUBLIC_BYTES]);
    /* ECDSA over a SHA-256 digest, r || s. */
    enum dr_status (*sign)(
        void *context, enum dr_anchor_identity identity, const uint8_t digest[DR_SHA256_BYTES],
        uint8_t ret_signature[DR_P256_SIGNATURE_BYTES]);
};

/* The anchor as the holder; anchor is kept. */
void dr_identity_signer_anchor(struct dr_anchor *anchor, struct dr_identity_signer *ret_signer);

/* A PKCS#10 request for an identity key, signed by its holder, as PEM with a final NUL. */
#define DR_CSR_PEM_BYTES_MAX 640u
DR_MUST_USE enum dr_status dr_identity_csr(
    const struct dr_identity_signer *signer, const struct dr_crypto *crypto,
    enum dr_anchor_identity identity, const char *common_name, char ret_pem[DR_CSR_PEM_BYTES_MAX]);

#endif

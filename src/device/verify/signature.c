/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/verify/verify.h"

#include "base/secret.h"
#include "format/der.h"

#include <string.h>

/* Does a signature name this trust anchor, by hash or in full? */
static bool names_key(
    const struct dr_crypto *crypto, const struct dr_image_signature *signature,
    const uint8_t key[DR_P256_PUBLIC_BYTES])
{
    uint8_t spki[DR_DER_SPKI_BYTES];
    uint8_t hash[DR_SHA256_BYTES];
    dr_der_spki_encode(key, spki);
    if (!signature->key_is_hash) {
        return signature->key_size_bytes == sizeof(spki) &&
               dr_equal_ct(signature->key, spki, sizeof(spki));
    }
    dr_sha256_once(crypto, spki, sizeof(spki), hash);
    return signature->key_size_bytes == sizeof(hash) &&
           dr_equal_ct(signature->key, hash, sizeof(hash));
}

static bool fits(
    const struct dr_crypto *crypto, const struct dr_image_signature *signature,
    const uint8_t key[DR_P256_PUBLIC_BYTES], const uint8_t digest[DR_SHA256_BYTES])
{
    uint8_t rs[DR_P256_SIGNATURE_BYTES];
    volatile enum dr_status status = DR_E_AUTH;
    if (dr_der_signature_decode(signature->der, signature->der_size_bytes, rs) != DR_OK) {
        return false;
    }
    status = DR_CRYPTO(crypto)->p256_verify(key, digest, rs);
    return status == DR_OK && status == DR_OK; /* volatile: read twice */
}

bool dr_verdict_is_accept(const volatile enum dr_verdict *verdict)
{
    if (*verdict != DR_VERDICT_ACCEPT) {
        return false;
    }
    return ((uint32_t)*verdict ^ (uint32_t)DR_VERDICT_REJECT) == 0x7fffffffu;
}

enum dr_verdict dr_verify_signatures(
    const struct dr_crypto *crypto, const struct dr_trust *trust, struct dr_image_info *info,
    enum dr_reason *ret_reason)
{
    volatile enum dr_verdict verdict = DR_VERDICT_REJECT;
    enum dr_reason reason = info->signature_count > 0 ? DR_REASON_KEY : DR_REASON_UNSIGNED;
    uint32_t signed_by = 0;
    for (uint32_t i = 0; i < info->signature_count && i < DR_IMAGE_SIGNATURES_MAX; i++) {
        for (uint32_t k = 0; k < trust->key_count && k < DR_TRUST_KEYS_MAX; k++) {
            const struct dr_image_signature *signature = &info->signatures[i];
            if (!names_key(crypto, signature, trust->keys[k])) {
                continue;
            }
            if (k < trust->revoked) {
                reason = reason == DR_REASON_KEY ? DR_REASON_KEY_REVOKED : reason;
            } else if (fits(crypto, signature, trust->keys[k], info->digest)) {
                signed_by |= 1u << k;
                verdict = DR_VERDICT_ACCEPT;
            } else {
                reason = DR_REASON_SIGNATURE;
            }
        }
    }
    info->signed_by = signed_by;
    if (!dr_verdict_is_accept(&verdict) || signed_by == 0) {
        *ret_reason = reason;
        return DR_VERDICT_REJECT;
    }
    *ret_reason = DR_REASON_NONE;
    return DR_VERDICT_ACCEPT;
}

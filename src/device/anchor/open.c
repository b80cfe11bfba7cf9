/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/secret.h"
#include "device/anchor/anchor.h"

enum dr_status dr_anchor_open(
    struct dr_anchor *anchor, const struct dr_crypto *crypto, const struct dr_anchor_port *port,
    const uint8_t *key, const uint8_t secret[DR_SHA256_BYTES], uint8_t ret_seed[DR_SHA256_BYTES])
{
    uint8_t seed[DR_SHA256_BYTES] = {0}; /* of one nonce, with which nothing is authenticated */
    uint8_t random[DR_SHA256_BYTES];
    dr_anchor_init(anchor, crypto, port, DR_ANCHOR_KEY_NONE, NULL, seed);
    DR_TRY(dr_anchor_entropy(anchor, random, sizeof random));
    const struct dr_bytes mixer = {secret, DR_SHA256_BYTES};
    const struct dr_bytes part = {random, sizeof random};
    dr_hmac_sha256(crypto, mixer, &part, 1, ret_seed);
    dr_anchor_init(
        anchor, crypto, port, key != NULL ? DR_ANCHOR_KEY_FW : DR_ANCHOR_KEY_NONE, key, ret_seed);
    dr_wipe(random, sizeof random);
    return DR_OK;
}

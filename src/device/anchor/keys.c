/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/anchor/keys.h"

#include <string.h>

static struct dr_bytes label_bytes(const char *label)
{
    struct dr_bytes bytes = {.data = (const uint8_t *)label, .size_bytes = strlen(label)};
    return bytes;
}

void dr_key_derive(
    const struct dr_crypto *crypto, const uint8_t secret[DR_DEVICE_SECRET_BYTES], const char *label,
    uint8_t key[DR_SHA256_BYTES])
{
    struct dr_bytes info = label_bytes(label);
    struct dr_bytes from = {.data = secret, .size_bytes = DR_DEVICE_SECRET_BYTES};
    dr_hkdf_sha256(crypto, from, &info, 1, key);
}

void dr_key_derive_epoch(
    const struct dr_crypto *crypto, const uint8_t secret[DR_DEVICE_SECRET_BYTES], const char *label,
    uint32_t epoch, uint8_t key[DR_SHA256_BYTES])
{
    const uint8_t context[4] = {
        (uint8_t)epoch, (uint8_t)(epoch >> 8), (uint8_t)(epoch >> 16), (uint8_t)(epoch >> 24)};
    struct dr_bytes info[2] = {label_bytes(label), {.data = context, .size_bytes = sizeof context}};
    struct dr_bytes from = {.data = secret, .size_bytes = DR_DEVICE_SECRET_BYTES};
    dr_hkdf_sha256(crypto, from, info, 2, key);
}

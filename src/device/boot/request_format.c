/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/request_format_priv.h"

#include "base/check.h"
#include "device/anchor/keys.h"
#include "device/boot/record_priv.h"

#include <string.h>

#define MAGIC 0x31515244u /* "DRQ1" */

/* The body is the request as it stands: bytes only, so it looks the same everywhere. */
DR_STATIC_ASSERT(sizeof(struct dr_request) == 5u + 2u * DR_IMAGE_DIGEST_BYTES, "bytes only");
DR_STATIC_ASSERT(
    DR_RECORD_HEADER_BYTES + sizeof(struct dr_request) + DR_RECORD_TAIL_BYTES <= DR_REQUEST_BYTES,
    "a request fits its place");

enum dr_request_place dr_request_parse(
    const uint8_t record[DR_REQUEST_BYTES], uint8_t erased_value, uint32_t sequence,
    struct dr_request *ret_request)
{
    if (dr_record_blank(record, DR_REQUEST_BYTES, erased_value)) {
        return DR_REQUEST_BLANK;
    }
    memcpy(ret_request, record + DR_RECORD_HEADER_BYTES, sizeof *ret_request);
    return sequence != 0 && dr_record_sequence(MAGIC, record, DR_REQUEST_BYTES) == sequence
               ? DR_REQUEST_WHOLE
               : DR_REQUEST_SPOILT;
}

bool dr_request_genuine(
    const struct dr_crypto *crypto, const uint8_t key[DR_BOOT_KEY_BYTES],
    const uint8_t record[DR_REQUEST_BYTES])
{
    return dr_record_genuine(crypto, key, record, DR_REQUEST_BYTES);
}

void dr_request_build(
    const struct dr_crypto *crypto, const uint8_t key[DR_BOOT_KEY_BYTES], uint32_t sequence,
    const struct dr_request *request, uint8_t record[DR_REQUEST_BYTES])
{
    memset(record, 0, DR_REQUEST_BYTES);
    memcpy(record + DR_RECORD_HEADER_BYTES, request, sizeof *request);
    dr_record_finish(crypto, key, MAGIC, sequence, record, DR_REQUEST_BYTES);
}

void dr_request_key(
    const struct dr_crypto *crypto, const uint8_t boot_mac[DR_BOOT_KEY_BYTES], uint32_t sequence,
    uint8_t slot, const uint8_t digest[DR_IMAGE_DIGEST_BYTES], uint8_t mode,
    uint8_t key[DR_BOOT_KEY_BYTES])
{
    static const char label[] = DR_LABEL_REQUEST;
    const uint8_t context[] = {
        (uint8_t)sequence,
        (uint8_t)(sequence >> 8),
        (uint8_t)(sequence >> 16),
        (uint8_t)(sequence >> 24),
        slot,
        mode};
    struct dr_bytes secret = {boot_mac, DR_BOOT_KEY_BYTES};
    const struct dr_bytes info[] = {
        {(const uint8_t *)label, sizeof label - 1u},
        {context, sizeof context},
        {digest, DR_IMAGE_DIGEST_BYTES},
    };
    dr_hkdf_sha256(crypto, secret, info, sizeof info / sizeof info[0], key);
}

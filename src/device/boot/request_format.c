/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/request_format_priv.h"

#include "base/crc32.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "device/anchor/keys.h"

#include <string.h>

/* magic u32 | sequence u32 | kind, reason, target, slot, mode u8, zero 3 | issuer 32 | digest 32 |
 * HMAC 32 | zero 12 | CRC u32 */
#define MAGIC 0x51525244u /* "DRRQ" */
#define MAC_OFFSET 80u
#define CRC_OFFSET (DR_REQUEST_BYTES - 4u)

static void record_mac(
    const struct dr_crypto *crypto, const uint8_t key[DR_BOOT_KEY_BYTES], const uint8_t *record,
    uint8_t mac[DR_SHA256_BYTES])
{
    struct dr_bytes secret = {key, DR_BOOT_KEY_BYTES};
    struct dr_bytes part = {record, MAC_OFFSET};
    dr_hmac_sha256(crypto, secret, &part, 1, mac);
}

enum dr_request_place dr_request_parse(
    const uint8_t record[DR_REQUEST_BYTES], uint8_t erased_value, uint32_t sequence,
    struct dr_request *ret_request)
{
    size_t blank = 0;
    while (blank < DR_REQUEST_BYTES && record[blank] == erased_value) {
        blank++;
    }
    if (blank == DR_REQUEST_BYTES) {
        return DR_REQUEST_BLANK;
    }
    struct dr_reader reader;
    dr_reader_init(&reader, record + CRC_OFFSET, 4);
    if (dr_read_u32(&reader) != dr_crc32(0, record, CRC_OFFSET)) {
        return DR_REQUEST_SPOILT;
    }
    dr_reader_init(&reader, record, MAC_OFFSET);
    if (dr_read_u32(&reader) != MAGIC || dr_read_u32(&reader) != sequence) {
        return DR_REQUEST_SPOILT;
    }
    ret_request->kind = dr_read_u8(&reader);
    ret_request->reason = dr_read_u8(&reader);
    ret_request->target = dr_read_u8(&reader);
    ret_request->slot = dr_read_u8(&reader);
    ret_request->mode = dr_read_u8(&reader);
    DR_IGNORE(dr_reader_view(&reader, 3) == NULL); /* the sizes are constants */
    dr_read_bytes(&reader, ret_request->issuer, DR_IMAGE_DIGEST_BYTES);
    dr_read_bytes(&reader, ret_request->digest, DR_IMAGE_DIGEST_BYTES);
    return DR_REQUEST_WHOLE;
}

bool dr_request_genuine(
    const struct dr_crypto *crypto, const uint8_t key[DR_BOOT_KEY_BYTES],
    const uint8_t record[DR_REQUEST_BYTES])
{
    uint8_t mac[DR_SHA256_BYTES];
    record_mac(crypto, key, record, mac);
    return dr_equal_ct(mac, record + MAC_OFFSET, sizeof mac);
}

void dr_request_build(
    const struct dr_crypto *crypto, const uint8_t key[DR_BOOT_KEY_BYTES], uint32_t sequence,
    const struct dr_request *request, uint8_t record[DR_REQUEST_BYTES])
{
    struct dr_writer writer;
    memset(record, 0, DR_REQUEST_BYTES);
    dr_writer_init(&writer, record, MAC_OFFSET);
    dr_write_u32(&writer, MAGIC);
    dr_write_u32(&writer, sequence);
    dr_write_u8(&writer, request->kind);
    dr_write_u8(&writer, request->reason);
    dr_write_u8(&writer, request->target);
    dr_write_u8(&writer, request->slot);
    dr_write_u8(&writer, request->mode);
    dr_write_fill(&writer, 0, 3);
    dr_write_bytes(&writer, request->issuer, DR_IMAGE_DIGEST_BYTES);
    dr_write_bytes(&writer, request->digest, DR_IMAGE_DIGEST_BYTES);
    record_mac(crypto, key, record, record + MAC_OFFSET);
    dr_writer_init(&writer, record + CRC_OFFSET, 4);
    dr_write_u32(&writer, dr_crc32(0, record, CRC_OFFSET));
}

void dr_request_key(
    const struct dr_crypto *crypto, const uint8_t boot_mac[DR_BOOT_KEY_BYTES], uint32_t sequence,
    uint8_t slot, const uint8_t digest[DR_IMAGE_DIGEST_BYTES], uint8_t mode,
    uint8_t key[DR_BOOT_KEY_BYTES])
{
    static const char label[] = DR_LABEL_REQUEST;
    uint8_t context[6];
    struct dr_writer writer;
    dr_writer_init(&writer, context, sizeof context);
    dr_write_u32(&writer, sequence);
    dr_write_u8(&writer, slot);
    dr_write_u8(&writer, mode);
    struct dr_bytes secret = {boot_mac, DR_BOOT_KEY_BYTES};
    const struct dr_bytes info[] = {
        {(const uint8_t *)label, sizeof label - 1u},
        {context, sizeof context},
        {digest, DR_IMAGE_DIGEST_BYTES},
    };
    dr_hkdf_sha256(crypto, secret, info, sizeof info / sizeof info[0], key);
}

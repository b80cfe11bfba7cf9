/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/record_priv.h"

#include "base/crc32.h"
#include "base/cursor.h"
#include "base/secret.h"

static void record_mac(
    const struct dr_crypto *crypto, const uint8_t *key, const uint8_t *record, size_t size_bytes,
    uint8_t mac[DR_SHA256_BYTES])
{
    struct dr_bytes secret = {key, DR_SHA256_BYTES};
    struct dr_bytes part = {record, size_bytes - DR_RECORD_TAIL_BYTES};
    dr_hmac_sha256(crypto, secret, &part, 1, mac);
}

void dr_record_finish(
    const struct dr_crypto *crypto, const uint8_t *key, uint32_t magic, uint32_t sequence,
    uint8_t *record, size_t size_bytes)
{
    struct dr_writer writer;
    dr_writer_init(&writer, record, size_bytes);
    dr_write_u32(&writer, magic);
    dr_write_u32(&writer, sequence);
    record_mac(crypto, key, record, size_bytes, record + size_bytes - DR_RECORD_TAIL_BYTES);
    writer.size_bytes = size_bytes - 4u;
    dr_write_u32(&writer, dr_crc32(0, record, writer.size_bytes));
}

uint32_t dr_record_sequence(uint32_t magic, const uint8_t *record, size_t size_bytes)
{
    struct dr_reader reader;
    dr_reader_init(&reader, record, size_bytes);
    bool ours = dr_read_u32(&reader) == magic;
    uint32_t sequence = dr_read_u32(&reader);
    reader.offset_bytes = size_bytes - 4u;
    bool whole = dr_read_u32(&reader) == dr_crc32(0, record, size_bytes - 4u);
    return ours && whole ? sequence : 0;
}

bool dr_record_genuine(
    const struct dr_crypto *crypto, const uint8_t *key, const uint8_t *record, size_t size_bytes)
{
    uint8_t mac[DR_SHA256_BYTES];
    record_mac(crypto, key, record, size_bytes, mac);
    return dr_equal_ct(mac, record + size_bytes - DR_RECORD_TAIL_BYTES, sizeof mac);
}

DR_APART bool dr_record_blank(const uint8_t *record, size_t size_bytes, uint8_t erased_value)
{
    size_t i = 0;
    while (i < size_bytes && record[i] == erased_value) {
        i++;
    }
    return i == size_bytes;
}

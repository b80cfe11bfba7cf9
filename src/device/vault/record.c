/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/vault/record_priv.h"

#include "base/check.h"
#include "base/crc32.h"
#include "base/cursor.h"
#include "base/secret.h"

#include <string.h>

#define RECORD_MAGIC 0x31565244u /* "DRV1" */
#define AT_SEQUENCE 40u
#define AT_RANDOM 60u
#define AT_BODY_CRC 120u
#define AT_HEADER_CRC 124u
#define LABEL "daruma vault record v1"

enum dr_status dr_vault_name_pad(const char *name, uint8_t padded[DR_VAULT_NAME_BYTES_MAX])
{
    memset(padded, 0, DR_VAULT_NAME_BYTES_MAX);
    for (size_t i = 0; i < DR_VAULT_NAME_BYTES_MAX; i++) {
        if (name[i] == '\0') {
            return i > 0 ? DR_OK : DR_E_ARGUMENT;
        }
        padded[i] = (uint8_t)name[i];
    }
    return name[DR_VAULT_NAME_BYTES_MAX] == '\0' ? DR_OK : DR_E_ARGUMENT;
}

uint32_t
dr_vault_id(uint8_t file_class, uint8_t flags, const uint8_t padded[DR_VAULT_NAME_BYTES_MAX])
{
    const uint8_t kind = (flags & DR_VAULT_FLAG_BUNDLE) != 0 ? file_class | 0x80u : file_class;
    uint32_t id = dr_crc32(dr_crc32(0, &kind, 1), padded, DR_VAULT_NAME_BYTES_MAX);
    return id != 0 ? id : 1;
}

uint32_t dr_vault_record_bytes(uint32_t size_bytes)
{
    uint32_t body = size_bytes + DR_GCM_TAG_BYTES + DR_VAULT_ALIGN_BYTES - 1u;
    return DR_VAULT_HEADER_BYTES + body / DR_VAULT_ALIGN_BYTES * DR_VAULT_ALIGN_BYTES;
}

static uint8_t name_length(const uint8_t padded[DR_VAULT_NAME_BYTES_MAX])
{
    uint8_t length = 0;
    while (length < DR_VAULT_NAME_BYTES_MAX && padded[length] != 0) {
        length++;
    }
    return length;
}

void dr_vault_header_encode(
    const struct dr_vault_record *record, const uint8_t padded[DR_VAULT_NAME_BYTES_MAX],
    const uint8_t random[DR_VAULT_RANDOM_BYTES], uint8_t header[DR_VAULT_HEADER_BYTES])
{
    struct dr_writer writer;
    dr_writer_init(&writer, header, DR_VAULT_HEADER_BYTES);
    dr_write_u32(&writer, RECORD_MAGIC);
    dr_write_u8(&writer, record->file_class);
    dr_write_u8(&writer, record->flags);
    dr_write_u8(&writer, name_length(padded));
    dr_write_u8(&writer, 0);
    dr_write_bytes(&writer, padded, DR_VAULT_NAME_BYTES_MAX);
    dr_write_u32(&writer, record->sequence);
    dr_write_u32(&writer, record->epoch);
    dr_write_u32(&writer, record->size_bytes);
    dr_write_u32(&writer, record->generation);
    dr_write_u32(&writer, 0);
    dr_write_bytes(&writer, random, DR_VAULT_RANDOM_BYTES);
    if (record->image != NULL) {
        dr_write_bytes(&writer, record->image, DR_SHA256_BYTES);
    }
    dr_write_fill(&writer, 0, DR_VAULT_HEADER_BYTES - writer.size_bytes);
    DR_CHECK(writer.status == DR_OK);
}

bool dr_vault_header_decode(
    const uint8_t header[DR_VAULT_HEADER_BYTES], struct dr_vault_record *ret_record)
{
    struct dr_reader reader;
    dr_reader_init(&reader, header, DR_VAULT_HEADER_BYTES);
    bool valid = dr_read_u32(&reader) == RECORD_MAGIC;
    ret_record->file_class = dr_read_u8(&reader);
    ret_record->flags = dr_read_u8(&reader);
    (void)dr_read_u16(&reader);
    const uint8_t *name = dr_reader_view(&reader, DR_VAULT_NAME_BYTES_MAX);
    ret_record->sequence = dr_read_u32(&reader);
    ret_record->epoch = dr_read_u32(&reader);
    ret_record->size_bytes = dr_read_u32(&reader);
    ret_record->generation = dr_read_u32(&reader);
    (void)dr_reader_view(&reader, AT_BODY_CRC - AT_RANDOM + 4u);
    ret_record->body_crc = dr_read_u32(&reader);
    uint32_t crc = dr_read_u32(&reader);
    if (!valid || dr_reader_end(&reader) != DR_OK || crc != dr_crc32(0, header, AT_HEADER_CRC)) {
        return false;
    }
    bool bundle = (ret_record->flags & DR_VAULT_FLAG_BUNDLE) != 0;
    ret_record->image = bundle ? header + DR_VAULT_AT_IMAGE : NULL;
    ret_record->id = dr_vault_id(ret_record->file_class, ret_record->flags, name);
    return ret_record->size_bytes <= DR_VAULT_DATA_BYTES_MAX;
}

static void put_u32(uint8_t *at, uint32_t value)
{
    struct dr_writer writer;
    dr_writer_init(&writer, at, sizeof value);
    dr_write_u32(&writer, value);
}

static void record_key(
    const struct dr_vault *vault, const uint8_t header[DR_VAULT_HEADER_BYTES],
    uint8_t key[DR_SHA256_BYTES])
{
    const struct dr_vault_class_key *from = &vault->config.classes[header[4]];
    const struct dr_bytes info[] = {
        {(const uint8_t *)LABEL, sizeof LABEL - 1u},
        {header + DR_VAULT_AT_NAME, DR_VAULT_NAME_BYTES_MAX},
        {header + AT_SEQUENCE, sizeof(uint32_t)},
        {header + AT_RANDOM, DR_VAULT_RANDOM_BYTES},
    };
    const struct dr_bytes secret = {from->key, sizeof from->key};
    dr_hkdf_sha256(vault->config.crypto, secret, info, DR_ARRAY_COUNT(info), key);
}

static const uint8_t zero_nonce[DR_GCM_NONCE_BYTES];

enum dr_status dr_vault_seal(
    const struct dr_vault *vault, uint8_t *header, const uint8_t *data, uint32_t size_bytes)
{
    uint8_t key[DR_SHA256_BYTES];
    uint8_t *body = header + DR_VAULT_HEADER_BYTES;
    const struct dr_bytes aad = {header, AT_BODY_CRC};
    const uint32_t sealed_bytes = size_bytes + DR_GCM_TAG_BYTES;
    record_key(vault, header, key);
    enum dr_status status = vault->config.crypto->gcm_seal(
        key, zero_nonce, aad, data, size_bytes, body, body + size_bytes);
    dr_wipe(key, sizeof key);
    DR_TRY(status);
    memset(
        body + sealed_bytes, 0,
        dr_vault_record_bytes(size_bytes) - DR_VAULT_HEADER_BYTES - sealed_bytes);
    put_u32(header + AT_BODY_CRC, dr_crc32(0, body, sealed_bytes));
    put_u32(header + AT_HEADER_CRC, dr_crc32(0, header, AT_HEADER_CRC));
    return DR_OK;
}

enum dr_status dr_vault_unseal(
    const struct dr_vault *vault, const uint8_t header[DR_VAULT_HEADER_BYTES], uint8_t *body,
    uint32_t size_bytes, const uint8_t tag[DR_GCM_TAG_BYTES])
{
    uint8_t key[DR_SHA256_BYTES];
    const struct dr_bytes aad = {header, AT_BODY_CRC};
    record_key(vault, header, key);
    enum dr_status status =
        vault->config.crypto->gcm_open(key, zero_nonce, aad, body, size_bytes, tag, body);
    dr_wipe(key, sizeof key);
    return status;
}

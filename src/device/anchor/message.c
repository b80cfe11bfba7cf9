/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/check.h"
#include "base/secret.h"
#include "device/anchor/message_priv.h"

#define KEY_BYTES 32u

DR_STATIC_ASSERT(DR_ANCHOR_MAC_BYTES == DR_SHA256_BYTES, "a whole HMAC-SHA-256");

enum dr_status
dr_anchor_message_parse(const uint8_t *data, size_t size_bytes, struct dr_anchor_message *message)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data, size_bytes);
    uint8_t version = dr_read_u8(&reader);
    message->operation = dr_read_u8(&reader);
    uint8_t key_id = dr_read_u8(&reader);
    message->status = (int8_t)dr_read_u8(&reader);
    message->nonce = dr_reader_view(&reader, DR_ANCHOR_NONCE_BYTES);
    size_t mac_bytes = key_id == DR_ANCHOR_KEY_NONE ? 0 : DR_ANCHOR_MAC_BYTES;
    if (reader.status != DR_OK || version != DR_ANCHOR_WIRE_VERSION || key_id > DR_ANCHOR_KEY_FW ||
        dr_reader_left(&reader) < mac_bytes) {
        return DR_E_FORMAT;
    }
    message->key_id = (enum dr_anchor_key)key_id;
    message->body_bytes = dr_reader_left(&reader) - mac_bytes;
    message->body = dr_reader_view(&reader, message->body_bytes);
    return message->body_bytes <= DR_ANCHOR_BODY_BYTES_MAX ? DR_OK : DR_E_FORMAT;
}

static void mac_of(
    const struct dr_crypto *crypto, const uint8_t *key, const uint8_t *data, size_t size_bytes,
    uint8_t mac[DR_SHA256_BYTES])
{
    const struct dr_bytes key_bytes = {key, KEY_BYTES};
    const struct dr_bytes covered = {data, size_bytes};
    dr_hmac_sha256(crypto, key_bytes, &covered, 1, mac);
}

bool dr_anchor_message_genuine(
    const struct dr_crypto *crypto, const uint8_t *key, const uint8_t *data, size_t size_bytes)
{
    uint8_t mac[DR_SHA256_BYTES];
    DR_CHECK(size_bytes >= sizeof mac);
    mac_of(crypto, key, data, size_bytes - sizeof mac, mac);
    return dr_equal_ct(mac, data + size_bytes - sizeof mac, sizeof mac);
}

size_t dr_anchor_message_build(
    const struct dr_crypto *crypto, const uint8_t *key, const struct dr_anchor_message *message,
    uint8_t *out)
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_ANCHOR_MESSAGE_BYTES_MAX);
    dr_write_u8(&writer, DR_ANCHOR_WIRE_VERSION);
    dr_write_u8(&writer, message->operation);
    dr_write_u8(&writer, (uint8_t)message->key_id);
    dr_write_u8(&writer, (uint8_t)message->status);
    dr_write_bytes(&writer, message->nonce, DR_ANCHOR_NONCE_BYTES);
    dr_write_bytes(&writer, message->body, message->body_bytes);
    if (message->key_id != DR_ANCHOR_KEY_NONE) {
        uint8_t mac[DR_SHA256_BYTES];
        mac_of(crypto, key, out, writer.size_bytes, mac);
        dr_write_bytes(&writer, mac, sizeof mac);
    }
    DR_CHECK(writer.status == DR_OK);
    return writer.size_bytes;
}

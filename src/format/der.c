/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/der.h"

#include <string.h>

#define TAG_INTEGER 0x02u
#define TAG_SEQUENCE 0x30u

/* What stands before x || y in the SubjectPublicKeyInfo of every uncompressed P-256 key: the
 * algorithm id-ecPublicKey, the curve prime256v1, a bit string that begins with the byte 4. */
static const uint8_t spki_prefix[DR_DER_SPKI_BYTES - 64u] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
};

/* A positive INTEGER in its shortest form, to 32 bytes. Errors latch. */
static void read_integer(struct dr_reader *reader, uint8_t out[32])
{
    uint8_t tag = dr_read_u8(reader);
    size_t size_bytes = dr_read_u8(reader);
    const uint8_t *value = dr_reader_view(reader, size_bytes);
    if (value == NULL || tag != TAG_INTEGER || size_bytes == 0 || (value[0] & 0x80u) != 0) {
        dr_reader_fail(reader, DR_E_FORMAT);
        return;
    }
    if (value[0] == 0 && size_bytes > 1) {
        value++;
        size_bytes--;
        if ((value[0] & 0x80u) == 0) { /* the zero was not needed */
            dr_reader_fail(reader, DR_E_FORMAT);
            return;
        }
    }
    if (size_bytes > 32) {
        dr_reader_fail(reader, DR_E_FORMAT);
        return;
    }
    memset(out, 0, 32 - size_bytes);
    memcpy(out + 32 - size_bytes, value, size_bytes);
}

enum dr_status dr_der_signature_decode(const uint8_t *der, size_t size_bytes, uint8_t ret_rs[64])
{
    struct dr_reader reader;
    uint8_t rs[64];
    if (size_bytes > DR_DER_SIGNATURE_BYTES_MAX) {
        return DR_E_FORMAT;
    }
    dr_reader_init(&reader, der, size_bytes);
    uint8_t tag = dr_read_u8(&reader);
    size_t inner_bytes = dr_read_u8(&reader);
    size_t begin = reader.offset_bytes;
    read_integer(&reader, rs);
    read_integer(&reader, rs + 32);
    if (reader.status != DR_OK || tag != TAG_SEQUENCE ||
        reader.offset_bytes - begin != inner_bytes) {
        return DR_E_FORMAT;
    }
    for (size_t i = reader.offset_bytes; i < size_bytes; i++) {
        if (der[i] != 0) {
            return DR_E_FORMAT;
        }
    }
    memcpy(ret_rs, rs, sizeof(rs));
    return DR_OK;
}

enum dr_status
dr_der_spki_decode(const uint8_t *spki, size_t size_bytes, uint8_t ret_public_key[64])
{
    if (size_bytes != DR_DER_SPKI_BYTES || memcmp(spki, spki_prefix, sizeof(spki_prefix)) != 0) {
        return DR_E_FORMAT;
    }
    memcpy(ret_public_key, spki + sizeof(spki_prefix), 64);
    return DR_OK;
}

void dr_der_spki_encode(const uint8_t public_key[64], uint8_t ret_spki[DR_DER_SPKI_BYTES])
{
    memcpy(ret_spki, spki_prefix, sizeof(spki_prefix));
    memcpy(ret_spki + sizeof(spki_prefix), public_key, 64);
}

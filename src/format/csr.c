/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/csr.h"

#include "format/der.h"

#include <string.h>

#define TAG_INTEGER 0x02u
#define TAG_BIT_STRING 0x03u
#define TAG_OID 0x06u
#define TAG_UTF8_STRING 0x0cu
#define TAG_SEQUENCE 0x30u
#define TAG_SET 0x31u
#define TAG_ATTRIBUTES 0xa0u /* [0], constructed */

static const uint8_t oid_common_name[] = {TAG_OID, 3, 0x55, 0x04, 0x03};
/* AlgorithmIdentifier ecdsa-with-SHA256 */
static const uint8_t ecdsa_with_sha256[] = {
    TAG_SEQUENCE, 10, TAG_OID, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
};

/* Size of a tag, a length and size_bytes of data. */
static size_t sized(size_t size_bytes)
{
    return size_bytes + (size_bytes < 0x80u ? 2u : size_bytes < 0x100u ? 3u : 4u);
}

static enum dr_status finish(const struct dr_writer *writer, size_t *ret_size_bytes)
{
    if (writer->status == DR_OK) {
        *ret_size_bytes = writer->size_bytes;
    }
    return writer->status;
}

enum dr_status dr_csr_tbs(
    const char *common_name, const uint8_t public_key[64], uint8_t *out, size_t capacity_bytes,
    size_t *ret_size_bytes)
{
    struct dr_writer writer;
    uint8_t spki[DR_DER_SPKI_BYTES];
    size_t name_len = strlen(common_name);
    if (name_len == 0 || name_len > DR_CSR_NAME_LEN_MAX) {
        return DR_E_RANGE;
    }
    size_t attribute = sizeof(oid_common_name) + sized(name_len);
    size_t name = sized(sized(attribute));
    size_t version = 3;
    size_t attributes = 2;

    dr_writer_init(&writer, out, capacity_bytes);
    dr_der_write_head(&writer, TAG_SEQUENCE, version + sized(name) + sizeof(spki) + attributes);
    dr_der_write_head(&writer, TAG_INTEGER, 1);
    dr_write_u8(&writer, 0); /* version 1 */
    dr_der_write_head(&writer, TAG_SEQUENCE, name);
    dr_der_write_head(&writer, TAG_SET, sized(attribute));
    dr_der_write_head(&writer, TAG_SEQUENCE, attribute);
    dr_write_bytes(&writer, oid_common_name, sizeof(oid_common_name));
    dr_der_write_head(&writer, TAG_UTF8_STRING, name_len);
    dr_write_text(&writer, common_name);
    dr_der_spki_encode(public_key, spki);
    dr_write_bytes(&writer, spki, sizeof(spki));
    dr_der_write_head(&writer, TAG_ATTRIBUTES, 0);
    return finish(&writer, ret_size_bytes);
}

enum dr_status dr_csr_finish(
    const uint8_t *tbs, size_t tbs_size_bytes, const uint8_t signature_rs[64], uint8_t *out,
    size_t capacity_bytes, size_t *ret_size_bytes)
{
    struct dr_writer writer;
    struct dr_writer signature;
    uint8_t der[DR_DER_SIGNATURE_BYTES_MAX];
    dr_writer_init(&signature, der, sizeof(der));
    dr_der_signature_write(&signature, signature_rs);

    size_t bits = signature.size_bytes + 1; /* the first byte counts unused bits: none */
    dr_writer_init(&writer, out, capacity_bytes);
    dr_der_write_head(
        &writer, TAG_SEQUENCE, tbs_size_bytes + sizeof(ecdsa_with_sha256) + sized(bits));
    dr_write_bytes(&writer, tbs, tbs_size_bytes);
    dr_write_bytes(&writer, ecdsa_with_sha256, sizeof(ecdsa_with_sha256));
    dr_der_write_head(&writer, TAG_BIT_STRING, bits);
    dr_write_u8(&writer, 0);
    dr_write_bytes(&writer, der, signature.size_bytes);
    return finish(&writer, ret_size_bytes);
}

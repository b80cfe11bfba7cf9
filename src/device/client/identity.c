/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/client/identity.h"

#include "base/cursor.h"
#include "base/text.h"
#include "format/csr.h"

#include <string.h>

#define ENDPOINT_VERSION 1u
#define ENDPOINT_BYTES_MAX (5u + DR_THING_NAME_LEN_MAX + DR_HOST_NAME_LEN_MAX)

static const struct dr_vault_file endpoint_file = {DR_VAULT_SYS_V1, "v1/endpoint", false};
static const struct dr_vault_file ca_file = {DR_VAULT_SYS_V1, "v1/ca", false};
static const struct dr_vault_file recovery_file = {DR_VAULT_SYS_V1, "v1/certificate", false};
static const struct dr_vault_file normal_file = {DR_VAULT_SYS, "certificate", false};

const struct dr_vault_file dr_identity_bundle_key_file = {DR_VAULT_SYS, "bundle/key", false};
const struct dr_vault_file dr_identity_network_file = {DR_VAULT_LINK, "link/network", false};

static void put_text(struct dr_writer *out, const char *text)
{
    dr_write_u8(out, (uint8_t)strlen(text));
    dr_write_text(out, text);
}

static void get_text(struct dr_reader *in, char *text, size_t len_max)
{
    size_t len = dr_read_u8(in);
    if (len == 0 || len > len_max) {
        dr_reader_fail(in, DR_E_FORMAT);
        return;
    }
    dr_read_bytes(in, (uint8_t *)text, len);
    text[len] = '\0';
    if (strlen(text) != len) {
        dr_reader_fail(in, DR_E_FORMAT);
    }
}

static enum dr_status store_text(
    struct dr_vault *vault, const struct dr_vault_file *file, const struct dr_identity_text *text)
{
    if (text->len > DR_VAULT_DATA_BYTES_MAX) {
        return DR_E_SPACE;
    }
    return dr_vault_replace(vault, file, (const uint8_t *)text->text, (uint32_t)text->len);
}

enum dr_status dr_identity_store(struct dr_vault *vault, const struct dr_identity_bundle *bundle)
{
    uint8_t bytes[ENDPOINT_BYTES_MAX];
    struct dr_writer writer;
    dr_writer_init(&writer, bytes, sizeof(bytes));
    dr_write_u8(&writer, ENDPOINT_VERSION);
    dr_write_u16(&writer, bundle->endpoint.port);
    put_text(&writer, bundle->endpoint.thing);
    put_text(&writer, bundle->endpoint.host);
    DR_TRY(writer.status);
    DR_TRY(store_text(vault, &ca_file, &bundle->ca));
    DR_TRY(store_text(vault, &recovery_file, &bundle->recovery_certificate));
    DR_TRY(store_text(vault, &normal_file, &bundle->normal_certificate));
    if (bundle->bundle_key.len > 0) {
        DR_TRY(store_text(vault, &dr_identity_bundle_key_file, &bundle->bundle_key));
    }
    if (bundle->network.len > 0) {
        DR_TRY(store_text(vault, &dr_identity_network_file, &bundle->network));
    }
    /* Last: its presence says that the rest is there. */
    return dr_vault_replace(vault, &endpoint_file, bytes, (uint32_t)writer.size_bytes);
}

enum dr_status dr_identity_endpoint(struct dr_vault *vault, struct dr_endpoint *ret_endpoint)
{
    uint8_t bytes[ENDPOINT_BYTES_MAX];
    uint32_t size_bytes = 0;
    struct dr_reader reader;
    struct dr_endpoint endpoint = {0};
    DR_TRY(dr_vault_read(vault, &endpoint_file, bytes, sizeof(bytes), &size_bytes));
    dr_reader_init(&reader, bytes, size_bytes);
    if (dr_read_u8(&reader) != ENDPOINT_VERSION) {
        dr_reader_fail(&reader, DR_E_FORMAT);
    }
    endpoint.port = dr_read_u16(&reader);
    get_text(&reader, endpoint.thing, DR_THING_NAME_LEN_MAX);
    get_text(&reader, endpoint.host, DR_HOST_NAME_LEN_MAX);
    DR_TRY(dr_reader_end(&reader));
    if (!dr_thing_name_valid(endpoint.thing, strlen(endpoint.thing))) {
        return DR_E_FORMAT;
    }
    *ret_endpoint = endpoint;
    return DR_OK;
}

static enum dr_status read_text(struct dr_vault *vault, const struct dr_vault_file *file, char *out)
{
    uint32_t size_bytes = 0;
    DR_TRY(dr_vault_read(vault, file, (uint8_t *)out, DR_VAULT_DATA_BYTES_MAX, &size_bytes));
    out[size_bytes] = '\0';
    return DR_OK;
}

enum dr_status dr_identity_certificates(
    struct dr_vault *vault, bool recovery, char *ret_ca_pem, char *ret_certificate_pem)
{
    DR_TRY(read_text(vault, &ca_file, ret_ca_pem));
    return read_text(vault, recovery ? &recovery_file : &normal_file, ret_certificate_pem);
}

/* PEM lines are 64 characters: 48 bytes of DER. */
static enum dr_status armour(const uint8_t *der, size_t size_bytes, char out[DR_CSR_PEM_BYTES_MAX])
{
    struct dr_writer writer;
    dr_writer_init(&writer, (uint8_t *)out, DR_CSR_PEM_BYTES_MAX);
    dr_write_text(&writer, "-----BEGIN CERTIFICATE REQUEST-----\n");
    for (size_t i = 0; i < size_bytes; i += 48u) {
        char line[DR_BASE64_SIZE(48u)];
        size_t left = size_bytes - i;
        (void)dr_base64_encode(der + i, left < 48u ? left : 48u, line);
        dr_write_text(&writer, line);
        dr_write_text(&writer, "\n");
    }
    dr_write_text(&writer, "-----END CERTIFICATE REQUEST-----\n");
    dr_write_u8(&writer, 0);
    return writer.status;
}

static enum dr_status anchor_public_key(
    void *context, enum dr_anchor_identity identity, uint8_t ret_public_key[DR_P256_PUBLIC_BYTES])
{
    return dr_anchor_public_key(context, identity, ret_public_key);
}

static enum dr_status anchor_sign(
    void *context, enum dr_anchor_identity identity, const uint8_t digest[DR_SHA256_BYTES],
    uint8_t ret_signature[DR_P256_SIGNATURE_BYTES])
{
    return dr_anchor_sign(context, identity, digest, ret_signature);
}

void dr_identity_signer_anchor(struct dr_anchor *anchor, struct dr_identity_signer *ret_signer)
{
    *ret_signer = (struct dr_identity_signer){
        .context = anchor, .public_key = anchor_public_key, .sign = anchor_sign};
}

enum dr_status dr_identity_csr(
    const struct dr_identity_signer *signer, const struct dr_crypto *crypto,
    enum dr_anchor_identity identity, const char *common_name, char ret_pem[DR_CSR_PEM_BYTES_MAX])
{
    uint8_t public_key[DR_P256_PUBLIC_BYTES];
    uint8_t signature[DR_P256_SIGNATURE_BYTES];
    uint8_t digest[DR_SHA256_BYTES];
    uint8_t tbs[DR_CSR_TBS_BYTES_MAX];
    uint8_t der[DR_CSR_BYTES_MAX];
    size_t tbs_bytes = 0;
    size_t der_bytes = 0;
    DR_TRY(signer->public_key(signer->context, identity, public_key));
    DR_TRY(dr_csr_tbs(common_name, public_key, tbs, sizeof(tbs), &tbs_bytes));
    dr_sha256_once(crypto, tbs, tbs_bytes, digest);
    DR_TRY(signer->sign(signer->context, identity, digest, signature));
    DR_TRY(dr_csr_finish(tbs, tbs_bytes, signature, der, sizeof(der), &der_bytes));
    return armour(der, der_bytes, ret_pem);
}

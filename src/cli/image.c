/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/image.h"

#include "base/text.h"
#include "cloud/pki/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_BYTES_MAX 16384u

/* SHA-256 of the SubjectPublicKeyInfo of tests/data/golden-images/product-key.pub.pem. Everybody
 * has its private half. */
static const uint8_t test_key_hash[DR_SHA256_BYTES] = {
    0xef, 0x1d, 0x8d, 0xf1, 0xa4, 0x41, 0xd8, 0x72, 0x91, 0x96, 0x16, 0x38, 0xe7, 0xfc, 0x15, 0x1a,
    0x22, 0x1e, 0x2c, 0xed, 0xad, 0x93, 0x22, 0xb1, 0x4a, 0xe8, 0x69, 0xc8, 0xb0, 0xf8, 0xdb, 0x31,
};

bool dr_cli_test_key_refused(struct dr_cli *cli, const uint8_t key_hash[DR_SHA256_BYTES])
{
    const char *allowed = getenv("DARUMA_ALLOW_TEST_KEY");
    if (memcmp(key_hash, test_key_hash, sizeof(test_key_hash)) != 0 ||
        (allowed != NULL && strcmp(allowed, "1") == 0)) {
        return false;
    }
    (void)dr_cli_error(
        cli, "this is the published test key, which anyone can sign with; make your own with "
             "`daruma key new FILE`");
    return true;
}

int dr_cli_trust_read(struct dr_cli *cli, const char *path, struct dr_trust *ret_trust)
{
    size_t size_bytes = 0;
    struct dr_trust trust = {.key_count = 1};
    uint8_t *pem = dr_cli_read_file(cli, path, DR_CLI_IMAGE_BYTES_MAX, &size_bytes);
    if (pem == NULL) {
        return DR_EXIT_ERROR;
    }
    enum dr_status status = size_bytes > PEM_BYTES_MAX
                                ? DR_E_FORMAT
                                : dr_pki_public_parse((const char *)pem, size_bytes, trust.keys[0]);
    free(pem);
    if (status != DR_OK) {
        return dr_cli_error(
            cli, "%s holds no EC P-256 key in PEM; give the product's public key", path);
    }
    *ret_trust = trust;
    return 0;
}

struct dr_cli_image *
dr_cli_image_read(struct dr_cli *cli, const char *path, const struct dr_trust *trust)
{
    struct dr_cli_image *image = calloc(1, sizeof(*image));
    if (image == NULL) {
        (void)dr_cli_error(cli, "out of memory");
        return NULL;
    }
    image->data = dr_cli_read_file(cli, path, DR_CLI_IMAGE_BYTES_MAX, &image->size_bytes);
    if (image->data == NULL) {
        free(image);
        return NULL;
    }
    struct dr_bytes memory = {image->data, image->size_bytes};
    const struct dr_source source = {
        .context = &memory,
        .read = dr_source_read_memory,
        .size_bytes = (uint32_t)image->size_bytes,
    };
    image->verdict = dr_verify_image(
        &dr_crypto_openssl, &source, trust, &image->workspace, &image->info, &image->reason);
    return image;
}

void dr_cli_image_free(struct dr_cli_image *image)
{
    if (image != NULL) {
        free(image->data);
        free(image);
    }
}

void dr_cli_image_to_json(const struct dr_image_info *info, json_t *object)
{
    char version[DR_VERSION_TEXT_BYTES];
    char digest[DR_HEX_SIZE(DR_IMAGE_DIGEST_BYTES)];
    dr_version_text(&info->header.version, version);
    dr_hex_encode(info->digest, sizeof(info->digest), digest);
    json_object_set_new(object, "version", json_string(version));
    json_object_set_new(object, "digest", json_string(digest));
    json_object_set_new(object, "size", json_integer(info->size_bytes));
    json_object_set_new(object, "payloadSize", json_integer(info->header.payload_size_bytes));
    json_object_set_new(object, "headerSize", json_integer(info->header.header_size_bytes));
    json_object_set_new(object, "loadAddress", json_integer(info->header.load_address));
    json_object_set_new(object, "flags", json_integer(info->header.flags));
    json_object_set_new(object, "signatures", json_integer(info->signature_count));
    json_object_set_new(object, "counter", json_integer(info->security_counter));
    if (info->product_len > 0) {
        json_object_set_new(object, "product", json_string(info->product));
    }
    if (info->order.has_sequence) {
        json_object_set_new(object, "sequence", json_integer(info->order.sequence));
    }
    const struct dr_image_limits *limits = &info->limits;
    json_object_set_new(
        object, "limits",
        json_pack(
            "{s:i,s:i,s:i,s:i}", "hang", limits->hang_s, "health", limits->health_s, "soak",
            limits->soak_s, "seal", limits->seal_s));
    json_object_set_new(object, "minRom", json_integer(info->min_rom));
    json_object_set_new(object, "revocationTarget", json_integer(info->revocation_target));
}

void dr_cli_image_print(const struct dr_image_info *info)
{
    char version[DR_VERSION_TEXT_BYTES];
    char digest[DR_HEX_SIZE(DR_IMAGE_DIGEST_BYTES)];
    const struct dr_image_limits *limits = &info->limits;
    dr_version_text(&info->header.version, version);
    dr_hex_encode(info->digest, sizeof(info->digest), digest);
    printf("  version     %s\n", version);
    printf(
        "  product     %s\n",
        info->product_len > 0 ? info->product : "(none: no device takes it; sign with --product)");
    if (info->order.has_sequence) {
        printf("  sequence    %u\n", info->order.sequence);
    } else {
        printf("  sequence    (none: the version decides)\n");
    }
    printf(
        "  counter     %u%s\n", info->security_counter,
        info->has_security_counter ? "" : " (not stated)");
    printf("  digest      %s\n", digest);
    printf(
        "  size        %u = header %u + payload %u + TLVs %u\n", info->size_bytes,
        info->header.header_size_bytes, info->header.payload_size_bytes,
        info->size_bytes - dr_image_tlvs_offset(&info->header));
    printf(
        "  load        0x%08x%s\n", info->header.load_address,
        (info->header.flags & DR_IMAGE_FLAG_RAM_LOAD) != 0 ? " (to RAM)" : "");
    printf(
        "  limits      hang %u s, health %u s, soak %u s, seal %u s (0: the board's)\n",
        limits->hang_s, limits->health_s, limits->soak_s, limits->seal_s);
    if (info->min_rom != 0) {
        printf("  min ROM     %u\n", info->min_rom);
    }
    if (info->revocation_target != 0) {
        printf("  revokes     the first %u trust anchor\n", info->revocation_target);
    }
    printf("  signatures  %u\n", info->signature_count);
}

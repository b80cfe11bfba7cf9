/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The golden images (tests/data/golden-images) for tests: files, and the key that signed them. */
#ifndef DR_TESTS_UNIT_GOLDEN_H
#define DR_TESTS_UNIT_GOLDEN_H

#include "device/verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The public half of product-key.pem: x || y. */
static const uint8_t golden_key[DR_P256_PUBLIC_BYTES] = {
    0x6e, 0x4e, 0xd8, 0x5b, 0xfe, 0x3f, 0x95, 0x16, 0xf4, 0x50, 0xa8, 0xee, 0xdd, 0x76, 0x0c, 0x90,
    0x79, 0xd0, 0xda, 0xf1, 0x99, 0xd9, 0x10, 0x17, 0xae, 0x09, 0xbf, 0x29, 0xa3, 0x61, 0x38, 0x1c,
    0x46, 0x93, 0xfe, 0x10, 0x9c, 0x10, 0xbf, 0x10, 0x13, 0x70, 0x6d, 0x05, 0x49, 0xfa, 0xc8, 0xbd,
    0xdd, 0x33, 0x0e, 0xa6, 0xb8, 0x56, 0x18, 0x67, 0x7a, 0xd4, 0xa3, 0x0b, 0xfe, 0x9b, 0x33, 0x00,
};

/* A whole file in malloc'ed memory; a missing one ends the test program. */
static inline uint8_t *golden_read(const char *name, size_t *ret_size_bytes)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/tests/data/golden-images/%s", DR_SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "cannot open %s\n", path);
        exit(1);
    }
    uint8_t *data = malloc(1u << 20);
    *ret_size_bytes = data == NULL ? 0 : fread(data, 1, 1u << 20, file);
    fclose(file);
    return data;
}

static inline struct dr_trust golden_trust(void)
{
    struct dr_trust trust = {.key_count = 1};
    memcpy(trust.keys[0], golden_key, sizeof(golden_key));
    return trust;
}

static inline enum dr_verdict golden_verify(
    const struct dr_crypto *crypto, const uint8_t *data, size_t size_bytes,
    const struct dr_trust *trust, struct dr_image_info *ret_info, enum dr_reason *ret_reason)
{
    static struct dr_verify_workspace workspace;
    struct dr_bytes memory = {data, size_bytes};
    const struct dr_source source = {
        .context = &memory, .read = dr_source_read_memory, .size_bytes = (uint32_t)size_bytes};
    return dr_verify_image(crypto, &source, trust, &workspace, ret_info, ret_reason);
}

#endif

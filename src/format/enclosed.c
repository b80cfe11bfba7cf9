/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/enclosed.h"

#include "base/check.h"
#include "base/cursor.h"

#include <string.h>

bool dr_network_valid(const uint8_t *network, size_t size_bytes)
{
    const uint8_t *end = memchr(network, 0, size_bytes);
    if (end == NULL || end == network || (size_t)(end - network) > DR_NETWORK_NAME_LEN_MAX) {
        return false;
    }
    const size_t password_len = size_bytes - (size_t)(end - network) - 1u;
    return password_len <= DR_NETWORK_PASSWORD_LEN_MAX && memchr(end + 1, 0, password_len) == NULL;
}

size_t dr_enclosed_aad(
    const char *thing, const uint8_t digest[DR_IMAGE_DIGEST_BYTES],
    uint8_t out[DR_ENCLOSED_AAD_BYTES_MAX])
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_ENCLOSED_AAD_BYTES_MAX);
    dr_write_text(&writer, "daruma-bundle-1");
    dr_write_u8(&writer, 0);
    dr_write_text(&writer, thing);
    dr_write_u8(&writer, 0);
    dr_write_bytes(&writer, digest, DR_IMAGE_DIGEST_BYTES);
    DR_CHECK(writer.status == DR_OK);
    return writer.size_bytes;
}

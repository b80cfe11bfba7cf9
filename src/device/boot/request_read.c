/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* ROM side of the requests. */
#include "base/secret.h"
#include "device/boot/request_format_priv.h"

#include <string.h>

size_t dr_request_read(
    const struct dr_flash *flash, struct dr_flash_area area, const struct dr_crypto *crypto,
    const uint8_t boot_mac[DR_BOOT_KEY_BYTES], uint32_t sequence,
    struct dr_request ret_requests[DR_REQUESTS_MAX])
{
    size_t count = 0;
    uint8_t record[DR_REQUEST_BYTES];
    uint8_t key[DR_BOOT_KEY_BYTES];
    struct dr_request request;
    for (uint32_t at = 0; at + sizeof record <= area.size_bytes; at += DR_REQUEST_BYTES) {
        if (dr_flash_read(flash, area.address + at, record, sizeof record) != DR_OK ||
            dr_request_parse(record, DR_FLASH(flash)->geometry.erased_value, sequence, &request) !=
                DR_REQUEST_WHOLE) {
            continue;
        }
        dr_request_key(crypto, boot_mac, sequence, request.slot, request.issuer, request.mode, key);
        if (!dr_request_genuine(crypto, key, record)) {
            continue;
        }
        if (count == DR_REQUESTS_MAX) { /* the oldest makes room */
            memmove(ret_requests, ret_requests + 1, (count - 1u) * sizeof request);
            count--;
        }
        ret_requests[count++] = request;
    }
    dr_wipe(key, sizeof key);
    return count;
}

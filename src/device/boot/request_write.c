/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Firmware side of the requests. */
#include "device/boot/request_format_priv.h"

#include <string.h>

/* Requests of this boot that survive an erase of the full sector. A boot needs three: CONFIRM, SEAL
 * and one INSTALL, REVERT or FACTORY. */
#define KEPT_MAX 4u
#define ROOM_TRIES 3u

struct scan {
    uint32_t next; /* first place with only blank ones from there on */
    uint32_t kept_count;
    uint8_t kept[KEPT_MAX][DR_REQUEST_BYTES];
};

static enum dr_status scan_sector(
    const struct dr_flash *flash, struct dr_flash_area area, const struct dr_crypto *crypto,
    const struct dr_boot_info *info, struct scan *scan)
{
    uint8_t record[DR_REQUEST_BYTES];
    struct dr_request request;
    scan->next = 0;
    scan->kept_count = 0;
    for (uint32_t at = 0; at + sizeof record <= area.size_bytes; at += DR_REQUEST_BYTES) {
        DR_TRY(dr_flash_read(flash, area.address + at, record, sizeof record));
        enum dr_request_place place = dr_request_parse(
            record, flash->geometry.erased_value, info->journal_sequence, &request);
        if (place == DR_REQUEST_BLANK) {
            continue;
        }
        scan->next = at + DR_REQUEST_BYTES;
        if (place != DR_REQUEST_WHOLE || !dr_request_genuine(crypto, info->keys.request, record)) {
            continue;
        }
        if (scan->kept_count == KEPT_MAX) {
            memmove(scan->kept[0], scan->kept[1], (KEPT_MAX - 1u) * sizeof record);
            scan->kept_count--;
        }
        memcpy(scan->kept[scan->kept_count++], record, sizeof record);
    }
    return DR_OK;
}

static enum dr_status
put(const struct dr_flash *flash, uint32_t address, const uint8_t record[DR_REQUEST_BYTES])
{
    uint8_t check[DR_REQUEST_BYTES];
    DR_TRY(dr_flash_program(flash, address, record, DR_REQUEST_BYTES));
    DR_TRY(dr_flash_sync(flash));
    DR_TRY(dr_flash_read(flash, address, check, sizeof check));
    return memcmp(record, check, sizeof check) == 0 ? DR_OK : DR_E_IO;
}

/* Until the end what this boot asked for stands in scan alone. */
static enum dr_status
rewrite(const struct dr_flash *flash, struct dr_flash_area area, struct scan *scan)
{
    DR_TRY(dr_flash_erase(flash, area.address, area.size_bytes));
    DR_TRY(dr_flash_sync(flash));
    scan->next = 0;
    for (uint32_t i = 0; i < scan->kept_count; i++) {
        DR_TRY(put(flash, area.address + scan->next, scan->kept[i]));
        scan->next += DR_REQUEST_BYTES;
    }
    return DR_OK;
}

static enum dr_status
make_room(const struct dr_flash *flash, struct dr_flash_area area, struct scan *scan)
{
    enum dr_status status = DR_E_IO;
    for (uint32_t tries = 0; tries < ROOM_TRIES && status != DR_OK; tries++) {
        status = rewrite(flash, area, scan);
    }
    return status;
}

enum dr_status dr_request_write(
    const struct dr_flash *flash, struct dr_flash_area area, const struct dr_crypto *crypto,
    const struct dr_boot_info *info, enum dr_request_kind kind, uint8_t reason,
    const uint8_t digest[DR_IMAGE_DIGEST_BYTES])
{
    if ((info->keys.present & DR_KEY_REQUEST) == 0) {
        return DR_E_STATE;
    }
    struct dr_request request = {
        .kind = (uint8_t)kind,
        .reason = reason,
        .target = kind == DR_REQUEST_INSTALL ? info->spare : (uint8_t)DR_SLOT_NONE,
        .slot = info->slot,
        .mode = info->mode,
    };
    memcpy(request.issuer, info->digest, sizeof request.issuer);
    if (digest != NULL) {
        memcpy(request.digest, digest, sizeof request.digest);
    }
    uint8_t record[DR_REQUEST_BYTES];
    dr_request_build(crypto, info->keys.request, info->journal_sequence, &request, record);
    struct scan scan;
    DR_TRY(scan_sector(flash, area, crypto, info, &scan));
    if (scan.kept_count > 0 &&
        memcmp(scan.kept[scan.kept_count - 1u], record, sizeof record) == 0) {
        return DR_OK; /* it stands there already */
    }
    if (scan.next + DR_REQUEST_BYTES > area.size_bytes) {
        DR_TRY(make_room(flash, area, &scan));
    }
    return put(flash, area.address + scan.next, record);
}

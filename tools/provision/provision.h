/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The factory: makes a virtual device.
 *
 * Steps, in this order, each of which may be repeated: files (directory, secure element, flash,
 * boot ROM with its trust anchors), factory image (written encrypted, read back and verified as the
 * boot ROM does, its digest pinned in the secure element), identity (two certificate requests out,
 * certificates in, locked). A cut anywhere is healed by running all of it again.
 *
 * A library for `daruma device create` and for tests; it talks to no cloud: certificates come from
 * its caller.
 */
#ifndef DR_TOOLS_PROVISION_PROVISION_H
#define DR_TOOLS_PROVISION_PROVISION_H

#include "boards/linux/board/flash_file.h"
#include "boards/linux/bundle.h"
#include "boards/linux/rom/trust.h"
#include "boards/mps2_an385/host/nor_file.h"

#include <stddef.h>
#include <stdint.h>

#define DR_PROVISION_TEXT_BYTES 512u

/* What went wrong and what to do, for a person. */
struct dr_provision_error {
    char text[DR_PROVISION_TEXT_BYTES];
};

/* The flash part of one of the boards, open. */
struct dr_provision_store {
    struct dr_flash_file linux_file;
    struct dr_nor_file nor_file;
};

/* A board that devices can be made for. */
struct dr_provision_board {
    const char *name;          /* as board.conf and --board spell it */
    const char *rom_program;   /* beside the command line tool */
    const char *board_program; /* the same */
    const struct dr_flash_geometry *geometry;
    const struct dr_flash_map *map;
    uint32_t load_address;    /* where images have to lie in RAM */
    uint32_t load_size_bytes; /* 0: not looked at */
    enum dr_status (*create)(const char *path);
    /* close also after a failure. */
    enum dr_status (*open)(
        struct dr_provision_store *store, const char *path, struct dr_flash *ret_flash);
    void (*close)(struct dr_provision_store *store);
};

/* By name; NULL: there is no such board. */
const struct dr_provision_board *dr_provision_board_named(const char *name);

struct dr_provision_plan {
    const struct dr_provision_board *board;
    const char *directory;      /* of the device; made if absent, 0700 */
    const char *rom_program;    /* path of board->rom_program */
    const char *anchor_program; /* daruma-anchor */
    const char *board_program;  /* path of board->board_program */
    struct dr_trust_record trust;
    const uint8_t *image; /* the factory image */
    size_t image_bytes;
    /* Tests only: identity keys that exist outside the secure element, as PEM files. NULL in
     * products. */
    const char *host_key_normal;
    const char *host_key_recovery;
};

/* Directory, secure element, flash, boot ROM. DR_E_CONFLICT: the device exists with other trust
 * anchors. */
DR_MUST_USE enum dr_status
dr_provision_files(const struct dr_provision_plan *plan, struct dr_provision_error *error);

/* Write, read back, verify, pin. Nothing is done to a device whose life cycle is locked, or whose
 * pinned image is in place. DR_E_AUTH: the image is not acceptable to this device's boot ROM. */
DR_MUST_USE enum dr_status
dr_provision_factory(const struct dr_provision_plan *plan, struct dr_provision_error *error);

/* Power on and wait for both certificate requests (PEM with a final NUL). The board is left
 * running. DR_E_EXISTS: the device is locked already, there is nothing to do. DR_E_TIMEOUT. */
#define DR_PROVISION_CSR_BYTES 2049u
struct dr_provision_requests {
    char normal_pem[DR_PROVISION_CSR_BYTES];
    char recovery_pem[DR_PROVISION_CSR_BYTES];
};
DR_MUST_USE enum dr_status dr_provision_requests(
    const struct dr_provision_plan *plan, struct dr_provision_requests *ret_requests,
    struct dr_provision_error *error);

/* Hand the bundle in, wait until the device says that it is locked, power off. DR_E_TIMEOUT. */
DR_MUST_USE enum dr_status dr_provision_finish(
    const struct dr_provision_plan *plan, const struct dr_bundle *bundle,
    struct dr_provision_error *error);

/* After a failure in between: power off. */
void dr_provision_power_off(const struct dr_provision_plan *plan);

/* Find and fill the trust record in a boot ROM's bytes. DR_E_NOT_FOUND: none or more than one.
 * DR_E_ARGUMENT: the record's content. */
DR_MUST_USE enum dr_status
dr_provision_burn(uint8_t *rom, size_t rom_bytes, const struct dr_trust_record *record);

/* The record in a burned ROM. */
DR_MUST_USE enum dr_status
dr_provision_read_trust(const uint8_t *rom, size_t rom_bytes, struct dr_trust_record *ret_record);

#endif

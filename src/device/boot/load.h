/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Bring one image into RAM and prove that this copy may run.
 *
 * The slot is read once per attempt, bounded by the slot and by the window; parsing, hashing and
 * the signature all look at the copy in RAM, so a flash that answers differently the second time
 * changes nothing. Nothing in RAM is believed before the verdict. The verdict is a wide constant,
 * REJECT from the start and compared twice.
 *
 * Rules: docs/boot.md.
 */
#ifndef DR_DEVICE_BOOT_LOAD_H
#define DR_DEVICE_BOOT_LOAD_H

#include "crypto/crypto.h"
#include "device/boot/decide.h"
#include "device/boot/policy.h"
#include "device/flash/flash.h"
#include "device/verify/admit.h"
#include "device/verify/verify.h"
#include "format/reason.h"

#include <stdbool.h>
#include <stdint.h>

/* Where an image may lie in RAM. It excludes the ROM's data and stack, the hand-off and the
 * retained block: the board says so by not including them.
 *
 * begin gives the memory to copy into, for each attempt anew, or NULL; freeze ends the copying and
 * gives the same bytes for hashing and running, from where nobody can change them any more (on
 * Linux a sealed memory file, mapped read-only). A microcontroller returns the same pointer twice.
 */
struct dr_load_window {
    void *context;
    uint8_t *(*begin)(void *context);
    const uint8_t *(*freeze)(void *context, uint32_t size_bytes);
    uint32_t address;    /* the window's first address as images name it */
    uint32_t size_bytes; /* of the window */
    bool any_address;    /* the image's load address is not looked at: it goes to the start */
    bool vectors;        /* the payload begins with stack pointer and entry: check both */
};

/* Seam: where a slot's plaintext comes from; device/slot in products. open finds the image in a
 * slot and its size, which is never larger than the slot; read gives bytes of the one opened last.
 * read is called for each piece of at most DR_LOAD_PIECE_BYTES, and with size 0 for each that is
 * hashed, so that it can feed the watchdog: a large image on a slow part does not look like a hang;
 * only checking a signature takes longer.
 */
#define DR_LOAD_PIECE_BYTES 16384u
struct dr_load_source {
    void *context;
    enum dr_status (*open)(void *context, uint8_t slot, uint32_t *ret_size_bytes);
    enum dr_status (*read)(void *context, uint32_t offset_bytes, uint8_t *out, uint32_t size_bytes);
};

/* What must hold for the image, beyond its signature. */
struct dr_load_rules {
    const struct dr_boot_choice *choice;
    const struct dr_boot_state *state;
    const struct dr_anchor_view *anchor;
    const char *product;
    const struct dr_boot_policy *policy;
    const uint8_t *running_digest; /* of the image a candidate would replace; NULL: none */
};

struct dr_loaded {
    uint32_t offset_bytes;       /* of the image in the window */
    uint32_t size_bytes;         /* of the image */
    uint32_t entry_offset_bytes; /* of the payload in the window */
    uint32_t payload_size_bytes;
    const uint8_t *memory; /* the window's, as freeze gave it */
    uint8_t digest[DR_IMAGE_DIGEST_BYTES];
    struct dr_image_facts facts;
    struct dr_image_limits limits; /* in force */
    bool unrevoked;
};

/* One load: what it takes, and where. */
struct dr_loader {
    const struct dr_crypto *crypto;
    const struct dr_load_source *source;
    const struct dr_load_window *window;
    const struct dr_trust *trust;
    struct dr_verify_workspace *workspace;
};

/* One attempt. ACCEPT: *ret_loaded describes a verified copy in the window. REJECT: the window
 * holds nothing that may run. *ret_reason is FLASH_OR_SOURCE when the bytes are not those of the
 * image that was installed, else the rule that forbids it. */
DR_MUST_USE enum dr_verdict dr_load_image(
    const struct dr_loader *loader, const struct dr_load_rules *rules, struct dr_loaded *ret_loaded,
    enum dr_reason *ret_reason);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The anchor's files: one directory, mode 0700, every file 0600.
 *
 *   secret  the device secret, 32 bytes. On a real part it never leaves the silicon; here the board
 *           reads this file at each power-up and gives it to the boot ROM, as a loader puts it into
 *           the ROM's memory. No other program has business with it.
 *   state   the image of device/anchor/core, replaced by rename: old or new after any kill.
 *   lock    held while a process serves this anchor: a second one refuses to start.
 */
#ifndef DR_BOARDS_ANCHOR_STORE_H
#define DR_BOARDS_ANCHOR_STORE_H

#include "device/anchor/core.h"

#include <stdint.h>

struct dr_anchor_store {
    int directory; /* descriptors */
    int lock;
};

/* Make the files of a blank anchor. Resumable: what is there and whole stays. keys: NULL, or the
 * two identities made outside (tests). DR_E_IO: with errno. DR_E_CORRUPT: there is a damaged
 * secret or state; nothing is overwritten. */
DR_MUST_USE enum dr_status
dr_anchor_store_create(const char *path, const struct dr_anchor_identity_pair *keys);

/* Open, lock and read. DR_E_BUSY: another process serves it. DR_E_DENIED: others than the owner may
 * read the secret. DR_E_NOT_FOUND, DR_E_CORRUPT, DR_E_IO. */
DR_MUST_USE enum dr_status dr_anchor_store_open(
    struct dr_anchor_store *store, const char *path, uint8_t ret_secret[DR_DEVICE_SECRET_BYTES],
    uint8_t ret_image[DR_ANCHOR_STATE_BYTES]);

/* Atomic and durable replacement of the state. */
DR_MUST_USE enum dr_status
dr_anchor_store_persist(struct dr_anchor_store *store, const uint8_t image[DR_ANCHOR_STATE_BYTES]);

void dr_anchor_store_close(struct dr_anchor_store *store);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The hardware of this example: a flash part in RAM, a secure element in the same process, and what
 * a boot ROM would have handed over. On a board each of these is a driver. */
#ifndef DR_EXAMPLES_EMBED_PORTS_H
#define DR_EXAMPLES_EMBED_PORTS_H

#include "device/anchor/anchor.h"
#include "device/boot/info.h"
#include "device/client/client.h"
#include "device/flash/flash.h"

extern const struct dr_flash my_flash;
extern const struct dr_flash_map my_map;
extern const struct dr_client_board my_board;

/* Set by the board's reset. */
extern bool my_reset_wanted;

/* public_pem_path: the key that signs this product's images. false: cannot be read. */
bool my_boot_info(const char *public_pem_path, const char *product, struct dr_boot_info *ret_info);

enum dr_status my_anchor(struct dr_anchor *anchor);

#endif

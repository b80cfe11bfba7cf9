/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The boot ROM of the Linux board: device/boot over the board channel.
 *
 * A program of its own, burned once per device (trust.h). The chosen image is copied into a memory
 * file, the file is sealed, and the sealed bytes are hashed and verified; its payload goes into a
 * second sealed file, is compared with the verified bytes, and that file is executed by descriptor.
 * Between verification and execution nobody can change a byte. The firmware keeps this process's
 * number, the channel and the serial line, and nothing else.
 */
#ifndef DR_BOARDS_LINUX_ROM_ROM_H
#define DR_BOARDS_LINUX_ROM_ROM_H

#include "boards/linux/channel.h"
#include "boards/linux/rom/trust.h"
#include "crypto/crypto.h"
#include "device/boot/boot.h"

/* The window that images are loaded to: one memory file at a time. */
struct dr_rom_window {
    /* private, do not touch */
    int fd;          /* -1: none */
    uint8_t *memory; /* writable until frozen, then read-only */
    uint32_t size_bytes;
};

/* window.c. window is kept by the result. */
struct dr_load_window dr_rom_window(struct dr_rom_window *window, uint32_t size_bytes);

/* A sealed memory file with exactly these bytes, or -1. */
int dr_rom_seal(const uint8_t *data, size_t size_bytes);

/* Unmap and close. */
void dr_rom_window_close(struct dr_rom_window *window);

/* port.c: the functions of the platform that are about the channel. */
void dr_rom_port(struct dr_boot_platform *platform, struct dr_channel *channel);
struct dr_anchor_port dr_rom_anchor_port(struct dr_channel *channel);

/* crypto_*.c: the one table this ROM was built with. */
const struct dr_crypto *dr_rom_crypto(void);

#endif

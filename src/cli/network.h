/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The network that a device joins, and the key under which it travels. */
#ifndef DR_CLI_NETWORK_H
#define DR_CLI_NETWORK_H

#include "cli/cli.h"
#include "format/enclosed.h"

/* In the device directory, 0600: 32 bytes that the device has as well. */
#define DR_CLI_BUNDLE_KEY_FILE "bundle.key"

struct dr_cli_network {
    uint8_t bytes[DR_NETWORK_BYTES_MAX + 1u]; /* name, zero, password; as format/enclosed.h */
    size_t size_bytes;
};

/* Name and password of a network as one record. 0, or a usage error. Neither may hold a blank. */
int dr_cli_network_make(
    struct dr_cli *cli, const char *name, const char *password, struct dr_cli_network *ret_network);

/* A file whose first line is the network's name and whose second is its password: secrets do not
 * belong on a command line. 0, or an exit code after a message. */
int dr_cli_network_read(struct dr_cli *cli, const char *path, struct dr_cli_network *ret_network);

/* The network sealed for one thing and one image, as base64 with a final NUL. key_path: that
 * device's bundle.key. 0, or an exit code after a message. */
#define DR_CLI_ENCLOSED_TEXT_BYTES ((DR_ENCLOSED_BYTES_MAX + 2u) / 3u * 4u + 1u)
int dr_cli_network_enclose(
    struct dr_cli *cli, const struct dr_cli_network *network, const char *thing,
    const uint8_t digest[DR_IMAGE_DIGEST_BYTES], const char *key_path,
    char ret_text[DR_CLI_ENCLOSED_TEXT_BYTES]);

/* The key of a device directory, made at first use. 0, or an exit code after a message. */
int dr_cli_bundle_key(
    struct dr_cli *cli, const char *directory, uint8_t ret_key[DR_ENCLOSED_KEY_BYTES]);

#endif

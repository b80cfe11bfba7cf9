/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A secret that travels with an update, for one device and one image: daruma.bundle of a job
 * document, in base64.
 *
 *   nonce 12 | ciphertext | tag 16       AES-256-GCM
 *
 * The key was made at manufacture and is known to the device and to whoever made it; no cloud has
 * it, so no cloud reads, makes or moves such a record. The associated data names the thing and the
 * image's digest: the record opens for nobody else and beside no other image. The plaintext begins
 * with its kind.
 */
#ifndef DR_FORMAT_ENCLOSED_H
#define DR_FORMAT_ENCLOSED_H

#include "base/status.h"
#include "format/image.h"
#include "format/topic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The network to join: name, one zero byte, password. */
#define DR_NETWORK_NAME_LEN_MAX 32u
#define DR_NETWORK_PASSWORD_LEN_MAX 64u
#define DR_NETWORK_BYTES_MAX (DR_NETWORK_NAME_LEN_MAX + 1u + DR_NETWORK_PASSWORD_LEN_MAX)

#define DR_ENCLOSED_NETWORK 1u /* the kind: a network to join */

#define DR_ENCLOSED_KEY_BYTES 32u
#define DR_ENCLOSED_NONCE_BYTES 12u
#define DR_ENCLOSED_TAG_BYTES 16u
#define DR_ENCLOSED_PLAIN_BYTES_MAX (1u + DR_NETWORK_BYTES_MAX)
#define DR_ENCLOSED_BYTES_MAX                                                                      \
    (DR_ENCLOSED_NONCE_BYTES + DR_ENCLOSED_PLAIN_BYTES_MAX + DR_ENCLOSED_TAG_BYTES)

/* Is this a name of 1 to 32 bytes, one zero byte, and a password of at most 64 without another? */
bool dr_network_valid(const uint8_t *network, size_t size_bytes);

/* "daruma-bundle-1", zero, thing name, zero, digest. Returns its size. thing: NUL-terminated, at
 * most DR_THING_NAME_LEN_MAX. */
#define DR_ENCLOSED_AAD_BYTES_MAX (16u + DR_THING_NAME_LEN_MAX + 1u + DR_IMAGE_DIGEST_BYTES)
size_t dr_enclosed_aad(
    const char *thing, const uint8_t digest[DR_IMAGE_DIGEST_BYTES],
    uint8_t out[DR_ENCLOSED_AAD_BYTES_MAX]);

#endif

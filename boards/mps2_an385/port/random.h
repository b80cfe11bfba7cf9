/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Randomness: this part has none of its own, so it is the secure element's, mixed with a secret
 * that nobody on the line to it knows. */
#ifndef DR_BOARDS_MPS2_RANDOM_H
#define DR_BOARDS_MPS2_RANDOM_H

#include "base/status.h"
#include "crypto/crypto.h"
#include "device/anchor/anchor.h"

#include <stddef.h>
#include <stdint.h>

/* anchor is kept; secret is copied. One task. */
DR_MUST_USE enum dr_status
dr_mps2_random_start(struct dr_anchor *anchor, const uint8_t secret[DR_SHA256_BYTES]);

DR_MUST_USE enum dr_status dr_mps2_random(uint8_t *out, size_t size_bytes);

#endif

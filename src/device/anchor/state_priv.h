/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The anchor's state as bytes: little-endian, zero-padded, CRC-32 at the end. */
#ifndef DR_DEVICE_ANCHOR_STATE_PRIV_H
#define DR_DEVICE_ANCHOR_STATE_PRIV_H

#include "base/status.h"
#include "device/anchor/core.h"

void dr_anchor_state_encode(
    const struct dr_anchor_state *state, uint8_t image[DR_ANCHOR_STATE_BYTES]);

/* DR_E_CORRUPT: not a state. */
DR_MUST_USE enum dr_status dr_anchor_state_decode(
    const uint8_t image[DR_ANCHOR_STATE_BYTES], struct dr_anchor_state *ret_state);

#endif

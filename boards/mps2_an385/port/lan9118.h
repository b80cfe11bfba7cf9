/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The LAN9118 Ethernet part: registers and queues, nothing of lwIP or the kernel.
 *
 * Its receive queue holds six full frames and drops more without a word, so whoever owns it drains
 * it until it is empty at every interrupt. Not safe for two callers at once, except that receiving
 * and sending are independent of each other.
 */
#ifndef DR_BOARDS_MPS2_LAN9118_H
#define DR_BOARDS_MPS2_LAN9118_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define DR_LAN9118_FRAME_BYTES_MAX 1514u /* without checksum */

/* Reset, identify, switch both directions on. DR_E_IO: no such part, or it does not answer. */
DR_MUST_USE enum dr_status dr_lan9118_start(uint8_t ret_mac[6]);

/* Interrupt "frame received". The handler switches it off and wakes the task that drains. */
void dr_lan9118_receive_interrupt(bool on);

/* Size of the next frame, without its checksum; 0: none left. Damaged frames are dropped here.
 * Then exactly one of the two that follow. */
uint32_t dr_lan9118_next(void);
/* out: room for size_bytes rounded up to 4; aligned to 4. */
void dr_lan9118_read(uint8_t *out, uint32_t size_bytes);
void dr_lan9118_drop(uint32_t size_bytes);

/* frame: aligned to 4, readable to a multiple of 4. DR_E_BUSY: no room in the queue. DR_E_RANGE. */
DR_MUST_USE enum dr_status dr_lan9118_send(const uint8_t *frame, uint32_t size_bytes);

#endif

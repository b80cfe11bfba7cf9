/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The first sequence number of a TCP connection, as RFC 6528 has it: a clock of 4 us steps, plus a
 * keyed hash of the two ends. Who does not know the secret cannot tell from one connection's number
 * that of another; of connections with the same ends each begins above the last. */
#ifndef DR_BOARDS_MPS2_ISN_H
#define DR_BOARDS_MPS2_ISN_H

#include "crypto/crypto.h"

#include <stdint.h>

/* Addresses in any one byte order. No padding: the bytes are hashed as they lie. */
struct dr_tcp_ends {
    uint32_t local;
    uint32_t remote;
    uint16_t local_port;
    uint16_t remote_port;
};

/* now_ms may wrap around; secret: random, new at each start, for nothing else. */
uint32_t dr_tcp_isn(
    const struct dr_crypto *crypto, const uint8_t secret[DR_SHA256_BYTES],
    const struct dr_tcp_ends *ends, uint32_t now_ms);

#endif
